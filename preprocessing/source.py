"""What a reader of raw repositories offers to the chain, whatever the layout on disk.

A source is a list of units. A unit is small, picklable and independent of the others, so that any number of worker
processes can read them in any order; their order in the list is fixed by the input alone.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Protocol


@dataclasses.dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it was found, before any decision about it.

    Attributes:
      repository: "owner/name".
      path: the path inside the repository, "/" between its parts.
      data: the bytes.
      license: an SPDX id, or "".
      notes: keys of `contract.NOTES` that the reader found to be true of it.
    """

    repository: str
    path: str
    data: bytes
    license: str = ""
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Dropped:
    """A file that goes no further.

    Attributes:
      reason: a key of `contract.DROP_REASONS`.
      where: the file's path, or file and row, for the log.
      evidence: what it was compared with, JSON-like; None where the file alone decides.
    """

    reason: str
    where: str
    evidence: dict[str, Any] | None = None


class Unit(Protocol):
    """A share of a source that one worker reads from start to end, in a fixed order."""

    size: int
    """About how many bytes it holds: for balance between workers and for the progress bar."""

    def read(self, *, max_bytes: int) -> Iterator[RawFile | Dropped]:
        """Yields every file of the unit; one of more than `max_bytes` bytes is dropped without being read."""


class Source(Protocol):
    """Somewhere that raw files come from."""

    def units(self) -> Sequence[Unit]:
        """The units, in an order that depends on the input alone."""

    def describe(self) -> dict[str, Any]:
        """For the manifest: `kind`, `files`, `bytes`, and `digest` of the names and sizes of what will be read.

        No absolute path in it: the same tree elsewhere on the disk gives the same description.
        """
