"""Accepted files between the two passes: uncompressed Arrow files, one for each share of the input.

Workers append records while they read; later other workers take rows out of them in any order, through memory maps,
so that nobody ever holds more contents than one row group. A row is named by one number, its location:
`spill << 32 | row`.
"""

import dataclasses
import itertools
import mmap
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from preprocessing.contract import CodeFile

SCHEMA = pa.schema(
    [
        ("repository", pa.string()),
        ("path", pa.string()),
        ("content", pa.string()),
        ("license", pa.string()),
        ("sha256", pa.string()),
        ("size", pa.int64()),
    ]
)
BATCH_BYTES = 2_000_000


def spill_name(index: int) -> str:
    return f"{index:06d}.arrow"


def locations(spill: int, rows: int) -> np.ndarray:
    """int64 [rows], the locations of all rows of a spill.

    Example: `locations(1, 2)` is `[4294967296, 4294967297]`.
    """
    return (np.int64(spill) << 32) + np.arange(rows, dtype=np.int64)


def numbers(values: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """An Arrow column of 64-bit numbers, none of them null, as numpy sees it; Arrow's own `to_numpy` imports pandas."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    dtype = np.uint64 if array.type == pa.uint64() else np.int64
    return np.frombuffer(array.buffers()[1] or b"", dtype)[array.offset : array.offset + len(array)]


class SpillWriter:
    """Writes the records of one share of the input, in the order in which they are added."""

    def __init__(self, path: pathlib.Path):
        self._writer = pa.ipc.new_file(str(path), SCHEMA)
        self._files: list[CodeFile] = []
        self._bytes = 0

    def __enter__(self) -> "SpillWriter":
        return self

    def __exit__(self, *exception) -> None:
        self._flush()
        self._writer.close()

    def add(self, file: CodeFile) -> None:
        self._files.append(file)
        self._bytes += file.size
        if self._bytes >= BATCH_BYTES:
            self._flush()

    def _flush(self) -> None:
        columns = [pa.array([getattr(file, name) for file in self._files], type) for name, type in _FIELDS]
        if self._files:
            self._writer.write_batch(pa.record_batch(columns, schema=SCHEMA))
        self._files, self._bytes = [], 0


_FIELDS = [(field.name, field.type) for field in SCHEMA]


@dataclasses.dataclass
class _Opened:
    memory: mmap.mmap
    batches: list[pa.RecordBatch]
    starts: np.ndarray


class Spills:
    """All spills of a run, opened when first needed.

    Args:
      folder: where `SpillWriter` wrote files named by `spill_name`.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._opened: dict[int, _Opened] = {}

    def take(self, rows: np.ndarray, columns: Sequence[str]) -> pa.Table:
        """Rows by their locations.

        Args:
          rows: int64 [n] locations, in any order.
          columns: names of SCHEMA.

        Returns:
          A table of n rows, in the order of `rows`.
        """
        in_order = bool((rows[1:] >= rows[:-1]).all())
        order = None if in_order else np.argsort(rows, kind="stable")
        ordered = rows if in_order else rows[order]
        pieces = []
        for spill, part in _runs(ordered >> 32):
            pieces += self._take_from(spill, ordered[part] & 0xFFFFFFFF, columns)
        schema = pa.schema([SCHEMA.field(name) for name in columns])
        table = pa.Table.from_batches(pieces, schema=schema)
        if in_order:
            return table
        inverse = np.empty(len(order), np.int64)
        inverse[order] = np.arange(len(order))
        return table.combine_chunks().take(pa.array(inverse))

    def _take_from(self, spill: int, rows: np.ndarray, columns: Sequence[str]) -> list[pa.RecordBatch]:
        opened = self._opened.get(spill) or self._open(spill)
        pieces = []
        for number, part in _runs(np.searchsorted(opened.starts, rows, side="right") - 1):
            batch = opened.batches[number].select(list(columns))
            pieces.append(batch.take(pa.array(rows[part] - opened.starts[number])))
        # The rows are copied; the pages go back to the system, which keeps its cache, so that memory does not grow.
        opened.memory.madvise(mmap.MADV_DONTNEED)
        return pieces

    def _open(self, spill: int) -> _Opened:
        with (self._folder / spill_name(spill)).open("rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_file(pa.py_buffer(memory))
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        counts = [batch.num_rows for batch in batches]
        opened = _Opened(memory, batches, np.cumsum([0, *counts[:-1]]))
        self._opened[spill] = opened
        return opened


def _runs(values: np.ndarray) -> Iterator[tuple[int, slice]]:
    """Equal neighbours: `[7, 7, 9]` gives `(7, slice(0, 2)), (9, slice(2, 3))`."""
    borders = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    for start, stop in itertools.pairwise(borders):
        if start < stop:
            yield int(values[start]), slice(start, stop)
