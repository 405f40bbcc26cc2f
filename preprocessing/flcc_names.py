"""Flat file names and original paths: what `paths.json` says, and what stands in where it says nothing."""

import json
import pathlib
from collections.abc import Iterable
from typing import Any

# File systems allow 255 bytes; this leaves room for "_<n>.py".
MAX_STEM_BYTES = 200


def flat_name(path: str, number: int) -> str:
    """The name under which a file of a repository is stored; a number that is used once keeps it unique.

    Example: `flat_name("src/tool/cli.py", 7)` is `"cli_7.py"`.
    """
    stem = pathlib.PurePosixPath(path).name.removesuffix(".py")
    return f"{stem.encode()[:MAX_STEM_BYTES].decode(errors='ignore')}_{number}.py"


def original_paths(names: Iterable[str], paths_json: bytes | None) -> list[tuple[str, str, tuple[str, ...]]]:
    """Gives each flat file its path in the repository, no path twice.

    Args:
      names: the flat names, in order; of two with the same original path the first keeps it.
      paths_json: the bytes of `paths.json`; None if there is none.

    Returns:
      (path, flat name, notes of `contract.NOTES`), sorted.

    Example:
      `original_paths(["a_0.py", "b_1.py"], b'{"a_0.py": "src/a.py"}')` is
      [("b_1.py", "b_1.py", ("not_in_paths_json",)), ("src/a.py", "a_0.py", ())]
    """
    paths = json_object(paths_json) if paths_json is not None else None
    missing = "not_in_paths_json"
    if paths is None:
        missing = "paths_json_missing" if paths_json is None else "paths_json_broken"
    taken: dict[str, tuple[str, tuple[str, ...]]] = {}
    unnamed = []
    for name in names:
        path = (paths or {}).get(name)
        if not isinstance(path, str) or not path:
            unnamed.append((name, missing))
        elif path in taken:
            unnamed.append((name, "path_not_unique"))
        else:
            taken[path] = (name, ())
    for name, note in unnamed:
        path = name
        while path in taken:
            path = f"_/{path}"
        taken[path] = (name, (note,))
    return sorted((path, name, notes) for path, (name, notes) in taken.items())


def json_object(data: bytes) -> dict[str, Any] | None:
    """The object that some JSON holds, or None: not JSON, not UTF-8, nested without end, or not an object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def is_utf8(name: str) -> bool:
    """False for a name that the file system gave in other bytes, or JSON with half a surrogate pair."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def printable(name: str) -> str:
    """A name that every terminal and file takes.

    Example: `printable(os.fsdecode(b"caf\\xe9.py"))` is `"caf\\\\udce9.py"`.
    """
    return name.encode("utf-8", "backslashreplace").decode()
