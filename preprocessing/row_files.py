"""Files with a row a line, gzipped or not: which there are, and their lines, whole or cut at byte ranges."""

import dataclasses
import gzip
import os
import pathlib
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from preprocessing import contract, shards
from preprocessing.contract import DataContractError

_GZIP_MAGIC = b"\x1f\x8b"
# Less is not worth handing to a worker; more than MAX_RANGES ranges make finding a line's number slow.
RANGE_BYTES = 8_000_000
MAX_RANGES = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """Files under a folder: (name relative to `root`, bytes), sorted by name."""

    root: str
    sizes: tuple[tuple[str, int], ...]

    def describe(self, kind: str) -> dict[str, Any]:
        """What `source.Source.describe` asks for."""
        size = sum(size for _, size in self.sizes)
        return {"kind": kind, "files": len(self.sizes), "bytes": size, "digest": contract.canonical_digest(self.sizes)}

    def ranges(self) -> "list[LineRange]":
        """Cuts plain files into ranges that are read apart; a gzipped one can only be read from its beginning."""
        step = max(RANGE_BYTES, sum(size for _, size in self.sizes) // MAX_RANGES)
        ranges = []
        for name, size in self.sizes:
            one = first_bytes(f"{self.root}/{name}", 2) == _GZIP_MAGIC
            starts = [0] if one else range(0, size, step)
            ranges += [LineRange(self.root, name, start, size if one else min(start + step, size)) for start in starts]
        return ranges


def list_files(root: str | os.PathLike, *, endings: tuple[str, ...] = ("",)) -> Files:
    """The files under a folder, or the one file that `root` is.

    Hidden files, and what `preprocessing.run` writes beside its shards, are left out.

    Raises:
      DataContractError: there is none.
    """
    root = pathlib.Path(root)
    if root.is_file():
        return Files(os.fspath(root.parent), ((root.name, root.stat().st_size),))
    names = [
        path.relative_to(root)
        for path in root.rglob("*")
        if path.is_file()
        and path.name not in (contract.MANIFEST_FILE, shards.DROPPED_FILE)
        and path.name.endswith(endings)
    ]
    names = sorted(str(name) for name in names if not any(part.startswith(".") for part in name.parts))
    if not names:
        what = " or ".join(f"*{ending}" for ending in endings if ending) or "file"
        raise DataContractError(f"{root} holds nothing to read: there is no {what} in it")
    return Files(os.fspath(root), tuple((name, (root / name).stat().st_size) for name in names))


def first_bytes(address: str, count: int) -> bytes:
    """The head of a file, to tell what it is whatever its name says."""
    with pathlib.Path(address).open("rb") as file:
        return file.read(count)


@dataclasses.dataclass(frozen=True, slots=True)
class LineRange:
    """The lines of one file that begin in the bytes [start, stop); of a gzipped file, all lines."""

    root: str
    name: str
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def address(self) -> str:
        return f"{self.root}/{self.name}"

    def __str__(self) -> str:
        return f"{self.name} from byte {self.start}"

    def lines(self, *, longest: int) -> Iterator[tuple[int, bytes | None]]:
        """The lines that are not blank.

        Args:
          longest: lines of more bytes are passed over without being held in memory.

        Yields:
          (number of the line in this range, from 0; the line, or None if it is too long).

        Raises:
          DataContractError: a gzipped file is cut off or damaged.
        """
        number = -1
        try:
            with self._open() as file:
                stop = float("inf") if isinstance(file, gzip.GzipFile) else self.stop
                if self.start:
                    # A line belongs to the range in which it begins.
                    file.seek(self.start - 1)
                    _pass_over(file)
                while file.tell() < stop and (text := file.readline(longest + 1)):
                    number += 1
                    if len(text) > longest and not text.endswith(b"\n"):
                        _pass_over(file)
                        yield number, None
                    elif not text.isspace():
                        yield number, text
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataContractError(
                f"{self.address} is damaged after line {number + 1}: {error}. It was probably not copied to its end: "
                "fetch it again"
            ) from error

    def where(self, number: int) -> str:
        """Name and line number, from 1, of a line that `lines` gave the number `number`.

        Counts the lines before the range, which is done only for the few lines that are reported.
        """
        before, end = 0, self.start
        if end:
            with pathlib.Path(self.address).open("rb") as file:
                # The line that runs into the range belongs to the range before.
                while block := file.read(min(end, 1 << 20)):
                    before += block.count(b"\n")
                    end -= len(block)
                    last = block[-1:]
            before += last != b"\n"
        return f"{self.name}:{before + number + 1}"

    def _open(self) -> BinaryIO:
        if first_bytes(self.address, 2) == _GZIP_MAGIC:
            return gzip.open(self.address, "rb")
        return pathlib.Path(self.address).open("rb")


@dataclasses.dataclass(frozen=True, slots=True)
class RangeUnit:
    """What units of rows have in common, whatever a row is; see `source.Unit`."""

    range: LineRange

    @property
    def size(self) -> int:
        return self.range.size

    def __str__(self) -> str:
        return str(self.range)


def _pass_over(file: BinaryIO) -> None:
    while block := file.readline(1 << 20):
        if block.endswith(b"\n"):
            return
