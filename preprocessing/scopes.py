"""Which names of a Python file stand for imports, by Python's own rules of scope; nothing is run.

One pass over the syntax tree notes for every scope what is bound and used in it (`scan`); when all is known, bindings
are settled (`bind`) and names looked up (`lookup`). `symtable` knows the scopes too, but not where a name is used.

Only the standard library is imported here.
"""

import ast
import collections
import dataclasses
import sys
from collections.abc import Collection
from typing import NamedTuple


class Found(NamedTuple):
    """What an import binds a name to; of several the smallest counts.

    Attributes:
      is_foreign: whether it is outside the standard library.
      line, column: where it stands.
      module: "os.path".
      attribute: "join" after `from os.path import join`, "" where the name is the module.
    """

    is_foreign: bool
    line: int
    column: int
    module: str
    attribute: str


class Scope:
    """A module, class, function or comprehension: what is bound and used directly in it."""

    __slots__ = (
        *("parent", "kind", "imports", "others", "declared", "alternatives"),
        *("globals", "nonlocals", "uses", "bound"),
    )

    def __init__(self, parent: "Scope | None", kind: str):
        self.parent, self.kind = parent, kind
        self.imports: list[tuple[str, Found]] = []
        self.others: list[tuple[str, int]] = []  # name and line of bindings to what is no import
        self.declared: list[str] = []  # names that belong to the scope without being bound to anything else
        self.alternatives: list[tuple[set[str], int, int]] = []  # names, and the lines where handlers bind others
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.uses: list[tuple[str, ast.expr]] = []  # first name, and the whole chain of attributes behind it
        self.bound: dict[str, Found | None] = {}  # of names that are imported somewhere: the import, or None

    @property
    def holder(self) -> "Scope":
        """The scope that `:=` binds in."""
        scope = self
        while scope.kind == "comprehension":
            scope = scope.parent
        return scope


@dataclasses.dataclass(slots=True)
class Scan:
    """All that one pass over a tree finds; scopes stand behind those that they are in."""

    scopes: list[Scope]
    called: set[int]
    imports: collections.Counter[str]
    relative_imports: int = 0


