"""Brackets, strings and comments of Python text that is not finished, and so has no syntax tree to be sure of."""

import re
from collections.abc import Iterator

_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_CLOSING = frozenset(_CLOSED_BY.values())
# A string goes to its quotes, or as far as it can: to the end of its line, or of the text. "end" is what closes it.
_PIECE = re.compile(
    r"""
    \#[^\n]*
    | (?P<long>\"{3}|'{3}) (?:\\.|(?!(?P=long)).)* (?P<long_end>(?P=long))?
    | (?P<short>["']) (?:\\.|(?!(?P=short))[^\n])* (?P<short_end>(?P=short))?
    | [()\[\]{},]
    """,
    re.DOTALL | re.VERBOSE,
)


def borders(text: str, start: int = 0) -> Iterator[int]:
    """Where arguments end of a call whose bracket was opened before: at commas, and at the bracket that closes it.

    Commas inside of further brackets and of strings are none. Where no bracket closes the call, or another kind of
    bracket is closed than is open, the last one is a comma.

    Args:
      start: behind the opening bracket.

    Example: of "(3, 4), dtype=float)" they are 6 and 19.
    """
    opened = [")"]
    for piece in _PIECE.finditer(text, start):
        character = piece[0]
        if character in _CLOSED_BY:
            opened.append(_CLOSED_BY[character])
        elif character == "," and len(opened) == 1:
            yield piece.start()
        elif character in _CLOSING:
            if opened.pop() != character:
                return
            if not opened:
                yield piece.start()
                return


def closing(text: str, start: int = 0) -> int | None:
    """Where the bracket stands that closes a call; None where none does.

    Args:
      start: behind the opening bracket.

    Example: of "f(')'), 1) + 2" it is 9.
    """
    return next((place for place in borders(text, start) if text[place] == ")"), None)


def left_open(text: str) -> str | None:
    """What closes the brackets that are open at the end of a text; None where its end is in a string or a comment.

    Example: of "x = f(a, [1, '(', " it is "])"; of "x = 'a" it is None.
    """
    opened, piece = [], None
    for piece in _PIECE.finditer(text):
        character = piece[0]
        if character in _CLOSED_BY:
            opened.append(_CLOSED_BY[character])
        elif opened and character == opened[-1]:
            opened.pop()
    if piece is not None and piece.end() == len(text):
        is_string = piece["long"] or piece["short"]
        closed = piece["long_end"] or piece["short_end"]
        if piece[0][0] == "#" or (is_string and not closed):
            return None
    return "".join(reversed(opened))
