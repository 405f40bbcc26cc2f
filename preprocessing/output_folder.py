"""A folder that is either not there or finished: made beside, under a lock, and renamed at the end."""

import contextlib
import errno
import fcntl
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from preprocessing.contract import DataContractError

_LOCK = "lock"


class AlreadyRunningError(DataContractError):
    """Another process is making the same folder."""


@contextlib.contextmanager
def written_beside(output_dir: pathlib.Path, *, replace: bool = False) -> Iterator[pathlib.Path]:
    """Gives an empty folder to write into, which becomes `output_dir` when the block ends well, and goes when it fails.

    Args:
      output_dir: the folder to make; the folders above it are made too.
      replace: whether a folder that is there is replaced, at the very end.

    Raises:
      FileExistsError: `output_dir` is there, is not empty, and `replace` is not set.
      AlreadyRunningError: another process is making it.
    """
    if os.path.lexists(output_dir) and not replace and not _is_empty_folder(output_dir):
        raise FileExistsError(f"{output_dir} is there already")
    with making(output_dir) as work:
        made = work / "made"
        made.mkdir()
        yield made
        publish(made, output_dir)


@contextlib.contextmanager
def making(output_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives an empty work folder beside `output_dir`, for this process alone, and takes it away at the end.

    What a killed run left there is removed. The work folder has a new name each time, so that a process of a killed
    run that lives a moment longer writes into a folder that nobody reads.

    Raises:
      AlreadyRunningError: another process has it.
      OSError: the disk is full, in words that say what to do; or any other that the block raised.
    """
    beside = incomplete_folder(output_dir)
    with _locked(beside, output_dir):
        try:
            _clear(beside)
            yield pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=beside))
        except OSError as error:
            if not _is_disk_full(error):
                raise
            raise OSError(
                f"no space left on the disk of {output_dir}: nothing was left there, free some and run it again"
            ) from error
        finally:
            _clear(beside)
            # The lock's file goes last: as long as it is there, nobody else begins.
            (beside / _LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                beside.rmdir()


def publish(made: pathlib.Path, output_dir: pathlib.Path) -> None:
    """Puts a finished folder of the work folder into its place; what stood there before goes."""
    output_dir = output_dir.absolute()
    if output_dir.exists():
        output_dir.rename(made.with_name("replaced"))
    made.rename(output_dir)


def incomplete_folder(output_dir: pathlib.Path) -> pathlib.Path:
    """Where a folder is while it is being made."""
    return pathlib.Path(f"{output_dir.absolute()}.incomplete")  # "." can neither be renamed nor be given an ending


def _clear(beside: pathlib.Path) -> None:
    for left in beside.iterdir():
        if left.is_dir():
            # A process of a killed run may still be writing there; what that leaves goes at the end.
            shutil.rmtree(left, ignore_errors=True)


def _is_disk_full(error: OSError) -> bool:
    # Beam's and Arrow's errors may have a number in their words alone.
    return error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)


def _is_empty_folder(folder: pathlib.Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


@contextlib.contextmanager
def _locked(beside: pathlib.Path, output_dir: pathlib.Path) -> Iterator[None]:
    while True:
        beside.mkdir(parents=True, exist_ok=True)
        lock = beside / _LOCK
        try:
            file = lock.open("w")
        except FileNotFoundError:
            continue
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunningError(
                    f"another process is making {output_dir} at this moment: wait for it, or choose another "
                    "--output_dir"
                ) from None
            # The one who had it may have removed the file between our opening and locking it.
            if not lock.exists() or lock.stat().st_ino != os.fstat(file.fileno()).st_ino:
                continue
            yield
            return
