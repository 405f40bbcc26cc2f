"""Which other files of its repository a file is read together with: those that it imports, and those that import it.

Import statements are resolved against the repository's own paths, without running anything:

- Relative imports from the file's folder. Absolute ones from every folder that can be on Python's path: the top, `src`,
  or any other that is no package itself; the folder nearest to the file is tried first. A name of the standard library
  is looked for at the top and in `src` and `lib` alone, so that `import json` is not `compat/json.py`.
- `from a.b import c` is the module `a.b.c` where there is one, else `a.b`: `a/b.py` or `a/b/__init__.py`.
- Imports count wherever they stand, inside of functions and `if TYPE_CHECKING:` too.

A file that is no Python of this interpreter's version imports nothing; others may import it.
"""

import ast
import collections
import sys
from collections.abc import Iterator, Mapping, Sequence

from preprocessing import prompt, symbols

# As many bytes as `prompt.LEAST_SHARE` tokens are, about.
LEAST_BYTES = 4 * prompt.LEAST_SHARE
_STDLIB_ROOTS = {"", "src", "lib", "Lib"}


def related_files(files: Mapping[str, str], *, max_bytes: int) -> dict[str, list[tuple[str, str]]]:
    r"""For each file of a repository the heads of related ones.

    Those that it imports come first, in the order of their distance (folders to leave and to enter), then of the
    import statements; those that import it follow, by distance and path, if the former leave room. Each gets its share
    of `max_bytes` (`prompt.shares`): of a file that is too long the head is kept, where its signatures and constants
    stand, up to the end of a line.

    Args:
      files: path -> text of a whole repository, "/" between the parts of a path.
      max_bytes: of all related texts of a file together, as UTF-8.

    Returns:
      path -> [(path, text), ...], the most related first.

    Example: of {"a.py": "import b\n", "b.py": "x = 1\n"} it is {"a.py": [("b.py", "x = 1\n")],
      "b.py": [("a.py", "import b\n")]}, if there is room enough.
    """
    modules = _Modules(files)
    imported = {path: modules.imported_by(path, text) for path, text in files.items()}
    importers: dict[str, list[str]] = {path: [] for path in files}
    for path in sorted(imported):
        for other in imported[path]:
            importers[other].append(path)
    sizes = {path: len(text.encode("utf-8")) for path, text in files.items()}
    found = {}
    for path in files:
        chosen: list[tuple[str, str]] = []
        left = max_bytes
        for others in (imported[path], importers[path]):
            order = {other: i for i, other in enumerate(others)}
            for other, _ in chosen:
                order.pop(other, None)
            near = sorted(order, key=lambda other: (_distance(path, other), order[other]))
            kept = prompt.shares([sizes[other] for other in near], left, least=LEAST_BYTES)
            chosen += [(other, head(files[other], size)) for other, size in zip(near, kept, strict=False)]
            left -= sum(kept)
            if len(kept) < len(near) or left < LEAST_BYTES:
                break
        found[path] = [(other, text) for other, text in chosen if text]
    return found


def head(text: str, max_bytes: int) -> str:
    r"""The beginning of a text, whole lines, or a part of the first where that is too long.

    Example: `head("a = 1\nb = 2\nc", 9)` is "a = 1\n".
    """
    data = text.encode("utf-8")
    if len(data) <= max_bytes:
        return text
    cut = data[: max(max_bytes, 0)]
    return (cut[: cut.rfind(b"\n") + 1] or cut).decode("utf-8", errors="ignore")


class _Modules:
    """The paths of a repository, to be found by import statements."""

    def __init__(self, paths: Mapping[str, str]):
        self._paths = set(paths)
        self._roots: dict[str, set[str]] = collections.defaultdict(set)  # first name of a module -> folders it is in
        packages = {path.rpartition("/")[0] for path in paths if path.endswith("__init__.py")}
        for path in paths:
            parts = path.removesuffix(".py").split("/")
            for depth, name in enumerate(parts):
                root = "/".join(parts[:depth])
                if root in _STDLIB_ROOTS or not (root in packages or name in sys.stdlib_module_names):
                    self._roots[name].add(root)

    def imported_by(self, path: str, text: str) -> list[str]:
        """The paths of the repository that a file imports, in the order of the text, without itself."""
        try:
            tree = symbols.parse(text)
        except SyntaxError:
            return []
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        found: dict[str, None] = {}
        for node in sorted(nodes, key=lambda node: (node.lineno, node.col_offset)):
            found.update(dict.fromkeys(filter(None, self._resolved(path, node))))
        found.pop(path, None)
        return list(found)

    def _resolved(self, path: str, node: ast.Import | ast.ImportFrom) -> Iterator[str | None]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield self._first(self._places(path, alias.name.split(".")))
            return
        module = node.module.split(".") if node.module else []
        if node.level:
            folders = path.split("/")[:-1]
            if node.level - 1 > len(folders):
                return
            places = ["/".join([*folders[: len(folders) - node.level + 1], *module])]
        else:
            places = self._places(path, module)
        for alias in node.names:
            inside = [f"{place}/{alias.name}".removeprefix("/") for place in places]
            yield self._first(inside) or self._first(places)

    def _places(self, path: str, module: Sequence[str]) -> list[str]:
        """Where a module can be, without the ending; the nearest first."""
        roots = sorted(self._roots.get(module[0], ()), key=lambda root: (_distance(path, f"{root}/x"), root))
        return ["/".join([*([root] if root else []), *module]) for root in roots]

    def _first(self, places: Sequence[str]) -> str | None:
        candidates = (candidate for place in places for candidate in (f"{place}.py", f"{place}/__init__.py"))
        return next((path for candidate in candidates if (path := candidate.removeprefix("/")) in self._paths), None)


def _distance(a: str, b: str) -> int:
    """Folders to leave and to enter from one file to another.

    Example: from "a/b/x.py" to "a/c/d/y.py" it is 3.
    """
    left, right = ([part for part in path.split("/")[:-1] if part] for path in (a, b))
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    return len(left) + len(right) - 2 * same
