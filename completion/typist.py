"""A person who types a file with an engine at hand, as `completion.typing_simulation` describes."""

import dataclasses
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from completion import filters
from completion.engine import Engine
from completion.held_out_files import HeldOut
from completion.requests import Request
from completion.search import Decoding

PLACES = ("line_start", "mid_line", "after_dot")
# A right beginning of fewer characters is typed more quickly than it is read.
LEAST = 3
_BLANKS = " \t\f\r"
_WORD = re.compile(r"\w")
# Python's operators of more than one character are one token, as words and numbers are; for other languages it will do.
_TOKEN = re.compile(r"\w+|\s+|\*\*=|//=|<<=|>>=|\.\.\.|->|:=|[-+*/%@&|^=<>!]=|\*\*|//|<<|>>|.")


@dataclasses.dataclass(frozen=True)
class Person:
    """Who types, and with what.

    Attributes:
      decoding: how suggestions are written.
      min_score: suggestions of a lower score are not shown, see `filters.Filters`; None shows all.
      infill: whether the lines below are there already.
      every_key: whether a suggestion is asked for after each character.
      max_lines: so many from the top of a file are typed; with `infill` what comes below them is there nevertheless.
    """

    decoding: Decoding = dataclasses.field(default_factory=Decoding)
    min_score: float | None = None
    infill: bool = False
    every_key: bool = False
    max_lines: int | None = None


@dataclasses.dataclass(frozen=True)
class Ask:
    """A place at which a suggestion was asked for.

    Attributes:
      line: number of the line, from 1.
      column: characters of the line before the cursor.
      place: one of PLACES.
      suggestion: None where none was shown.
      rest: of the line, behind the cursor; never empty.
      accepted: characters that the suggestion brought, 0 where it was typed past.
      milliseconds: until the answer was there, also where it was not shown.
    """

    line: int
    column: int
    place: str
    suggestion: str | None
    rest: str
    accepted: int
    milliseconds: float

    @property
    def matched(self) -> int:
        """Characters with which the suggestion and the rest of the line begin alike."""
        return len(os.path.commonprefix([self.suggestion or "", self.rest]))

    @property
    def finishes(self) -> bool:
        """Whether the suggestion was accepted and brought the line to its end."""
        return self.accepted == len(self.rest)


@dataclasses.dataclass(frozen=True)
class TypedFile:
    """What typing a file took.

    Attributes:
      lines: in all. lines_of_code: that are not blank. newlines: that were entered.
      characters: of code, `typed` of which were typed one by one.
    """

    name: str
    lines: int
    lines_of_code: int
    newlines: int
    characters: int
    typed: int
    asks: tuple[Ask, ...]

    @property
    def accepted(self) -> int:
        """Characters that suggestions brought."""
        return sum(ask.accepted for ask in self.asks)


def place(code: str, column: int, *, every_key: bool = False) -> str | None:
    """At which of PLACES the cursor stands; None where nothing is asked.

    Args:
      code: a line without the blanks around it.
      column: of its characters before the cursor.

    Example: in "x = a.b" 0 is "line_start", 2 to 4 are "mid_line", 6 is "after_dot" and 1 and 5 are None.
    """
    if column == 0:
        return "line_start"
    if code[column - 1] == ".":
        return "after_dot"
    return "mid_line" if every_key or not _WORD.match(code[column - 1]) else None


def right(suggestion: str, rest: str) -> int:
    """How many characters of the rest of a line are accepted: all of a suggestion, or none.

    Example: of "count += 1" the suggestions "count += 1", "count " and "count +" bring 10, 6 and 0 characters.
    """
    if suggestion.rstrip() == rest:
        return len(rest)
    if len(suggestion.strip()) < LEAST or not rest.startswith(suggestion):
        return 0
    return len(suggestion) if any(token.end() == len(suggestion) for token in _TOKEN.finditer(rest)) else 0


def type_file(
    engine: Engine, file: HeldOut, person: Person, *, after_line: Callable[[int], None] = lambda characters: None
) -> TypedFile:
    """Types a file from its top to its end, or as far as the person goes.

    Args:
      engine: asked for neighbouring places one after the other, for which it keeps what it read.
      after_line: is told the characters of code of each line when it is typed.

    Raises:
      ValueError: `person.infill`, but the model was not trained for it.
    """
    shown = filters.Filters(min_score=person.min_score, python=file.path.endswith((".py", ".pyi")))
    lines, asks, typed = list(lines_of(file.text, person.max_lines)), [], 0
    for line in lines:
        suffix = file.text[line.end :] if person.infill else None
        column = 0
        while column < len(line.code):
            accepted = 0
            if where := place(line.code, column, every_key=person.every_key):
                request = Request(file.text[: line.start + line.indentation + column], suffix, path=file.path)
                began = time.perf_counter()
                found = engine.complete(request, person.decoding, one_line=True, filters=shown)
                milliseconds = 1000 * (time.perf_counter() - began)
                suggestion, rest = found[0].text if found else None, line.code[column:]
                accepted = 0 if suggestion is None else right(suggestion, rest)
                cursor = line.indentation + column
                asks.append(Ask(line.number, cursor, where, suggestion, rest, accepted, milliseconds))
            typed += not accepted
            column += accepted or 1
        after_line(len(line.code))
    return TypedFile(
        file.name,
        lines=len(lines),
        lines_of_code=sum(bool(line.code) for line in lines),
        newlines=min(len(lines), file.text.count("\n")),
        characters=sum(len(line.code) for line in lines),
        typed=typed,
        asks=tuple(asks),
    )


class Line(NamedTuple):
    """A line of a text: its number from 1, where it starts and ends there, and what is to be typed of it."""

    number: int
    start: int
    end: int
    indentation: int
    code: str


def lines_of(text: str, max_lines: int | None) -> Iterator[Line]:
    """The lines of a text, from its top; no line follows the last newline."""
    start = 0
    for number, line in enumerate(text.removesuffix("\n").split("\n")[:max_lines], start=1):
        code = line.strip(_BLANKS)
        yield Line(number, start, start + len(line.removesuffix("\r")), line.find(code), code)
        start += len(line) + 1
