"""Imports and attribute uses of a Python file, by its syntax tree.

`np.random.rand()` after `import numpy as np` is a use of the attribute `random` of `numpy`, and of the attribute `rand`
of `numpy.random`: what stands before a dot owns what stands behind it, so that `numpy.random` has a distribution of
what is written after `np.random.`. After `from numpy.random import rand` a plain `rand()` is that last use alone.

Names are followed by Python's own rules of scope, without running anything:

- A name that its scope binds to anything else as well (assignment, parameter, loop, `def`, ...) is not taken for the
  module anywhere in that scope. Bound to None, True or False it still is: `except ImportError: np = None` says that
  there is no module, not that there is another one. Neither does what a `try` binds in its handlers in place of a name
  that its body imports.
- Of several imports to one name, those of the standard library go first, then the first in the text: whatever is used
  on `json` after `try: import json, except ImportError: import simplejson as json` is in both.
- Relative and star imports resolve nothing, and neither does text in annotations that are strings.

Only the standard library is imported here, so that every room can.
"""

import ast
import collections
import contextlib
import dataclasses
import gc
import os
import pathlib
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from preprocessing import contract, scopes

SYMBOLS_FILE = "symbols.parquet"


@dataclasses.dataclass(frozen=True, slots=True)
class Uses:
    """What one file imports, and uses of it.

    Attributes:
      imports: dotted module -> how often it is imported: `from os import path` imports `os`.
      attributes: "numpy.array" -> how often that attribute is read or called.
      calls: the part of `attributes` that is called at once, `np.array(...)`; a decorator without brackets is none.
      relative_imports: statements such as `from . import a`, which import from the file's own package.
    """

    imports: collections.Counter[str]
    attributes: collections.Counter[str]
    calls: collections.Counter[str]
    relative_imports: int = 0


class Access(NamedTuple):
    """One use of an attribute, where it stands.

    Attributes:
      line: from 1.
      column: of the attribute's first byte, from 0, in UTF-8 bytes as in `ast`. (Inside an f-string Python 3.11 is not
        sure of its positions, so compare with the text.)
      module: what owns the attribute, "numpy.random".
      attribute: "rand".
      is_call: whether brackets follow.
      is_dotted: whether it stands behind a dot; a name of `from module import name` does not.
    """

    line: int
    column: int
    module: str
    attribute: str
    is_call: bool
    is_dotted: bool


def parse(content: str) -> ast.Module:
    """The syntax tree of a file, silently.

    Raises:
      SyntaxError: it is not Python of this interpreter's version, or is nested too deeply for it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(content)
        except (ValueError, MemoryError, RecursionError) as error:
            # A NUL byte; brackets or operators nested past the limits of the parser and of the tree.
            raise SyntaxError(f"cannot be parsed: {error or type(error).__name__}") from error


def uses_of(content: str) -> Uses:
    """Counts the imports and attribute uses of a file.

    Raises:
      SyntaxError: as in `parse`.

    Example:
      `uses_of("import numpy as np\\nnp.random.rand(np.pi)\\n")` has imports `{"numpy": 1}`, attributes
      `{"numpy.random": 1, "numpy.random.rand": 1, "numpy.pi": 1}` and calls `{"numpy.random.rand": 1}`.
    """
    attributes: collections.Counter[str] = collections.Counter()
    calls: collections.Counter[str] = collections.Counter()
    with collector_paused():
        seen = scopes.scan(parse(content))
        for _, symbol, is_call, _ in _resolved(seen):
            attributes[symbol] += 1
            if is_call:
                calls[symbol] += 1
    return Uses(seen.imports, attributes, calls, seen.relative_imports)


def accesses(tree: ast.Module) -> Iterator[Access]:
    """Yields every use that `uses_of` counts, in the order of the text."""
    found = []
    for node, symbol, is_call, is_dotted in _resolved(scopes.scan(tree)):
        module, _, attribute = symbol.rpartition(".")
        column = node.end_col_offset - len(attribute.encode()) if is_dotted else node.col_offset
        found.append(Access(node.end_lineno, column, module, attribute, is_call, is_dotted))
    yield from sorted(found)


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Stops Python from looking for cycles: a tree has none, and looking at its nodes takes 40 % of the time."""
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


def read_symbols(folder: str | os.PathLike, split: str) -> dict[str, collections.Counter[str]]:
    """How often each attribute of each module is used in a split: what a popularity baseline ranks by.

    Args:
      folder: made by `preprocessing.statistics`.
      split: "train", say.

    Returns:
      Module -> Counter of attributes.

    Raises:
      FileNotFoundError: the folder holds no statistics.
      ValueError: no such split.

    Example: `read_symbols("statistics", "train")["os.path"].most_common(2)` is `[("join", 5120), ("exists", 1410)]`.
    """
    import pyarrow.parquet as pq  # here, so that the rest needs the standard library alone

    if split not in contract.SPLITS:
        raise ValueError(f"no split {split!r}: it is one of {', '.join(contract.SPLITS)}")
    path = pathlib.Path(folder) / SYMBOLS_FILE
    if not path.exists():
        raise FileNotFoundError(
            f"{folder} holds no symbols: there is no {SYMBOLS_FILE}. Make it with `python -m preprocessing.statistics "
            f"--documents DOCUMENTS --output_dir {folder}`"
        )
    table = pq.read_table(path, columns=["module", "attribute", "uses"], filters=[("split", "=", split)])
    symbols: dict[str, collections.Counter[str]] = {}
    for module, attribute, uses in zip(*(column.to_pylist() for column in table.columns), strict=True):
        symbols.setdefault(module, collections.Counter())[attribute] = uses
    return symbols


def _resolved(seen: scopes.Scan) -> Iterator[tuple[ast.expr, str, bool, bool]]:
    """Yields node, "module.attribute", whether it is called, and whether it stands behind a dot."""
    wanted = scopes.bind(seen)
    for scope in seen.scopes:
        known: dict[str, scopes.Found | None] = {}
        for name, node in scope.uses:
            if name not in wanted:
                continue
            if name not in known:
                known[name] = scopes.lookup(scope, name, seen)
            found = known[name]
            if found is None:
                continue
            chain = [node]
            while node.__class__ is ast.Attribute:
                node = node.value
                chain.append(node)
            symbol = found.module
            root = chain.pop()
            if found.attribute:
                symbol = f"{symbol}.{found.attribute}"
                yield root, symbol, id(root) in seen.called, False
            for part in reversed(chain):
                symbol = f"{symbol}.{part.attr}"
                if part.ctx.__class__ is ast.Load:
                    yield part, symbol, id(part) in seen.called, True
