"""Modules whose attributes an engine had better suggest by how often people use them than by what its model thinks.

Evaluation finds such modules (`evaluation.symbol_suite.fallback`) and writes them down with `write`:

{"schema": 1, "about": {"model": "data/demo/export", "made": "2024-05-02T10:00:00+00:00"},
 "symbols": {"os.path": [["join", 5120], ["exists", 1410], ["dirname", 922]]}}

At a cursor behind `path.` or `path.ex`, where `path` is one of them, the attributes that go on what is typed come
first. What `path` is, is what the text before the cursor says, which need not parse: an import, where that is the last
thing to bind the name that the cursor sees. Bound to None, True or False, or where an exception is handled, it is still
what was imported, as in `preprocessing.symbols`. What stands in a class is taken to be seen in its methods, which it is
not: at worst nothing is suggested there. In strings (f-strings, too), comments and imports nothing is.
"""

import collections
import dataclasses
import json
import math
import os
import pathlib
import re
from collections.abc import Iterable, Mapping

import tree_sitter
import tree_sitter_python

from completion import brackets, whole_file

SCHEMA = 1
# So many attributes of a module are written down: rarer ones are the model's affair.
MAX_ATTRIBUTES = 200
# Texts that are longer are tables of data, and would take longer to be looked at than the model takes to write.
MAX_CHARACTERS = 500_000
_LANGUAGE = tree_sitter.Language(tree_sitter_python.language())
_CHAIN = re.compile(r"(?<![\w.])((?:[^\W\d]\w*\.)+)((?:[^\W\d]\w*)?)\Z")
# Behind these words modules are named, not used.
_IMPORTING = re.compile(r"(?:^|[;:])[ \t]*(?:from|import)[ \t][^;]*\Z", re.MULTILINE)
# Nodes whose names are not seen from behind them. (What a handler does in place of an import changes nothing.)
_SCOPES = frozenset(
    "function_definition class_definition lambda list_comprehension set_comprehension dictionary_comprehension "
    "generator_expression except_clause".split()
)
# Nodes of which a name can be a part, and still be bound by what is around them.
_TARGETS = frozenset(
    "pattern_list tuple_pattern list_pattern list_splat_pattern dictionary_splat_pattern tuple list expression_list "
    "parenthesized_expression".split()
)
_BOUND_LEFT = frozenset(("assignment", "augmented_assignment", "for_statement", "for_in_clause"))
_BOUND_BY_NAME = frozenset(
    "named_expression function_definition class_definition default_parameter typed_default_parameter".split()
)
_BOUND = frozenset("parameters lambda_parameters typed_parameter as_pattern_target delete_statement".split())


class FallbackError(ValueError):
    """A file that holds no such list; says where and why."""


@dataclasses.dataclass(frozen=True)
class Fallback:
    """A list of modules.

    Attributes:
      symbols: module -> (attribute, how often it is used), the most used first.
      about: of which run it was made.
    """

    symbols: Mapping[str, tuple[tuple[str, int], ...]]
    about: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def attributes(self, before: str, *, after: str = "") -> list[tuple[str, float]]:
        """What goes on an attribute of one of the modules at the end of a text, the most used first.

        Where what is typed is itself the most used of those that begin so, nothing is: what comes behind a name is not
        known here.

        Args:
          before: the text before the cursor.
          after: the text behind the cursor; in the middle of a name nothing is suggested.

        Returns:
          Rests of names, and the logarithm of the share that each has in the uses of those that begin as is typed.

        Example: with 5120 uses of `join`, 1410 of `exists` and 922 of `expanduser`, "from os import path\\npath.ex" is
          gone on with ("ists", -0.503) and ("panduser", -0.927).
        """
        found = self._symbol_at_end(before)
        if found is None or re.match(r"\w", after):
            return []
        symbol, typed = found
        going_on = [(name, uses) for name, uses in self.symbols[symbol] if name.startswith(typed)]
        if not going_on or going_on[0][0] == typed:
            return []
        total = sum(uses for _, uses in going_on)
        return [(name[len(typed) :], math.log(uses / total)) for name, uses in going_on if name != typed]

    def _symbol_at_end(self, before: str) -> tuple[str, str] | None:
        """The module before the last dot, if it is listed, and what is typed behind it."""
        chain = _CHAIN.search(before, before.rfind("\n") + 1)
        if chain is None or len(before) > MAX_CHARACTERS:
            return None
        root, *rest = chain[1].removesuffix(".").split(".")
        # Most names are none that an import could have made of a listed module: `self` is looked for nowhere.
        parts = {part for symbol in self.symbols for part in symbol.split(".")}
        if root not in parts and not re.search(rf"\bas\s+{root}\b", before):
            return None
        module = imported(before[: chain.start()], root)
        symbol = ".".join([module, *rest]) if module else ""
        return (symbol, chain[2]) if symbol in self.symbols else None


