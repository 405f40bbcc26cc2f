"""Removes results, but none that is being made, and none that another one needs unless that is what is wanted."""

import pathlib
import shutil
from collections.abc import Sequence

from pipeline import figures, records
from pipeline.records import Record


class InUseError(ValueError):
    """A result is being made, or another one needs it."""


def check(results: pathlib.Path, removed: Sequence[Record], every: Sequence[Record], *, force: bool = False) -> None:
    """Sees that results may be removed together.

    Args:
      removed: what is to go; what they need of each other is no reason against it.
      every: all records.
      force: whether finished results may lose what they were made of.

    Raises:
      InUseError: one of them is running, or is read by one that is running, or, without `force`, is what a finished
        one was made of. All reasons are in the message.
    """
    going = {record.name for record in removed}
    reasons = []
    for record in removed:
        if records.status(results, record) == records.RUNNING:
            process = record.process
            reasons.append(
                f"{record.name} is being made (process {process.get('pid')} on {process.get('host')}): stop it first"
            )
    for other in every:
        needed = {f"{stage.partition(':')[0]}/{digest}" for stage, digest in other.requires.items()} & going
        status = records.status(results, other) if needed and other.name not in going else None
        if status == records.RUNNING:
            reasons += [f"{name} is read by {other.name}, which is running: stop that first" for name in sorted(needed)]
        elif status == records.FINISHED and not force:
            reasons += [
                f"{name} is what {other.name} was made of: --force removes it all the same" for name in sorted(needed)
            ]
    if reasons:
        raise InUseError("nothing was removed:\n" + "\n".join(f"  {reason}" for reason in reasons))


def paths(results: pathlib.Path, record: Record) -> list[pathlib.Path]:
    """What there is of a result, its record last."""
    folder = records.folder_of(results, record)
    found = [folder, figures.incomplete_of(results, record), figures.log_of(results, record)]
    return [path for path in [*found, folder.with_name(f"{record.digest}.json")] if path.exists() or path.is_symlink()]


def size_bytes(results: pathlib.Path, record: Record) -> int:
    """Of all that there is of a result."""
    return sum(figures.size_bytes(path) for path in paths(results, record))


def remove(results: pathlib.Path, record: Record) -> int:
    """Removes a result, what is left of its making, its log and, last, its record, so that it can be done again.

    Returns:
      The bytes that were freed.

    Raises:
      InUseError: it is being made by now.
    """
    with records.locked(results / record.stage):
        path = records.path_of(results, record.stage, record.digest)
        if path.exists() and records.status(results, records.read(path)) == records.RUNNING:
            raise InUseError(f"{record.name} is being made by now: stop it first")
        freed = size_bytes(results, record)
        folder, left = records.folder_of(results, record), figures.incomplete_of(results, record)
        _delete(left)
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            # Half of a folder must never stand where a whole one is expected.
            folder.rename(left)
            _delete(left)
        figures.log_of(results, record).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return freed


def _delete(path: pathlib.Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
