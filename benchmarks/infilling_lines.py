"""Single lines to fill in: the text before a gap inside a line, what stood there, and the text after it.

Two kinds. `rest`: the line from one of its characters to its end, as when somebody types into it; `line`: the line
behind its indentation, which an editor puts there by itself. Bavarian et al., Efficient Training of Language Models to
Fill in the Middle (https://arxiv.org/abs/2207.14255), score whole lines as well.
"""

import dataclasses
import random
from collections.abc import Iterable, Sequence

from benchmarks import repositories_in_turn
from completion import metrics
from preprocessing import contract

KINDS = ("rest", "line")
# Shorter lines, `else:` and `)`, can be guessed from their surroundings without a model.
MIN_LINE_CHARACTERS = 8
# Lines before and after the gap, so that there is something to read on both sides.
MARGIN_LINES = 3


@dataclasses.dataclass(frozen=True)
class Case:
    """One gap.

    Attributes:
      kind: one of KINDS.
      prefix, middle, suffix: put together in this order they are the file's text; the suffix begins with the white
        space at the line's end, or its newline.
    """

    kind: str
    prefix: str
    middle: str
    suffix: str


def draw(files: Iterable[contract.CodeFile], *, count: int, seed: int = 0) -> list[Case]:
    """Draws gaps, one a file, the same ones for the same files; repositories take turns, and so do the kinds.

    Returns:
      `count` cases; fewer where there are not as many files with a line to take.
    """
    chance = random.Random(seed)
    cases: list[Case] = []
    for content in repositories_in_turn.take_turns(files, chance):
        if len(cases) == count:
            break
        case = cut(content, KINDS[len(cases) % len(KINDS)], chance)
        cases += [case] if case else []
    return cases


def cut(content: str, kind: str, chance: random.Random) -> Case | None:
    """Cuts a gap into one line of a file; None where no line is long enough.

    Example: "...\\n    return value\\n..." gives for `line` the middle "return value", for `rest` perhaps "urn value".
    """
    lines = content.split("\n")
    last = len(lines) - MARGIN_LINES
    possible = [i for i in range(MARGIN_LINES, last) if len(lines[i].strip()) >= MIN_LINE_CHARACTERS]
    if not possible:
        return None
    chosen = chance.choice(possible)
    line = lines[chosen].rstrip()
    indentation = len(line) - len(line.lstrip())
    # Behind its first character, and before its last two, at the ends.
    at = indentation if kind == "line" else chance.randint(indentation + 1, len(line) - 2)
    before = sum(len(other) + 1 for other in lines[:chosen])
    return Case(kind, content[: before + at], line[at:], content[before + len(line) :])


def score(cases: Sequence[Case], written: Sequence[str]) -> dict[str, dict[str, float]]:
    """Exact match and edit similarity in percent, of each kind and of `all`, with the number of cases.

    Example: `{"rest": {"exact_match": 40.0, "edit_similarity": 71.2, "cases": 200}, ...}`
    """
    found = {}
    for kind in (*KINDS, "all"):
        pairs = [(case.middle, text) for case, text in zip(cases, written, strict=True) if kind in (case.kind, "all")]
        if pairs:
            targets, texts = zip(*pairs, strict=True)
            found[kind] = {**metrics.line_completion(targets, texts), "cases": len(pairs)}
    return found
