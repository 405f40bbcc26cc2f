"""What kind of token stands where another was predicted, and which identifiers are taken for each other.

The tokens of the expected text and of a provider's first answer are put side by side in their order, as far as they are
the same and up to the first that differs; what follows a wrong token was written after it, and is not compared. Each
of these pairs is counted by the kinds of both. An answer is first cut where the case has it end (`scores.ending`).

keyword      of Python, soft ones (`match`, `type`) where they are meant, and True, False, None
name         an identifier
attribute    an identifier behind a dot
number       with or without a point
string       with all that is in it; one that is not closed goes to the end of its line, or of the text
operator     all that is none of these: brackets, commas, colons and dots too, and what is no Python
indentation  the beginning of a line that was begun by the text itself: its blanks, also within brackets, and how many
             there are counts. Of the first line it is only there where the cursor stands in its indentation and more
             blanks follow
comment      to the end of its line
nothing      where one of both has ended; where both have, nothing is counted

Kinds come from the syntax tree of prompt and text together, which text that is not finished has too. Of a token that
begins before the cursor only what is behind it is compared.
"""

import collections
import functools
import itertools
import keyword
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from completion.evaluation import scores, statements
from completion.evaluation.cases import Case, Prediction

NOTHING = "nothing"
KINDS = ("keyword", "name", "attribute", "number", "string", "operator", "indentation", "comment", NOTHING)
IDENTIFIERS = ("name", "attribute")


class Piece(NamedTuple):
    """A token behind a cursor: its text and its kind."""

    text: str
    kind: str


class Confused(NamedTuple):
    """An identifier that was expected, the one in its place, and in how many cases."""

    expected: str
    predicted: str
    cases: int


def figures(cases: Sequence[Case], predictions: Mapping[str, Prediction]) -> dict[str, Any]:
    """`matrix` and `confused_identifiers` as `results.json` has them: "kinds", "matrix" and "identifiers"."""
    found = confused_identifiers(cases, predictions)
    return {
        "kinds": list(KINDS),
        "matrix": matrix(cases, predictions),
        "identifiers": [one._asdict() for one in found],
    }


def matrix(cases: Sequence[Case], predictions: Mapping[str, Prediction]) -> list[list[int]]:
    """How often each kind was predicted where each was expected.

    Args:
      predictions: of one provider, by the case's id. Cases without one, or with an error, are left out; an answer
        without text is "nothing".

    Returns:
      Counts [expected][predicted], both in the order of KINDS. The diagonal has what is right, and what is wrong but of
      the right kind.

    Example: of "x.append(1)" expected and "x.append(y)" predicted behind a cursor at the dot, one pair of attributes
      and two of operators are the same, and a number stands against a name.
    """
    counts = [[0] * len(KINDS) for _ in KINDS]
    for pairs in _compared(cases, predictions):
        for expected, predicted in pairs:
            counts[KINDS.index(expected.kind)][KINDS.index(predicted.kind)] += 1
    return counts


def confused_identifiers(
    cases: Sequence[Case], predictions: Mapping[str, Prediction], *, most: int = 30
) -> list[Confused]:
    """Which identifiers stand in the place of which, where they are the first difference; the most frequent first.

    Arguments as in `matrix`; `most` pairs at most.

    Example: "self.name" expected and "self.path" predicted in four cases is Confused("name", "path", 4).
    """
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    for pairs in _compared(cases, predictions):
        for expected, predicted in pairs[-1:]:
            if expected.text != predicted.text and {expected.kind, predicted.kind} <= set(IDENTIFIERS):
                counts[expected.text, predicted.text] += 1
    order = sorted(counts, key=lambda pair: (-counts[pair], pair))
    return [Confused(*pair, counts[pair]) for pair in order[:most]]


def aligned(expected: Sequence[Piece], predicted: Sequence[Piece]) -> list[tuple[Piece, Piece]]:
    """Pairs of tokens up to the first difference; where the texts are the same, so is the kind: what is expected."""
    pairs = []
    for one, other in itertools.zip_longest(expected, predicted, fillvalue=Piece("", NOTHING)):
        same = one.text == other.text and NOTHING not in (one.kind, other.kind)
        pairs.append((one, one if same else other))
        if not same:
            break
    return pairs


@functools.lru_cache(maxsize=4096)  # what is expected is compared with every provider's answer, and for each figure
def pieces(prompt: str, text: str) -> tuple[Piece, ...]:
    """The tokens of a text behind a prompt.

    Example: of "x = 1\\n" behind "if y:\\n    " they are ("x", "name"), ("=", "operator"), ("1", "number").
    """
    source, cursor = (prompt + text).encode(), len(prompt.encode())
    # From the line's beginning: a string that is not closed may have begun before the cursor.
    line = source.rfind(b"\n", 0, cursor) + 1
    found, before = [], line
    for start, end, kind in _tokens(source, line):
        if end > cursor:
            begun = max(start, cursor)
            blanks = source[max(before, cursor) : begun]
            if b"\n" in blanks or (blanks and not source[line:cursor].strip() and not found):
                found.append(Piece(blanks.decode().rpartition("\n")[2], "indentation"))
            found.append(Piece(source[begun:end].decode("utf-8", "replace"), kind))
        before = end
    return tuple(found)


def _compared(cases: Sequence[Case], predictions: Mapping[str, Prediction]) -> Iterator[list[tuple[Piece, Piece]]]:
    """Of each case that was answered its pairs."""
    for case in cases:
        prediction = predictions.get(case.id)
        if prediction is None or prediction.error is not None:
            continue
        first = scores.ending(case, prediction.texts[0]) if prediction.texts else ""
        yield aligned(pieces(case.prompt, case.expected), pieces(case.prompt, first))


def _tokens(source: bytes, start: int) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind of the tokens from a byte on."""
    done = start
    for token in statements.tokens(statements.parse(source), start=start):
        if token.start < done or token.type == "line_continuation":
            continue
        done, kind = token.end, _kind(token, source)
        if token.type == "string_start":
            # The tree has what is in a string that is not closed as if it were code. (One of an earlier line stays so.)
            triple = source[token.start : token.end].endswith((b'"""', b"'''"))
            end = -1 if triple else source.find(b"\n", token.end)
            done = end if end >= 0 else len(source)
        yield token.start, done, kind


def _kind(token: statements.Token, source: bytes) -> str:
    text = source[token.start : token.end].decode("utf-8", "replace")
    if token.type in ("string", "string_start"):
        return "string"
    if token.type in ("integer", "float"):
        return "number"
    if token.type == "comment":
        return "comment"
    if keyword.iskeyword(text) or (keyword.issoftkeyword(text) and token.type != "identifier"):
        return "keyword"
    if text.isidentifier():
        return "attribute" if source[: token.start].rstrip().endswith(b".") else "name"
    return "operator"
