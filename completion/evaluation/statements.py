"""Where statements end and tokens begin, by tree-sitter's syntax tree, which text that is not finished has too."""

from collections.abc import Iterator
from typing import NamedTuple

import tree_sitter
import tree_sitter_python

_LANGUAGE = tree_sitter.Language(tree_sitter_python.language())


class Token(NamedTuple):
    """A token of a file; a string is one, with all that is in it.

    Attributes:
      start, end: in bytes of UTF-8.
      line: that it begins in, from 0.
      type: of tree-sitter's node: "identifier", "integer", "string", "comment", "=", "def".
      in_call: whether it stands between the brackets of a call.
      statement_end: where the smallest statement ends that it is part of; -1 outside of all.
      alone: whether it is a statement by itself, such as a docstring.
    """

    start: int
    end: int
    line: int
    type: str
    in_call: bool
    statement_end: int
    alone: bool


def parse(text: bytes) -> tree_sitter.Tree:
    """The syntax tree of a text in UTF-8; `root_node.has_error` where it is not Python."""
    return tree_sitter.Parser(_LANGUAGE).parse(text)


def is_statement(node: tree_sitter.Node) -> bool:
    """Whether a node is a statement: a simple one, or one with all that is indented under it.

    Example: "if_statement", "return_statement", "expression_statement", "class_definition", "decorated_definition".
    """
    return node.is_named and node.type.endswith(("_statement", "_definition"))


def tokens(tree: tree_sitter.Tree, *, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of a file, in its order, comments among them.

    Args:
      start, end: only those with something between these two bytes; None for the end of the file.
    """
    end = tree.root_node.end_byte if end is None else end
    left = [(tree.root_node, False, -1)]
    while left:
        node, in_call, last = left.pop()
        if node.end_byte <= start or node.start_byte >= end:
            continue
        if is_statement(node):
            last = _code_end(node)
        if node.child_count == 0 or node.type == "string":
            if node.end_byte > node.start_byte:
                alone = node.parent is not None and node.parent.type == "expression_statement"
                alone = alone and node.parent.child_count == 1
                yield Token(node.start_byte, node.end_byte, node.start_point.row, node.type, in_call, last, alone)
            continue
        arguments = node.child_by_field_name("arguments") if node.type == "call" else None
        if arguments is None:
            left += [(child, in_call, last) for child in reversed(node.children)]
            continue
        # The brackets of a call are between those of another one, or of none.
        inside = arguments.children
        brackets = (inside[0].id, inside[-1].id) if inside else ()
        left += [(child, in_call or child.id not in brackets, last) for child in reversed(inside)]
        left += [(child, in_call, last) for child in reversed(node.children) if child.id != arguments.id]


def end(text: str, cursor: int) -> int | None:
    """Where the smallest statement ends that the cursor is in, or, between two statements, the next one.

    Args:
      text: with what stands behind the cursor; what follows the statement may be anything.
      cursor: in characters.

    Returns:
      In characters, behind the last one of the statement, comments apart; None where there is no such statement.

    Example: in "for x in y:\n    print(x)\nz = 1\n" it is 24, behind `print(x)`, of each cursor in the first two lines.
    """
    source = text.encode()
    root = parse(source).root_node
    rest = text[cursor:]
    for place in (cursor, cursor + len(rest) - len(rest.lstrip())):
        found = _smallest(root, len(text[:place].encode()))
        if found is not None:
            return len(source[: _code_end(found)].decode())
    return None


def _smallest(node: tree_sitter.Node | None, place: int) -> tree_sitter.Node | None:
    """The smallest statement that a byte is in."""
    found = None
    while node is not None:
        if is_statement(node):
            found = node
        node = next((child for child in node.children if child.start_byte <= place < child.end_byte), None)
    return found


def _code_end(node: tree_sitter.Node) -> int:
    """Where a statement ends, without the comments that the tree counts as its last lines."""
    while code := [child for child in node.children if child.type != "comment" and child.end_byte > child.start_byte]:
        node = code[-1]
    return node.end_byte
