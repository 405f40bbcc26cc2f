"""Reads a tree in the FLCC layout; the only file that knows where things lie in it.

    v3/languages/Python/.py/<owner>/<repository>/<branch>/<stem>_<n>.py    the files of a repository, flat
    v3/repositories/<owner>/<repository>/<branch>/paths.json               {"<stem>_<n>.py": "original/path.py"}
    v3/repositories/<owner>/<repository>/<branch>/repository.json          {"repository": ..., "license": "MIT"}

The public archive has `v3/repositories/repositories/<owner>/...`: both forms are read. `repository.json` is an
addition of this project and may be missing.

Symbolic links are followed only inside the tree; anything that cannot be read is dropped as `unreadable`.
"""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import stat
from collections.abc import Iterator
from typing import Any

from preprocessing.contract import DataContractError
from preprocessing.flcc_names import is_utf8, json_object, original_paths, printable
from preprocessing.source import Dropped, RawFile

FILES_FOLDER = "v3/languages/Python/.py"
ABOUT_FOLDERS = ("v3/repositories", "v3/repositories/repositories")
PATHS_FILE = "paths.json"
REPOSITORY_FILE = "repository.json"

# Large enough that handing a unit to a worker costs nothing, small enough for an even load and a smooth bar.
MIN_UNIT_BYTES = 4 * 1024 * 1024

