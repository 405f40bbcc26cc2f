"""A folder that is there whole or not at all: written beside, then renamed."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator


@contextlib.contextmanager
def written_beside(target: pathlib.Path, *, replace: bool = False) -> Iterator[pathlib.Path]:
    """Gives an empty folder `<target>.incomplete` to write into; when the block ends well it becomes `target`.

    What an earlier run that was killed left in `<target>.incomplete` is removed first.

    Args:
      target: the folder to make; the folders above it are made too.
      replace: whether a folder that is there is replaced, at the very end.

    Raises:
      FileExistsError: `target` is there, is not empty, and `replace` is not set.
    """
    if os.path.lexists(target) and not replace and not _is_empty_folder(target):
        raise FileExistsError(f"{target} is there already")
    # "." can neither be renamed nor be given an ending.
    target = target.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    incomplete, replaced = incomplete_folder(target), _beside(target, "replaced")
    for leftover in (incomplete, replaced):
        if leftover.exists():
            shutil.rmtree(leftover)
    incomplete.mkdir()
    yield incomplete
    if target.exists():
        target.rename(replaced)
    incomplete.rename(target)
    if replaced.exists():
        shutil.rmtree(replaced)


def incomplete_folder(target: pathlib.Path) -> pathlib.Path:
    """Where a folder is while it is being written."""
    return _beside(target, "incomplete")


def _beside(target: pathlib.Path, ending: str) -> pathlib.Path:
    return pathlib.Path(f"{target.absolute()}.{ending}")


def _is_empty_folder(folder: pathlib.Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())
