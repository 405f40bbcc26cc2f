"""Trees of 2, 4, ... times the size of a given one, of which deduplication drops the same share as of the given one.

Plain copies would all be dropped. Here copy r has every ASCII letter and digit of every file moved on by r places in
its alphabet: `for x1 in` becomes `gps y2 jo`. Words keep their lengths, lines theirs, and within a copy two words are
equal exactly if they were, so it has the same near duplicates as the original and compresses as well; with the other
copies it shares next to no word 5-gram. (It is no Python any more: nothing that is measured parses it. And a
generator's mark is no longer seen, so the few generated files of a copy are kept.)
"""

import os
import pathlib
import shutil
import string

from preprocessing.flcc import FILES_FOLDER

_ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_FOLDERS = (FILES_FOLDER, "v3/repositories")


def alphabet_moved_by(places: int) -> bytes:
    """A table for `bytes.translate`.

    Example: `b"for x9"` through the table of 1 place is `b"gps y0"`.
    """
    moved = "".join(alphabet[places:] + alphabet[:places] for alphabet in _ALPHABETS)
    return bytes.maketrans("".join(_ALPHABETS).encode(), moved.encode())


def make(tree: pathlib.Path, output_dir: pathlib.Path, *, times: int) -> pathlib.Path:
    """Makes the tree if it is not there: the given one by hard links, and `times - 1` copies of it.

    Args:
      tree: an FLCC tree, on the same disk.
      times: at most 10, the digits' alphabet.

    Returns:
      `output_dir`.
    """
    if not 1 <= times <= 10:
        raise ValueError(f"times={times}: a tree can be made 1 to 10 times as large")
    if output_dir.exists():
        return output_dir
    beside = output_dir.with_name(f"{output_dir.name}.incomplete")
    shutil.rmtree(beside, ignore_errors=True)
    for places in range(times):
        table = alphabet_moved_by(places)
        for folder in _FOLDERS:
            for owner in sorted((tree / folder).iterdir()):
                name = f"{owner.name}-{places}" if places else owner.name
                _copy(owner, beside / folder / name, table if places and folder == FILES_FOLDER else None)
    beside.rename(output_dir)
    return output_dir


def _copy(source: pathlib.Path, target: pathlib.Path, table: bytes | None) -> None:
    """Copies a folder with all that is in it: through a table, or as hard links without one."""
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir():
                _copy(pathlib.Path(entry.path), target / entry.name, table)
            elif table is None:
                (target / entry.name).hardlink_to(entry.path)
            else:
                (target / entry.name).write_bytes(pathlib.Path(entry.path).read_bytes().translate(table))
