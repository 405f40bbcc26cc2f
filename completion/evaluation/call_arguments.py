"""The arguments of a call as text: where they end, and when two of them are the same.

Two texts of arguments are the same where Python's syntax trees of them are (`ast`, with the name of the call left out).
So blanks, newlines, comments, a comma at the end, brackets that group nothing, how a number is written (16, 0x10) and
the quotes of equal strings do not count; names, values and the order of arguments do.
"""

import ast
from typing import NamedTuple

from completion import brackets
from preprocessing import symbols

# Of a longer answer the rest is not looked at.
MAX_CHARACTERS = 10_000


class Arguments(NamedTuple):
    """What is to be compared of a text; None of each that cannot be told, as the text is not finished, or no Python.

    Attributes:
      whole: the syntax tree of all arguments, where a bracket closes the call.
      first: that of the first one, where a comma or the bracket ends it; "" where there are none.
      keywords: the names of arguments that have one, "**" for a mapping of them; where a bracket closes the call.
    """

    whole: str | None
    first: str | None
    keywords: frozenset[str] | None


def upto_end(text: str) -> str:
    """What goes on behind an opening bracket, up to the bracket that closes it; all of it where none does.

    Example: of "a, b(c))\\nprint(d)" it is "a, b(c)".
    """
    return text[: brackets.closing(text)]


def read(text: str) -> Arguments:
    """What is to be compared of a text that goes on behind an opening bracket.

    Example: of "'a', key=1) + 2" and of '"a",key = 1,)' it is the same, with the keywords {"key"}; of "'a', key=1",
      which no bracket closes, `first` alone is known.
    """
    text = text[:MAX_CHARACTERS]
    whole = first = keywords = None
    for end in brackets.borders(text):
        call = parse(text[:end])
        closed = text[end] == ")"
        if call is None:
            continue
        arguments = [*call.args, *call.keywords]
        if first is None and len(arguments) == 1:
            first = _tree(arguments[0])
        if closed:
            whole, keywords = _tree(call), frozenset(one.arg or "**" for one in call.keywords)
            first = first if arguments else ""
    return Arguments(whole, first, keywords)


def parse(text: str) -> ast.Call | None:
    """The call of a function `f` with a text between its brackets; None where that is no Python."""
    try:
        # A comment may be last in it.
        found = symbols.parse(f"f({text}\n)").body
    except SyntaxError:
        return None
    is_call = len(found) == 1 and isinstance(found[0], ast.Expr) and isinstance(found[0].value, ast.Call)
    return found[0].value if is_call else None


def _tree(node: ast.AST) -> str | None:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant):
            part.kind = None  # u"a" is "a"
    try:
        return ast.dump(node)
    except RecursionError:
        return None
