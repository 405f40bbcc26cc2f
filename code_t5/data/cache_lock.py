"""Keeps two processes from making the same cache at once."""

import contextlib
import os
from collections.abc import Iterator

import filelock

from preprocessing.contract import DataContractError


class AlreadyRunningError(DataContractError):
    """Another process is making the same cache."""


def is_remote(address: str) -> bool:
    """Whether an address names an object store, such as gs://bucket, which has no locks."""
    return "://" in address


@contextlib.contextmanager
def locked(cache_dir: str, task: str) -> Iterator[None]:
    """Holds the lock of a Task's cache, `CACHE/.<task>.lock`, as long as the block lasts.

    It is the kernel's (flock): the lock of a process that was killed is gone with it, and the empty file that stays
    behind locks nothing. On an object store, or a file system without flock, nothing is locked: two runs would do the
    same work twice, and write the same bytes.

    Args:
      cache_dir: an existing folder.

    Raises:
      AlreadyRunningError: another process holds it.
    """
    if is_remote(cache_dir):
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(filelock.FileLock(os.path.join(cache_dir, f".{task}.lock"), timeout=0))
        except filelock.Timeout:
            raise AlreadyRunningError(
                f"another process is making the cache of {task} in {cache_dir} at this moment: wait for it, or choose "
                "another --cache_dir"
            ) from None
        except NotImplementedError:  # what filelock makes of ENOSYS
            pass
        yield
