"""Line completion: cursors in files that the model did not learn from, drawn at random.

Where they stand, the slice `place`:

line_start   at the first token of a line
inside_line  at any other token
after_dot    behind a dot, in front of a name
in_call      at a token between the brackets of a call, but not behind a dot or first in its line

What is asked for, the slice `kind`:

line    the rest of the line, without blanks at its end
block   the rest of the smallest statement that the cursor is in, with all that is indented under it, where that is two
        to MAX_LINES lines: from the cursor in "for x in y:" to the end of the loop

Places are tokens, as a person asks for a suggestion there and not in the middle of a word; not directly behind a word;
never in or right before a comment, in a string or before a docstring, in a line with a comment or one that names a
licence; and there is a word or a number in the rest of the line, so that no closing bracket alone is asked for. Further
slices: `length` of the answer in characters, and `identifiers`: "all known" where all that stand in the answer are
words of the prompt too (or there are none), else "some new".

The slice `repository` is no division of its own: it says which cases are drawn together for intervals
(`scores.GROUP`), and is not listed among the slices of a summary.

A file's cursors are drawn by the seed and its name, and chosen by a digest of the seed and their id, so that neither
the order of files nor where the process runs matters.
"""

import collections
import dataclasses
import hashlib
import random
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from completion.evaluation import statements
from completion.evaluation.cases import Case
from completion.held_out_files import HeldOut

SUITE = "line"
PLACES = ("line_start", "inside_line", "after_dot", "in_call")
KINDS = ("line", "block")
LENGTHS = ((5, "1 to 5"), (15, "6 to 15"), (40, "16 to 40"))
# The most lines of a block, and the most bytes of the line that the cursor is in: longer ones are tables of data.
MAX_LINES = 20
MAX_LINE_BYTES = 200
_LICENCE = re.compile(rb"(?i)licen[cs]e|copyright|spdx")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclasses.dataclass(frozen=True)
class Suite:
    """What was drawn.

    Attributes:
      cases: any beginning of the list is as balanced over places and kinds as the whole.
      left_out: name and reason of files that have none: "syntax" where it is no Python, "no_places".
    """

    cases: list[Case]
    left_out: list[tuple[str, str]]


class Cursor(NamedTuple):
    """A place in a file; start and end of what is asked for in bytes of UTF-8, line from 0."""

    start: int
    end: int
    line: int
    place: str
    kind: str


def draw(files: Iterable[HeldOut], number: int, *, seed: int = 0, most_of_a_file: int = 4, suite: str = SUITE) -> Suite:
    """Draws cases, as many of each place and kind as there are; where one runs out, the others fill its place.

    Args:
      number: of cases; there are fewer where the files have not as many.
      most_of_a_file: so many at most of one file, each in another line. One of each place and kind is drawn of a file,
        so that there are never more than 8.
      suite: what the cases say they are of.

    Raises:
      ValueError: two files have the same name.
    """
    left_out, names = [], set()
    drawn: dict[tuple[str, str], list[tuple[str, HeldOut, Cursor]]] = collections.defaultdict(list)
    for file in files:
        if file.name in names:
            raise ValueError(f"two files are called {file.name}: their cases could not be told apart")
        names.add(file.name)
        found = cursors(file.text)
        if not found:
            left_out.append((file.name, "syntax" if found is None else "no_places"))
            continue
        chance = random.Random(f"{seed}:{file.name}")
        cells = collections.defaultdict(list)
        for cursor in found:
            cells[cursor.place, cursor.kind].append(cursor)
        for cell in sorted(cells):
            cursor = chance.choice(cells[cell])
            key = f"{seed}:{file.name}:{cursor.start}:{cursor.kind}"
            drawn[cell].append((hashlib.sha256(key.encode()).hexdigest(), file, cursor))
    chosen = _balanced(drawn, number, most_of_a_file)
    return Suite([_case(file, cursor, suite) for file, cursor in chosen], sorted(left_out))


