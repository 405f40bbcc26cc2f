"""Finds repositories, and the Python files in them, in ordinary folders.

Which shape a folder DIR has is told in this order:

1. DIR has `.git`, `pyproject.toml`, `setup.py` or `setup.cfg`, or a `.py` file of its own: it is one repository.
2. A subfolder has one of the four marks: DIR is a folder of repositories. Every subfolder with a mark or a `.py` file
   of its own is a repository, and every other one is an owner, whose subfolders are repositories.
3. A subfolder has a `.py` file of its own: DIR is one repository.
4. Otherwise every subfolder is an owner, and its subfolders are repositories: DIR/owner/repository.

A repository in an owner's folder is named "owner/repository"; any other one after its git remote, else "local/folder".
"""

import collections
import os
import pathlib
from collections.abc import Iterator

from preprocessing.flcc_names import is_utf8
from preprocessing.git_remote import repository_of_remote

MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
_SKIPPED_NAMES = {
    ".git": ".git folders",
    "__pycache__": "__pycache__ folders",
    "node_modules": "node_modules folders",
    "site-packages": "site-packages folders",
    "dist-packages": "site-packages folders",
}


class FolderWalk:
    """Goes through folders and counts what it leaves out.

    Args:
      leave_out: folders that are not entered: where the output goes.

    Attributes:
      skipped: what was left out, in words, and how often: {"hidden folders": 2, "symbolic links": 1}.
    """

    def __init__(self, *, leave_out: tuple[pathlib.Path, ...] = ()):
        self.skipped: collections.Counter[str] = collections.Counter()
        self._leave_out = {os.path.realpath(folder) for folder in leave_out}

    def repositories(self, source: pathlib.Path) -> tuple[list[tuple[str, pathlib.Path]], str]:
        """The repositories of a folder, and its shape in words.

        Returns:
          [(name, folder), ...] in the order of the folders, and for example "one repository, ann/tool".

        Raises:
          NotADirectoryError: `source` is not a folder.
        """
        if not source.is_dir():
            raise NotADirectoryError(f"--source {source} is not a folder")
        before = self.skipped.copy()
        children = [source / name for name in self._folders(source)]
        marked = [child for child in children if _is_marked(child)]
        with_code = [child for child in children if _has_code(child)]
        if _is_marked(source) or _has_code(source) or (with_code and not marked):
            # Its folders will be gone through, and counted, once more.
            self.skipped.clear()
            self.skipped.update(before)
            name = _own_name(source)
            return [(name, source)], f"one repository, {name}"
        found = []
        for child in children:
            if child in marked or child in with_code:
                found.append((_own_name(child), child))
            else:
                found += [(f"{child.name}/{name}", child / name) for name in self._folders(child)]
        shape = "a folder of repositories" if marked else "owner/repository folders"
        return found, f"{shape}, {len(found):,} found"

    def python_files(self, folder: pathlib.Path) -> list[tuple[str, pathlib.Path]]:
        """The `.py` files below a folder: (path with "/" inside it, file), sorted."""
        return sorted(self._python_files(str(folder), ""))

    def _python_files(self, folder: str, inside: str) -> Iterator[tuple[str, pathlib.Path]]:
        for entry in self._entries(folder):
            if entry.is_dir(follow_symlinks=False):
                if not self._is_skipped(entry):
                    yield from self._python_files(entry.path, f"{inside}{entry.name}/")
            elif entry.is_symlink():
                self.skipped["symbolic links"] += entry.name.endswith(".py") or entry.is_dir()
            elif entry.name.endswith(".py"):
                if is_utf8(entry.name):
                    yield inside + entry.name, pathlib.Path(entry.path)
                else:
                    self.skipped["names that are not UTF-8"] += 1

    def _folders(self, folder: pathlib.Path) -> list[str]:
        names = []
        for entry in self._entries(str(folder)):
            if entry.is_symlink() and entry.is_dir():
                self.skipped["symbolic links"] += 1
            elif entry.is_dir(follow_symlinks=False) and not self._is_skipped(entry):
                names.append(entry.name)
        return names

    def _entries(self, folder: str) -> list[os.DirEntry]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self.skipped["folders that cannot be read"] += 1
            return []

    def _is_skipped(self, entry: os.DirEntry) -> bool:
        reason = _SKIPPED_NAMES.get(entry.name, "")
        if not reason and entry.name.startswith("."):
            reason = "hidden folders"
        if not reason and any(pathlib.Path(entry.path, name).exists() for name in ("pyvenv.cfg", "conda-meta")):
            reason = "virtual environments"
        if not reason and not is_utf8(entry.name):
            reason = "names that are not UTF-8"
        if not reason and self._leave_out and os.path.realpath(entry.path) in self._leave_out:
            reason = "output folders"
        self.skipped[reason] += bool(reason)
        return bool(reason)


def _is_marked(folder: pathlib.Path) -> bool:
    return any((folder / mark).exists() for mark in MARKS)


def _has_code(folder: pathlib.Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(".py") and entry.is_file() for entry in entries)
    except OSError:
        return False


def _own_name(folder: pathlib.Path) -> str:
    return repository_of_remote(folder) or f"local/{folder.resolve().name or 'root'}"
