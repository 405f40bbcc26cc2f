"""Keeps two processes from making the same cache, or the same dataset, at once."""

import contextlib
import os
from collections.abc import Iterator

import filelock

from preprocessing.contract import DataContractError


class AlreadyRunningError(DataContractError):
    """Another process is making the same."""


def is_remote(address: str) -> bool:
    """Whether an address names an object store, such as gs://bucket, which has no locks."""
    return "://" in address


@contextlib.contextmanager
def locked(folder: str, name: str, *, what: str = "", flag: str = "--cache_dir") -> Iterator[None]:
    """Holds the lock of a Task's cache, or of what else is made in a folder, as long as the block lasts.

    It is the kernel's (flock), on the file `.<name>.lock`: the lock of a process that was killed is gone with it, and
    the empty file that stays behind locks nothing. On an object store, or a file system without flock, nothing is
    locked: two runs would do the same work twice, and write the same bytes.

    Args:
      folder: an existing folder.
      name: of a Task, or any other that can be a file's.
      what: is made, for the error; "the cache of <name>" by default.
      flag: that another folder could be given to, for the error.

    Raises:
      AlreadyRunningError: another process holds it.
    """
    if is_remote(folder):
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(filelock.FileLock(os.path.join(folder, f".{name}.lock"), timeout=0))
        except filelock.Timeout:
            raise AlreadyRunningError(
                f"another process is making {what or f'the cache of {name}'} in {folder} at this moment: wait for it, "
                f"or choose another {flag}"
            ) from None
        except NotImplementedError:  # what filelock makes of ENOSYS
            pass
        yield
