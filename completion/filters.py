"""Which suggestions are not shown, and why: each reason has a name, and is counted.

empty            nothing is left of it
low_score        the model itself thinks little of it
repeats          it says what stands behind the cursor already
brackets         it closes a bracket that is not open
syntax           Python's grammar has no place for it, whatever may follow
secret           it looks like a key or a password, learnt by heart from somebody's repository
licence          it is of a licence header, which nobody wants guessed
"""

import dataclasses
import re
from collections.abc import Sequence

import tree_sitter
import tree_sitter_python

REASONS = ("empty", "low_score", "repeats", "brackets", "syntax", "secret", "licence")
# So many lines before the cursor are looked at: brackets and strings that are open for longer are not seen.
MAX_LINES = 200
_LANGUAGE = tree_sitter.Language(tree_sitter_python.language())
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}
_SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|AIza[0-9A-Za-z_-]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\."
)
_LONG_LITERAL = re.compile(r"""["']([A-Za-z0-9+/=_-]{24,})["']?""")
# Names have a number or two in them; digits and letters take turns in what was drawn at random.
_RANDOM_NUMBERS = 4
_LICENCE = re.compile(
    r"copyright\s+(\(c\)|©|\d{4})|licen[sc]ed under|spdx-license-identifier|all rights reserved|without warrant(y|ies)",
    re.IGNORECASE,
)


@dataclasses.dataclass(frozen=True)
class Filters:
    """Attributes:

    min_score: of a suggestion, see `search.Decoding.length_bonus`; None for any.
    python: whether brackets and syntax are looked at.
    """

    min_score: float | None = None
    python: bool = True


def reason(before: str, text: str, after: str | None, *, score: float, filters: Filters) -> str | None:
    """Why a suggestion is not to be shown; None where it is.

    Args:
      before, after: the text around the cursor; None where what follows is not known.
      text: the suggestion.
    """
    if not text.strip():
        return "empty"
    if filters.min_score is not None and score < filters.min_score:
        return "low_score"
    if after is not None and repeats(before, text, after):
        return "repeats"
    if _SECRET.search(text) or _has_random_literal(text):
        return "secret"
    if _LICENCE.search(text):
        return "licence"
    return syntax(before, text) if filters.python else None


def repeats(before: str, text: str, after: str) -> bool:
    """Whether the line that a suggestion makes, and all its further lines, stand behind the cursor already.

    Example: with "import os\\nimport " before and "\\nimport re\\n" after the cursor, "re" repeats.
    """
    line = before.rpartition("\n")[2]
    made = [one.strip() for one in (line + text).split("\n") if one.strip()]
    rest, _, following = after.partition("\n")
    if rest.strip() and text.strip() and rest.strip().startswith(text.strip()):
        return True
    there = [one.strip() for one in following.split("\n") if one.strip()]
    # A bracket, or `pass`, may well stand on two lines.
    return bool(made) and sum(map(len, made)) > 4 and there[: len(made)] == made


def syntax(before: str, text: str) -> str | None:
    """ "brackets" or "syntax" where no text that follows could make Python of this; else None."""
    shown = "\n".join(before.split("\n")[-MAX_LINES:]).encode()
    parser = tree_sitter.Parser(_LANGUAGE)
    tree = parser.parse(shown)
    whole = shown + text.encode()
    start, end = (_point(part) for part in (shown, whole))
    tree.edit(len(shown), len(shown), len(whole), start, start, end)
    root = parser.parse(whole, tree).root_node
    leaves = list(_leaves(root))
    if not _balanced(leaves, len(shown)):
        return "brackets"
    errors = [node for node in _errors(root) if node.start_byte >= len(shown)]
    # What is wrong at the very end may be right once more is typed.
    tail = len(whole.rstrip())
    return "syntax" if any(node.end_byte < tail and node.end_byte > node.start_byte for node in errors) else None


def _point(text: bytes) -> tuple[int, int]:
    """Row and column of the end of a text."""
    return text.count(b"\n"), len(text) - text.rfind(b"\n") - 1


def _leaves(root: tree_sitter.Node) -> Sequence[tree_sitter.Node]:
    found, left = [], [root]
    while left:
        node = left.pop()
        if node.child_count:
            left += reversed(node.children)
        else:
            found.append(node)
    return found


def _errors(root: tree_sitter.Node) -> Sequence[tree_sitter.Node]:
    found, left = [], [root] if root.has_error else []
    while left:
        node = left.pop()
        if node.is_error:
            found.append(node)
        left += [child for child in node.children if child.has_error or child.is_error]
    return found


def _balanced(leaves: Sequence[tree_sitter.Node], start: int) -> bool:
    """Whether each bracket from `start` on closes the one that was opened last."""
    opened: list[str] = []
    for leaf in leaves:
        if leaf.type in _CLOSED_BY:
            opened.append(_CLOSED_BY[leaf.type])
        elif leaf.type in _CLOSED_BY.values() and leaf.end_byte > leaf.start_byte:
            matches = bool(opened) and opened[-1] == leaf.type
            if not matches and leaf.start_byte >= start:
                return False
            if matches:
                opened.pop()
    return True


def _has_random_literal(text: str) -> bool:
    return any(len(re.findall(r"\d+", literal)) >= _RANDOM_NUMBERS for literal in _LONG_LITERAL.findall(text))
