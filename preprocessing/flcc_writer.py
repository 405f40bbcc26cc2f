"""Writes repositories into a tree in the FLCC layout."""

import dataclasses
import json
import os
import pathlib
import shutil
from collections.abc import Iterable

from preprocessing.flcc import ABOUT_FOLDERS, FILES_FOLDER, PATHS_FILE, REPOSITORY_FILE
from preprocessing.flcc_names import flat_name

BRANCH = "main"
# Outside `v3`, so that a repository which is still being written is seen by no reader.
WRITING_FOLDER = ".writing"


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """How many files of a repository were written, their bytes, and the paths of those that could not be read."""

    files: int
    bytes: int
    unreadable: tuple[str, ...] = ()


class FlccWriter:
    """Adds repositories to an FLCC tree, each at once: a killed writer leaves whole repositories only.

    Args:
      root: the folder that will hold `v3`; made if it is not there.

    Example:
      FlccWriter("FLCC").write("ann/tool", [("src/a.py", b"x = 1\\n")], license="MIT")
      -> FLCC/v3/languages/Python/.py/ann/tool/main/a_0.py
         FLCC/v3/repositories/ann/tool/main/paths.json         {"a_0.py": "src/a.py"}
         FLCC/v3/repositories/ann/tool/main/repository.json    {"license": "MIT", "repository": "ann/tool"}
    """

    def __init__(self, root: str | os.PathLike):
        self.root = pathlib.Path(root)
        self._writing = self.root / WRITING_FOLDER
        (self.root / FILES_FOLDER).mkdir(parents=True, exist_ok=True)
        (self.root / ABOUT_FOLDERS[0]).mkdir(parents=True, exist_ok=True)

    def write(self, repository: str, files: Iterable[tuple[str, bytes | os.PathLike]], *, license: str = "") -> Written:
        """Writes one repository; a file that cannot be read is left out and named in the answer.

        Args:
          repository: "owner/name".
          files: original path and content, or the file to copy it from; written in the order of the paths.
          license: an SPDX id, or "".

        Raises:
          ValueError: not "owner/name", or a path twice.
          FileExistsError: the tree has this repository already.
        """
        parts = repository.split("/")
        if len(parts) != 2 or not all(part.strip(".") for part in parts):
            raise ValueError(f"a repository is named owner/name, not {repository!r}")
        final = self.root / FILES_FOLDER / repository
        if final.exists():
            raise FileExistsError(f"{self.root} has the repository {repository} already")
        shutil.rmtree(self._writing, ignore_errors=True)
        code = self._writing / "files" / BRANCH
        about = self._writing / "about" / BRANCH
        code.mkdir(parents=True)
        about.mkdir(parents=True)
        paths: dict[str, str] = {}
        unreadable = []
        size = 0
        ordered = sorted(files, key=lambda file: file[0])
        for number, (path, content) in enumerate(ordered):
            if number and path == ordered[number - 1][0]:
                raise ValueError(f"{repository} has the path {path!r} twice")
            try:
                data = content if isinstance(content, bytes) else pathlib.Path(content).read_bytes()
            except OSError:
                unreadable.append(path)
                continue
            flat = flat_name(path, number)
            (code / flat).write_bytes(data)
            paths[flat] = path
            size += len(data)
        _write_json(about / PATHS_FILE, paths)
        _write_json(about / REPOSITORY_FILE, {"license": license, "repository": repository})
        self._publish(about.parent, self.root / ABOUT_FOLDERS[0] / repository)
        # A reader goes by the files: they come last.
        self._publish(code.parent, final)
        shutil.rmtree(self._writing)
        return Written(len(paths), size, tuple(unreadable))

    def _publish(self, folder: pathlib.Path, final: pathlib.Path) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        # A writer that was killed between the two folders left this one.
        if final.exists():
            shutil.rmtree(final)
        folder.rename(final)


def _write_json(path: pathlib.Path, value: dict[str, str]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