HOW_TO_MAKE = (
    "Make one from your own repositories with `python -m preprocessing.build_flcc --output_dir FLCC --source DIR`, "
    "or from the installed packages with `python -m preprocessing.build_flcc --output_dir FLCC --installed_packages`."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Repository:
    """How much a repository holds: `files` on the branch that is taken, and their `size` in bytes."""

    name: str
    files: int
    size: int


@dataclasses.dataclass(frozen=True, slots=True)
class FlccUnit:
    """A repository, or neighbours in the order of names that together make about 4 MB; see `source.Unit`."""

    root: str
    repositories: tuple[str, ...]
    size: int
    dropped: tuple[Dropped, ...] = ()

    def __str__(self) -> str:
        names = self.repositories or ("no repository",)
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"

    def read(self, *, max_bytes: int) -> Iterator[RawFile | Dropped]:
        yield from self.dropped
        tree = Tree(self.root)
        for repository in self.repositories:
            yield from tree.read(repository, max_bytes=max_bytes)


class FlccSource:
    """An FLCC tree as a `source.Source`.

    The units, read in their order, give the files in the order of repository and original path. The tree is listed
    once, when it is first asked for.

    Args:
      root: the folder that holds `v3`.

    Raises:
      DataContractError: `root` is not an FLCC tree, or (from every method) there is no repository in it.

    Example: `FlccSource("FLCC").describe()` is
      {"kind": "flcc", "repositories": 2, "empty_repositories": 0, "files": 3, "bytes": 58, "digest": "5f1c..."}
    """

    def __init__(self, root: str | os.PathLike):
        self.root = os.fspath(root)
        path = pathlib.Path(root)
        if not (path / FILES_FOLDER).is_dir():
            inner = sorted(path.glob(f"*/{FILES_FOLDER}"))
            hint = f"Did you mean {str(inner[0]).removesuffix('/' + FILES_FOLDER)}? " if inner else ""
            raise DataContractError(
                f"{self.root} is not an FLCC tree: it has no folder {FILES_FOLDER}. {hint}{HOW_TO_MAKE}"
            )

    def repositories(self) -> list[Repository]:
        """All repositories, sorted by name."""
        return self._listed[0]

    def units(self) -> list[FlccUnit]:
        repositories, dropped, _ = self._listed
        units = []
        group: list[str] = []
        size = 0
        for position, repository in enumerate(repositories, start=1):
            group.append(repository.name)
            size += repository.size
            if size >= MIN_UNIT_BYTES or position == len(repositories):
                units.append(FlccUnit(self.root, tuple(group), size, () if units else tuple(dropped)))
                group, size = [], 0
        return units

    def describe(self) -> dict[str, Any]:
        repositories, _, digest = self._listed
        return {
            "kind": "flcc",
            "repositories": len(repositories),
            "empty_repositories": sum(repository.files == 0 for repository in repositories),
            "files": sum(repository.files for repository in repositories),
            "bytes": sum(repository.size for repository in repositories),
            "digest": digest,
        }

    @functools.cached_property
    def _listed(self) -> tuple[list[Repository], list[Dropped], str]:
        tree = Tree(self.root)
        names, dropped = tree.repository_names()
        if not names:
            unusable = f" Of what is there, {printable(dropped[0].where)} is {dropped[0].reason}." if dropped else ""
            raise DataContractError(
                f"{self.root} is an empty FLCC tree: no <owner>/<repository> folder in {FILES_FOLDER}.{unusable} "
                + HOW_TO_MAKE
            )
        repositories = []
        digest = hashlib.sha256()
        for name in names:
            branch, sizes, _ = tree.listing(name)
            repositories.append(Repository(name, len(sizes), sum(sizes.values())))
            about = [tree.about(name, branch, file) for file in (PATHS_FILE, REPOSITORY_FILE)]
            hashes = [None if data is None else hashlib.sha256(data).hexdigest() for data in about]
            digest.update(json.dumps([name, branch, list(sizes.items()), hashes]).encode())
        return repositories, dropped, digest.hexdigest()


class Tree:
    """Lists and reads one tree; all folders are given relative to its root."""

    def __init__(self, root: str):
        self.root = root
        # `v3`, or a folder on the way to the files, may itself be a link to another disk: that was someone's will.
        self._inside = tuple(f"{os.path.realpath(path).rstrip('/')}/" for path in (root, f"{root}/{FILES_FOLDER}"))

    def repository_names(self) -> tuple[list[str], list[Dropped]]:
        """The repositories, sorted, and what else lies on the way to them."""
        owners, files, dropped = self._scan(FILES_FOLDER)
        names = []
        dropped += [Dropped("out_of_place", printable(f"{FILES_FOLDER}/{file}")) for file in files]
        for owner in owners:
            folders, files, unreadable = self._scan(f"{FILES_FOLDER}/{owner}")
            names += [f"{owner}/{folder}" for folder in folders]
            dropped += unreadable
            dropped += [Dropped("out_of_place", printable(f"{FILES_FOLDER}/{owner}/{file}")) for file in files]
        return sorted(names), dropped

    def listing(self, repository: str) -> tuple[str, dict[str, int], list[Dropped]]:
        """The branch that is taken ("" if there is none), its files (flat name -> bytes), and what is dropped."""
        folder = f"{FILES_FOLDER}/{repository}"
        branches, strays, dropped = self._scan(folder)
        taken = self._choose(repository, branches)
        dropped += [Dropped("out_of_place", printable(f"{folder}/{name}")) for name in strays]
        kept: dict[str, int] = {}
        for branch in branches:
            folders, files, unreadable = self._scan(f"{folder}/{branch}")
            foreign = folders + [name for name in files if not name.endswith(".py")]
            dropped += unreadable
            dropped += [Dropped("out_of_place", printable(f"{folder}/{branch}/{name}")) for name in foreign]
            python = {name: size for name, size in files.items() if name.endswith(".py")}
            if branch == taken:
                kept = python
            else:
                dropped += [Dropped("other_branch", printable(f"{folder}/{branch}/{name}")) for name in python]
        return taken, kept, dropped

    def read(self, repository: str, *, max_bytes: int) -> Iterator[RawFile | Dropped]:
        """Yields what `FlccUnit.read` yields, for one repository."""
        branch, sizes, dropped = self.listing(repository)
        yield from dropped
        license, notes = self._license(repository, branch)
        names = original_paths(sizes, self.about(repository, branch, PATHS_FILE))
        for path, flat, note in names:
            where = f"{FILES_FOLDER}/{repository}/{branch}/{flat}"
            reason = "" if is_utf8(repository) and is_utf8(flat) and is_utf8(path) else "not_utf8"
            data = b""
            if not reason and sizes[flat] <= max_bytes:
                try:
                    # Unbuffered: the whole file is read at once.
                    with open(f"{self.root}/{where}", "rb", buffering=0) as file:  # noqa: PTH123 (hot loop)
                        data = file.read()
                except OSError:
                    reason = "unreadable"
            # It may have grown since it was listed.
            if not reason and max(sizes[flat], len(data)) > max_bytes:
                reason = "too_large"
            if reason:
                yield Dropped(reason, printable(where))
            else:
                yield RawFile(repository, path, data, license, (*note, *notes))

    def about(self, repository: str, branch: str, file: str) -> bytes | None:
        """The bytes of `paths.json` or `repository.json`; None if there is none, b"" if it cannot be read."""
        for folder in ABOUT_FOLDERS:
            try:
                return pathlib.Path(self.root, folder, repository, branch, file).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                return b""
        return None

    def _scan(self, folder: str) -> tuple[list[str], dict[str, int], list[Dropped]]:
        """A folder's folders, its regular files (name -> bytes), and what is neither; in the order of names."""
        folders: list[str] = []
        files: dict[str, int] = {}
        dropped: list[Dropped] = []
        try:
            with os.scandir(f"{self.root}/{folder}") as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return folders, files, [Dropped("unreadable", printable(folder))]
        for entry in found:
            try:
                if entry.is_symlink() and not os.path.realpath(entry.path).startswith(self._inside):
                    raise PermissionError("a link that leaves the tree")
                if entry.is_dir():
                    folders.append(entry.name)
                    continue
                status = entry.stat()
                if not stat.S_ISREG(status.st_mode):
                    raise PermissionError("a pipe, a socket or a device")
                files[entry.name] = status.st_size
            except OSError:
                dropped.append(Dropped("unreadable", printable(f"{folder}/{entry.name}")))
        return folders, files, dropped

    def _choose(self, repository: str, branches: list[str]) -> str:
        """The only branch with a `paths.json`, else main, else master, else the first by name."""
        if len(branches) < 2:
            return branches[0] if branches else ""
        described = [branch for branch in branches if self.about(repository, branch, PATHS_FILE) is not None]
        if len(described) == 1:
            return described[0]
        return next((branch for branch in ("main", "master") if branch in branches), branches[0])

    def _license(self, repository: str, branch: str) -> tuple[str, tuple[str, ...]]:
        """The licence, and a note where `repository.json` is there but broken."""
        data = self.about(repository, branch, REPOSITORY_FILE)
        if data is None:
            return "", ()
        license = (json_object(data) or {}).get("license")
        return (license, ()) if isinstance(license, str) else ("", ("repository_json_broken",))