def imported(before: str, name: str) -> str | None:
    """The module, or what else was imported, that a name stands for at the end of a text; None where it was not.

    Example: `imported("import numpy as np\\nx = np.zeros(3) + ", "np")` is "numpy", and None after "np = 1\\n".
    """
    closers = brackets.left_open(before)
    if closers is None or _IMPORTING.search(before, before.rfind("\n") + 1):
        return None
    cursor, wanted = len(before.encode()), name.encode()
    source = before.encode() + wanted + closers.encode()
    root = tree_sitter.Parser(_LANGUAGE).parse(source).root_node
    last = None
    for match in re.finditer(re.escape(wanted), source[:cursor]):
        node = root.descendant_for_byte_range(match.start(), match.end())
        if node.type == "identifier" and node.text == wanted and _is_seen(node, cursor):
            bound = _bound_to(node)
            last = last if bound is None else bound
    return last or None


def write(
    path: str | os.PathLike,
    symbols: Iterable[str],
    train: Mapping[str, collections.Counter[str]],
    *,
    about: Mapping[str, object],
) -> None:
    """Writes a list, whole or not at all.

    Args:
      symbols: the modules, of `evaluation.symbol_suite.fallback`.
      train: module -> counts of its attributes, of `preprocessing.symbols.read_symbols`.
      about: of which run it is made, such as {"model": "data/demo/export", "made": "2024-05-02T10:00:00+00:00"}.
    """
    listed = {
        symbol: sorted(train[symbol].items(), key=lambda one: (-one[1], one[0]))[:MAX_ATTRIBUTES]
        for symbol in sorted(symbols)
    }
    content = {"schema": SCHEMA, "about": dict(about), "symbols": listed}
    whole_file.write(path, json.dumps(content, ensure_ascii=False) + "\n")


def read(path: str | os.PathLike) -> Fallback:
    """Reads a list.

    Raises:
      OSError: there is no such file.
      FallbackError: it holds something else.
    """
    try:
        content = json.loads(pathlib.Path(path).read_bytes().decode("utf-8"))
    except ValueError as error:
        raise FallbackError(f"{path} is not JSON in UTF-8: {error}") from error
    match content:
        case {"schema": int(schema), "about": dict(about), "symbols": dict(symbols)} if schema == SCHEMA:
            return Fallback({symbol: _uses(f"{path}: {symbol}", found) for symbol, found in symbols.items()}, about)
        case {"schema": schema}:
            found = f"schema {schema!r}" if schema != SCHEMA else f"the fields {', '.join(content)}"
        case _:
            found = f"{str(content)[:60]}"
    raise FallbackError(
        f'{path} is no fallback list: expected {{"schema": {SCHEMA}, "about": {{...}}, "symbols": {{"os.path": '
        f'[["join", 5120]]}}}}, got {found}. `python -m completion.evaluate` with the suite symbols writes one'
    )


def _uses(where: str, rows: object) -> tuple[tuple[str, int], ...]:
    """The attributes of one module, the most used first."""
    if not isinstance(rows, list):
        raise FallbackError(f"{where} has no list of attributes, got {rows!r}")
    uses = []
    for row in rows:
        match row:
            case [str(name), int(number)] if name.isidentifier() and number > 0 and number is not True:
                uses.append((name, number))
            case _:
                raise FallbackError(f'{where}: expected a name and its uses, such as ["join", 5120], got {row!r}')
    return tuple(sorted(uses, key=lambda one: -one[1]))


def _is_seen(node: tree_sitter.Node, cursor: int) -> bool:
    """Whether what is bound at a node is bound for the cursor."""
    inner, outer = node, node.parent
    while outer is not None:
        if outer.type in _SCOPES and outer.end_byte <= cursor and outer.child_by_field_name("name") != inner:
            return False
        inner, outer = outer, outer.parent
    return True


def _bound_to(node: tree_sitter.Node) -> str | None:
    """What a name is bound to where it stands: "numpy.random", "" for no import; None where it is not bound there."""
    inner, outer = node, node.parent
    if outer.type in ("dotted_name", "aliased_import"):
        return _imported_as(inner, outer)
    while outer.parent is not None and outer.type in _TARGETS:
        inner, outer = outer, outer.parent
    if outer.type in _BOUND_LEFT:
        value = outer.child_by_field_name("right")
        to_nothing = value is None or value.type in ("none", "true", "false")
        return "" if outer.child_by_field_name("left") == inner and not to_nothing else None
    if outer.type in _BOUND_BY_NAME:
        return "" if outer.child_by_field_name("name") == inner else None
    return "" if outer.type in _BOUND else None


def _imported_as(name: tree_sitter.Node, outer: tree_sitter.Node) -> str | None:
    """Of a name in `import a.b`, `import a.b as c`, `from a import b as c` or `case b:`."""
    if outer.type == "dotted_name":
        if outer.children[0] != name:
            return None
        statement, named = outer.parent, outer
        if statement.type == "case_pattern":
            return "" if outer.child_count == 1 else None
        if statement.type == "import_statement":
            return name.text.decode()
    else:
        statement, named = outer.parent, outer.child_by_field_name("name")
        if named == name:
            return None
        if statement.type == "import_statement":
            return named.text.decode()
    if statement.type != "import_from_statement" or statement.child_by_field_name("module_name") == named:
        return None
    module = statement.child_by_field_name("module_name")
    return f"{module.text.decode()}.{named.text.decode()}" if module.type == "dotted_name" else ""