def cursors(text: str) -> list[Cursor] | None:
    """All places of a file in its order, each once for each kind that fits there; None of what is no Python.

    Example: "x = 1\\ny = f(x)\\n" has one of the kind "line" before `y`, `f` and `x`, and before `1`.
    """
    source = text.encode()
    tree = statements.parse(source)
    if tree.root_node.has_error:
        return None
    tokens = list(statements.tokens(tree))
    commented = {token.line for token in tokens if token.type == "comment"}
    # Nothing stands before the first token, and so it is not asked for.
    return [cursor for token in tokens[1:] if token.line not in commented for cursor in _of_token(token, source)]


def _of_token(token: statements.Token, source: bytes) -> Iterator[Cursor]:
    start = token.start
    line_start, line_end = source.rfind(b"\n", 0, start) + 1, source.find(b"\n", start)
    before, behind = source[line_start:start], source[start : line_end if line_end >= 0 else len(source)].rstrip()
    docstring = token.type == "string" and token.alone
    if token.type == "line_continuation" or docstring:
        return
    if re.search(rb"\w$", before) or not re.search(r"\w", behind.decode()):
        return
    if len(before) + len(behind) > MAX_LINE_BYTES or _LICENCE.search(before + behind):
        return
    if not before.strip():
        place = "line_start"
    elif before.endswith(b".") and token.type == "identifier":
        place = "after_dot"
    else:
        place = "in_call" if token.in_call else "inside_line"
    yield Cursor(start, start + len(behind), token.line, place, "line")
    bytes_asked = token.statement_end - start
    if (
        0 < bytes_asked <= MAX_LINES * MAX_LINE_BYTES
        and 1 <= source.count(b"\n", start, token.statement_end) < MAX_LINES
    ):
        yield Cursor(start, token.statement_end, token.line, place, "block")


def _balanced(drawn: dict, number: int, most_of_a_file: int) -> list[tuple[HeldOut, Cursor]]:
    """One of each place and kind in turn, those first of which there are fewest."""
    cells = {cell: sorted(found, key=lambda one: one[0], reverse=True) for cell, found in drawn.items()}
    order = sorted(cells, key=lambda cell: (len(cells[cell]), cell))
    chosen: list[tuple[HeldOut, Cursor]] = []
    of_file: collections.Counter[str] = collections.Counter()
    lines = set()
    while any(cells.values()) and len(chosen) < number:
        for cell in order:
            while cells[cell] and len(chosen) < number:
                _, file, cursor = cells[cell].pop()
                if of_file[file.name] < most_of_a_file and (file.name, cursor.line) not in lines:
                    of_file[file.name] += 1
                    lines.add((file.name, cursor.line))
                    chosen.append((file, cursor))
                    break
    return chosen


def _case(file: HeldOut, cursor: Cursor, suite: str) -> Case:
    source = file.text.encode()
    prompt, expected = source[: cursor.start].decode(), source[cursor.start : cursor.end].decode()
    column = len(prompt) - prompt.rfind("\n") - 1
    return Case(
        f"{file.name}:{cursor.line + 1}:{column}",
        suite,
        prompt,
        expected,
        path=file.path,
        slices={
            "place": cursor.place,
            "kind": cursor.kind,
            "length": length(expected),
            "identifiers": "all known" if _identifiers(source, cursor) <= set(_WORD.findall(prompt)) else "some new",
            "repository": file.repository,
        },
        one_line=cursor.kind == "line",
    )


def length(expected: str) -> str:
    """Which slice a text is in by its characters.

    Example: `length("x = 1")` is "1 to 5", and "more" that of 41 characters.
    """
    return next((name for most, name in LENGTHS if len(expected) <= most), "more")


def _identifiers(source: bytes, cursor: Cursor) -> set[str]:
    tokens = statements.tokens(statements.parse(source), start=cursor.start, end=cursor.end)
    return {source[one.start : one.end].decode() for one in tokens if one.type == "identifier"}