_NOT_NODES = {"ctx", "op", "ops", "id", "attr", "name", "names", "arg", "asname", "module", "level", "kind", "rest"}
_NOT_NODES |= {"type_comment", "type_ignores", "is_async", "simple", "conversion", "kwd_attrs"}
# What has to be looked at below each kind of node.
_CHILDREN = {
    kind: tuple(field for field in kind._fields if field not in _NOT_NODES)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
_CHILDREN |= {ast.Constant: (), ast.MatchSingleton: (), type(None): ()}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def scan(tree: ast.Module) -> Scan:
    """Walks a tree once."""
    # A stack of our own, a scope at a time: trees of real files are deeper than Python's recursion may go.
    module = Scope(None, "module")
    seen = Scan([module], set(), collections.Counter())
    pending = [(module, list(tree.body))]
    while pending:
        scope, stack = pending.pop()
        uses, others, called = scope.uses, scope.others, seen.called
        while stack:
            node = stack.pop()
            kind = node.__class__
            if kind is ast.Constant:
                continue
            if kind is ast.Attribute:
                value = node.value
                while value.__class__ is ast.Attribute:
                    value = value.value
                if value.__class__ is ast.Name:
                    uses.append((value.id, node))
                else:
                    stack.append(value)
            elif kind is ast.Name:
                if node.ctx.__class__ is ast.Load:
                    uses.append((node.id, node))
                elif node.ctx.__class__ is ast.Store:
                    others.append((node.id, node.lineno))
                else:
                    scope.declared.append(node.id)
            elif kind is ast.Call:
                called.add(id(node.func))
                stack.append(node.func)
                stack += node.args
                stack += [keyword.value for keyword in node.keywords]
            elif kind in _SPECIAL:
                _SPECIAL[kind](node, scope, seen, stack, pending)
            else:
                for field in _CHILDREN[kind]:
                    child = getattr(node, field)
                    if child.__class__ is list:
                        stack += child
                    else:
                        stack.append(child)
    return seen


def _function(node, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    arguments = node.args
    stack += arguments.defaults
    stack += arguments.kw_defaults
    inner = Scope(scope, "function")
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    inner.others += [(parameter.arg, parameter.lineno) for parameter in parameters]
    seen.scopes.append(inner)
    if node.__class__ is ast.Lambda:
        pending.append((inner, [node.body]))
        return
    scope.others.append((node.name, node.lineno))
    stack += [parameter.annotation for parameter in parameters]
    stack += node.decorator_list
    stack.append(node.returns)
    pending.append((inner, list(node.body)))


def _class(node: ast.ClassDef, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    scope.others.append((node.name, node.lineno))
    stack += node.bases + node.decorator_list + [keyword.value for keyword in node.keywords]
    inner = Scope(scope, "class")
    seen.scopes.append(inner)
    pending.append((inner, list(node.body)))


def _comprehension(node, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    first, *others = node.generators
    stack.append(first.iter)  # evaluated outside
    inner = Scope(scope, "comprehension")
    seen.scopes.append(inner)
    inside = [node.key, node.value] if node.__class__ is ast.DictComp else [node.elt]
    pending.append((inner, [*inside, first.target, *first.ifs, *others]))


def _import(node: ast.Import, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    for alias in node.names:
        seen.imports[alias.name] += 1
        top = alias.name.partition(".")[0]
        name, module = (alias.asname, alias.name) if alias.asname else (top, top)
        foreign = top not in sys.stdlib_module_names
        scope.imports.append((name, Found(foreign, node.lineno, alias.col_offset, module, "")))


def _import_from(node: ast.ImportFrom, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    if node.level:
        seen.relative_imports += 1
        scope.others += [(alias.asname or alias.name, node.lineno) for alias in node.names]
        return
    seen.imports[node.module] += 1
    foreign = node.module.partition(".")[0] not in sys.stdlib_module_names
    for alias in node.names:
        if alias.name != "*":
            found = Found(foreign, node.lineno, alias.col_offset, node.module, alias.name)
            scope.imports.append((alias.asname or alias.name, found))


def _assign(node: ast.Assign, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    value = node.value
    if value.__class__ is ast.Constant and (value.value is None or value.value.__class__ is bool):
        scope.declared += [target.id for target in node.targets if target.__class__ is ast.Name]
        stack += [target for target in node.targets if target.__class__ is not ast.Name]
    else:
        stack += node.targets
        stack.append(value)


def _annotated(node: ast.AnnAssign, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    stack.append(node.annotation)
    if node.value is None and node.target.__class__ is ast.Name:
        scope.declared.append(node.target.id)
    else:
        stack += [node.target, node.value]


def _walrus(node: ast.NamedExpr, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    scope.holder.others.append((node.target.id, node.lineno))
    stack.append(node.value)


def _try(node, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    imports = [statement for statement in node.body if isinstance(statement, ast.Import | ast.ImportFrom)]
    names = {alias.asname or alias.name.partition(".")[0] for statement in imports for alias in statement.names}
    if names:
        scope.alternatives += [(names, handler.lineno, handler.end_lineno) for handler in node.handlers]
    stack += node.body + node.handlers + node.orelse + node.finalbody


def _binding(node, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    """An exception's name, or a name in a pattern of `match`."""
    name = node.rest if node.__class__ is ast.MatchMapping else node.name
    if name:
        scope.others.append((name, node.lineno))
    for field in _CHILDREN[node.__class__]:
        child = getattr(node, field)
        stack += child if child.__class__ is list else [child]


def _global(node: ast.Global, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    scope.globals.update(node.names)


def _nonlocal(node: ast.Nonlocal, scope: Scope, seen: Scan, stack: list, pending: list) -> None:
    scope.nonlocals.update(node.names)


_SPECIAL = {
    **dict.fromkeys(_FUNCTIONS, _function),
    **dict.fromkeys(_COMPREHENSIONS, _comprehension),
    **dict.fromkeys((ast.Try, ast.TryStar), _try),
    **dict.fromkeys((ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping), _binding),
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.NamedExpr: _walrus,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
}


def bind(seen: Scan, *, also: Collection[str] = ()) -> set[str]:
    """Fills in `bound` of every scope; returns the names that are imported somewhere.

    Args:
      also: names to follow besides those: what relative imports bind, say, which stand for no module that is known.
    """
    wanted = {name for scope in seen.scopes for name, _ in scope.imports} | set(also)
    if not wanted:
        return wanted
    spoilt = set()
    for scope in seen.scopes:
        for name, found in scope.imports:
            owner = _owner(scope, name, seen)
            owner.bound[name] = min(filter(None, (owner.bound.get(name), found)))
        for name in wanted.intersection(scope.declared):
            _owner(scope, name, seen).bound.setdefault(name, None)
        for name, line in scope.others:
            if name not in wanted:
                continue
            owner = _owner(scope, name, seen)
            owner.bound.setdefault(name, None)
            if not any(name in names and first <= line <= last for names, first, last in scope.alternatives):
                spoilt.add((owner, name))
    for scope, name in spoilt:
        scope.bound[name] = None
    return wanted


def _owner(scope: Scope, name: str, seen: Scan) -> Scope:
    """The scope in which a binding of this name in that scope takes effect."""
    if name in scope.globals:
        return seen.scopes[0]
    if name in scope.nonlocals:
        outer = scope.parent
        while outer is not None:
            if outer.kind == "function" and name in outer.bound:
                return outer
            outer = outer.parent
    return scope


def lookup(scope: Scope, name: str, seen: Scan) -> Found | None:
    """The import that a name stands for where it is used, if any; after `bind`."""
    place = place_of(scope, name, seen)
    return place.bound[name] if place else None


def place_of(scope: Scope, name: str, seen: Scan) -> Scope | None:
    """The scope that gives a name its meaning where it is used; None if no scope of the file binds it."""
    place = scope
    while place is not None:
        if name in place.globals:
            return seen.scopes[0] if name in seen.scopes[0].bound else None
        # Functions and comprehensions do not see the names of the class that they are in.
        if name in place.bound and (place is scope or place.kind != "class") and name not in place.nonlocals:
            return place
        place = place.parent
    return None
