r"""Where the import statements of a file stand that its author may have added late, and where each is first used.

People use a name and import it afterwards, so a model for completion should see files from which some imports that are
not used yet are missing. What needs a syntax tree for that is found here, once; training only selects by it.

A span is the newline before a statement and all its lines, without the newline that ends the last of them: taken out,
it leaves the lines before and after it as they were. In the vocabularies of this package a newline only begins a
piece, so that a span is whole tokens, also in "\r\n" files: there it begins with the "\n" of the line before, and ends
with the "\r" of its own last line.

Which statements have a span:

- `import` and `from ... import` at the top level of the module, absolute or relative, on lines of their own (a comment
  behind them goes with them), of one line or more.
- Not the file's first line (there is no newline before it), not `from __future__` (it changes what the rest means), not
  `from a import *` (no one can see what of it is used), nothing inside of `try`, `if` or a function (another statement
  would have to be there in its place).
- Not what is used before it: a span says that the text up to the first use can do without the statement.
- An import that is never used counts as used at the file's end. But not where it is there for others: with a comment
  `noqa` or `unused-import`, as `import a as a` or `from b import a as a`, and in `__init__.py`: these have no span.

Uses are found by Python's rules of scope (`preprocessing.scopes`), and are the reads of any name that the statement
binds, `del`, entries of `__all__`, and names in annotations that are strings.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from preprocessing import prompt, scopes, symbols


class ImportSpan(NamedTuple):
    """An import statement, in bytes of `prompt.escape(content)` as UTF-8: what token lengths add up to.

    Attributes:
      start: of the newline before the statement.
      end: behind its last line, at the newline or the end of the file.
      first_use: where the first name of it is used, at least `end`; the number of bytes of the file if none is.
    """

    start: int
    end: int
    first_use: int


_NEWLINE = re.compile(r"\r\n|\r|\n")  # what ends a line for Python's parser; str.splitlines knows more
_REST_OF_LINE = re.compile(r"[ \t\f]*;?[ \t\f]*(#.*)?", re.DOTALL)
_MEANT_UNUSED = re.compile(r"#.*\b(noqa|unused.import)\b")
_MAY_HAVE_SPANS = re.compile(r"\n(import|from)\b")


def import_spans(content: str, *, is_package: bool = False) -> list[ImportSpan]:
    r"""The spans of a file, in its order.

    Args:
      content: the file's text, newlines as they are.
      is_package: whether it is an `__init__.py`, whose unused imports are its exports.

    Raises:
      SyntaxError: as in `symbols.parse`.

    Example: `import_spans("import os\nimport re\n\nprint(os.sep)\nre.compile('a')\n")` is `[ImportSpan(9, 19, 35)]`:
      "\nimport re" stands in bytes 9 to 18, and `re` is used first at byte 35. The first line has no span.
    """
    if not _MAY_HAVE_SPANS.search(content):
        symbols.parse(content)
        return []
    with symbols.collector_paused():
        tree = symbols.parse(content)
        text = _Text(content)
        statements = [(node, *span) for node in _candidates(tree) if (span := text.span(node)) is not None]
        if not statements:
            return []
        uses = _first_uses(tree, {name for node, *_ in statements for name in _bound(node)})
        found = []
        for node, start, end in statements:
            places = [text.position(*uses[name]) for name in _bound(node) if name in uses]
            if not places and (is_package or _is_export(node, content[start:end])):
                continue
            first_use = min(places, default=len(content))
            if first_use >= end:
                found.append((start, end, first_use))
    offsets = _escaped_bytes(content, {place for span in found for place in span})
    return [ImportSpan(*(offsets[place] for place in span)) for span in found]


def _candidates(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports at the top level that begin a line and may be missing."""
    for node in tree.body:
        if not isinstance(node, ast.Import | ast.ImportFrom) or node.col_offset:
            continue
        if isinstance(node, ast.Import) or (node.module != "__future__" and node.names[0].name != "*"):
            yield node


