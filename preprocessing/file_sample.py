"""A seeded random share of the files of each repository of an FLCC tree: a smaller tree in which every one still is."""

import json
import os
import pathlib
from collections.abc import Iterable

from preprocessing.flcc import ABOUT_FOLDERS, FILES_FOLDER, PATHS_FILE, REPOSITORY_FILE, Repository, Tree
from preprocessing.flcc_names import json_object, original_paths, printable
from preprocessing.split import chance


class FileSample:
    """Chooses files, and copies them with what the reader knows about them.

    A file is chosen by the seed, its repository's name and its original path alone, so what is chosen with a smaller
    share is also chosen with a larger one, and a new file in a repository moves no other. A repository from which
    nothing would be chosen gives the file that a larger share would choose first. Only the branch that the reader
    takes is sampled; other branches and what is out of place stay behind.

    Args:
      root: the folder that holds `v3`.
      share: the part of each repository's files, above 0 and at most 1; what is chosen is about that part.
      seed: another one gives another choice.

    Example:
      FileSample("FLCC", share=0.2).repository("o/r10") is Repository("o/r10", files=24, size=240), where o/r10 has
      100 files of 10 bytes each.
    """

    def __init__(self, root: str | os.PathLike, *, share: float, seed: int = 0):
        self._tree = Tree(os.fspath(root))
        self._share = share
        self._seed = seed

    def repository(self, name: str) -> Repository:
        """How much is chosen of a repository; no file where it has none."""
        branch, sizes, _ = self._tree.listing(name)
        chosen = self._chosen(name, branch, sizes)
        return Repository(name, len(chosen), sum(sizes[flat] for flat in chosen))

    def copy(self, target: pathlib.Path, repositories: Iterable[Repository]) -> int:
        """Copies what is chosen of some repositories: files, the rows of `paths.json` about them, `repository.json`.

        Where a file is a link inside the tree, what it leads to is copied: the link's end may not have been chosen.

        Returns:
          How many files and folders could not be read and are missing in the copy.
        """
        unreadable = 0
        for repository in repositories:
            name = repository.name
            branch, sizes, dropped = self._tree.listing(name)
            unreadable += sum(drop.reason == "unreadable" for drop in dropped)
            folder = target / FILES_FOLDER / name / branch
            folder.mkdir(parents=True)
            copied = []
            for flat in self._chosen(name, branch, sizes):
                try:
                    data = pathlib.Path(self._tree.root, FILES_FOLDER, name, branch, flat).read_bytes()
                except OSError:
                    unreadable += 1
                    continue
                (folder / flat).write_bytes(data)
                copied.append(flat)
            self._copy_about(target / ABOUT_FOLDERS[0] / name / branch, name, branch, copied)
        return unreadable

    def _chosen(self, name: str, branch: str, sizes: dict[str, int]) -> list[str]:
        """The flat names of the files that are chosen, in order."""
        chances = {
            flat: chance(printable(f"{name}/{path}"), str(self._seed))
            for path, flat, _ in original_paths(sizes, self._tree.about(name, branch, PATHS_FILE))
        }
        below = sorted(flat for flat in chances if chances[flat] < self._share)
        return below or sorted(chances, key=chances.__getitem__)[:1]

    def _copy_about(self, folder: pathlib.Path, name: str, branch: str, copied: list[str]) -> None:
        for file in (PATHS_FILE, REPOSITORY_FILE):
            data = self._tree.about(name, branch, file)
            if data is None:
                continue
            rows = json_object(data) if file == PATHS_FILE else None
            # One that is broken stays so: the reader notes it.
            if rows is not None:
                kept = {flat: rows[flat] for flat in copied if flat in rows}
                data = f"{json.dumps(kept, indent=1)}\n".encode()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(data)
