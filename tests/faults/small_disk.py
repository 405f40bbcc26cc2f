"""A file system of a few megabytes, to run out of space on.

As root it is mounted; without root rights it is mounted in a namespace of a process that sleeps, and reached through
that process's entry in /proc.
"""

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

BLOCK = 4096
_BALLAST = "ballast"


class NoSmallDiskError(RuntimeError):
    """This machine allows neither of the two ways."""


class SmallDisk:
    """A mounted file system.

    Attributes:
      folder: where it is.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def free(self) -> int:
        """Bytes that can still be written."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, *, leave: int) -> None:
        """Writes a file that leaves so many bytes free, rounded down to whole blocks."""
        taken = self.free() - leave // BLOCK * BLOCK
        with (self.folder / _BALLAST).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, taken)

    def clear(self) -> None:
        """Gives the space back."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """What stands on it, but for what `fill` wrote."""
        return sorted(path.name for path in self.folder.iterdir() if path.name != _BALLAST)


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, *, megabytes: int, as_root: bool | None = None) -> Iterator[SmallDisk]:
    """Mounts a file system in memory, and takes it away with the block.

    Args:
      folder: an empty folder to mount it on.
      megabytes: of 2^20 bytes.
      as_root: True and False allow only one of the two ways; None tries both.

    Raises:
      NoSmallDiskError: the system says no.
    """
    refusals = []
    for way in (_mounted, _mounted_in_a_namespace):
        if as_root in (None, way is _mounted):
            with contextlib.ExitStack() as stack:
                try:
                    disk = stack.enter_context(way(folder, megabytes))
                except NoSmallDiskError as error:
                    refusals.append(str(error))
                    continue
                yield disk
                return
    raise NoSmallDiskError("; ".join(refusals))


@contextlib.contextmanager
def _mounted(folder: pathlib.Path, megabytes: int) -> Iterator[SmallDisk]:
    _call(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)])
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def _mounted_in_a_namespace(folder: pathlib.Path, megabytes: int) -> Iterator[SmallDisk]:
    script = 'mount -t tmpfs -o "size=$1m" tmpfs "$2" && echo mounted && exec sleep infinity'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(megabytes), str(folder)]
    try:
        sleeper = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as error:
        raise NoSmallDiskError(f"unshare: {error}") from error
    try:
        if sleeper.stdout.readline() != "mounted\n":
            raise NoSmallDiskError(sleeper.communicate()[1].strip())
        yield SmallDisk(pathlib.Path(f"/proc/{sleeper.pid}/root{folder.resolve()}"))
    finally:
        sleeper.kill()
        sleeper.wait()


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoSmallDiskError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise NoSmallDiskError(done.stderr.strip())