def _bound(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Example: `import a.b, c.d as e` binds `a` and `e`."""
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [alias.asname or alias.name for alias in node.names]


def _is_export(node: ast.Import | ast.ImportFrom, lines: str) -> bool:
    """Whether a statement without any use was written for others: so marked, or with PEP 484's `a as a`."""
    return any(alias.asname == alias.name for alias in node.names) or bool(_MEANT_UNUSED.search(lines))


class _Text:
    """Places of a syntax tree as indices of the text."""

    def __init__(self, content: str):
        self._content = content
        ends = list(_NEWLINE.finditer(content))
        self._starts = [0, *(match.end() for match in ends)]
        self._ends = [*(match.start() for match in ends), len(content)]
        self._newlines = [*(match.group() for match in ends), ""]

    def position(self, line: int, column: int) -> int:
        """The index of a place given by line, from 1, and column in UTF-8 bytes, from 0."""
        start = self._starts[line - 1]
        before = self._content[start : start + column]
        if before.isascii():
            return start + column
        text = self._content[start : self._ends[line - 1]]
        return start + len(text.encode()[:column].decode(errors="ignore"))

    def span(self, node: ast.stmt) -> tuple[int, int] | None:
        """Where the lines of a statement stand that begins a line, the newline before them included.

        None if they cannot be taken out: other code stands in them, or there is no newline before or after them.
        """
        first, last = node.lineno - 1, node.end_lineno - 1
        rest = self._content[self.position(node.end_lineno, node.end_col_offset) : self._ends[last]]
        newlines = [self._newlines[first - 1] if first else "", self._newlines[last] or "\n"]
        if not all(newline.endswith("\n") for newline in newlines) or not _REST_OF_LINE.fullmatch(rest):
            return None
        if self._content.endswith("\\", 0, self._ends[first - 1]):
            return None
        return self._starts[first] - 1, self._ends[last] + self._newlines[last].startswith("\r")


def _first_uses(tree: ast.Module, names: set[str]) -> dict[str, tuple[int, int]]:
    """Line and column of the first use of names of the module's scope; those without any are left out."""
    inside: dict[int, ast.expr] = {}
    found: dict[str, tuple[int, int]] = {}

    def use(name: str, node: ast.expr) -> None:
        # Python 3.11 is not sure where things inside an f-string stand, so they stand where it begins.
        node = inside.get(id(node), node)
        place = node.lineno, node.col_offset
        found[name] = min(found.get(name, place), place)

    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for part in ast.walk(node):
                inside.setdefault(id(part), node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del) and node.id in names:
            use(node.id, node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            texts += _texts(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            texts += _texts(node.annotation)
    for text in texts:
        for name in names & _names_in(text.value):
            use(name, text)
    for text in _exported(tree):
        if text.value in names:
            use(text.value, text)
    seen = scopes.scan(tree)
    scopes.bind(seen, also=names)
    module = seen.scopes[0]
    for scope in seen.scopes:
        for name, node in scope.uses:
            if name in names and scopes.place_of(scope, name, seen) is module:
                use(name, node)
    return found


def _texts(*nodes: ast.AST | None) -> Iterator[ast.Constant]:
    for node in filter(None, nodes):
        yield from (part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _names_in(annotation: str) -> set[str]:
    try:
        tree = symbols.parse(annotation.strip())
    except SyntaxError:
        return set()
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _exported(tree: ast.Module) -> Iterator[ast.Constant]:
    """The texts in what the module says of `__all__`: assignments, `+=`, and `__all__.extend([...])`."""
    for node in tree.body:
        targets: Iterable[ast.expr] = ()
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func
            targets = [function.value] if isinstance(function, ast.Attribute) else ()
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            yield from _texts(node)


def _escaped_bytes(content: str, places: Collection[int]) -> dict[int, int]:
    """For indices of a text the number of bytes before them once it is escaped."""
    offsets, offset, last = {}, 0, 0
    for place in sorted(places):
        offset += len(prompt.escape(content[last:place]).encode("utf-8"))
        offsets[place], last = offset, place
    return offsets
