"""What is in files and folders that no stage has made, told by a digest: another content is another result."""

import hashlib
import os
import pathlib

from preprocessing import contract

_DIGITS = 16


def absolute(path: pathlib.Path) -> pathlib.Path:
    """Without `..`; a link keeps its name."""
    return pathlib.Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow it)


def digest(path: pathlib.Path) -> str:
    """Hex digits of a file's content, or of the names, sizes and times of all files in a folder.

    A folder of repositories has gigabytes, which nobody wants to read at each start; a file that was only touched
    makes a result again, and one that was changed is never missed.

    Raises:
      FileNotFoundError: it is not there; the message names it.
    """
    if path.is_file():
        return contract.bytes_digest(path.read_bytes())[:_DIGITS]
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not there")
    found = hashlib.sha256()
    for file in sorted(pathlib.Path(top) / name for top, _, names in os.walk(path) for name in names):
        about = file.lstat()
        found.update(os.fsencode(file.relative_to(path)) + f"\0{about.st_size} {about.st_mtime_ns}\0".encode())
    return found.hexdigest()[:_DIGITS]
