"""Which of some files a Python file imports.

Its import statements are looked for in the text as it is, since a file that is being written seldom parses.
"""

import itertools
import re
from collections.abc import Iterator, Mapping

_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#;]+)", re.MULTILINE)
_FROM_IMPORT = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*(\([^)]*|[^\n#;]*)", re.MULTILINE)
# Begins the name of a module that is not relative to the file: its top folder may be any.
_ANYWHERE = "*."


def imported_files(path: str, text: str, others: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The files that a file imports, those that it imports first, first.

    Args:
      path: of the file, "/" between its parts.
      text: of the file.
      others: path -> text.

    Example: "src/app/main.py" with the text "from . import names" imports "src/app/names.py", and "import app.names"
      does, too.
    """
    modules = {_module(other): other for other in others if other.endswith(".py") and other != path}
    statements = [(match.start(), _imported(match)) for match in _IMPORT.finditer(text)]
    statements += [(match.start(), _imported_from(match, path)) for match in _FROM_IMPORT.finditer(text)]
    found: dict[str, None] = {}
    for _, names in sorted(statements, key=lambda statement: statement[0]):
        for alternatives in names:
            places = filter(None, (_place(name, modules) for name in alternatives))
            found.update(dict.fromkeys(itertools.islice(places, 1)))
    return tuple((other, others[other]) for other in found)


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(match: re.Match) -> Iterator[tuple[str, ...]]:
    for name in match[1].split(","):
        if name.strip():
            yield (_ANYWHERE + name.split()[0],)


def _imported_from(match: re.Match, path: str) -> Iterator[tuple[str, ...]]:
    """For each name the module that it may be, and the one that it is in."""
    dots, module, names = match.groups()
    base = _ANYWHERE + module
    if dots:
        folders = path.split("/")[:-1]
        if len(dots) - 1 > len(folders):
            return
        base = ".".join([*folders[: len(folders) - len(dots) + 1], *filter(None, [module])])
    for name in re.sub(r"#.*|[()]", "", names).split(","):
        if name.strip():
            yield f"{base}.{name.split()[0]}".removeprefix("."), base


def _place(name: str, modules: Mapping[str, str]) -> str | None:
    """The path of a module."""
    if not name.startswith(_ANYWHERE):
        return modules.get(name)
    name = name.removeprefix(_ANYWHERE)
    return next((path for module, path in modules.items() if module == name or module.endswith(f".{name}")), None)
