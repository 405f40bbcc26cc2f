"""Counts that outgrow memory: sorted runs on the disk, and their sum as one sorted stream.

A run is an Arrow file of rows in the order of their keys; runs are added up in one pass over all of them at once, as
in merge sort, with a few rows of each in memory.
"""

import dataclasses
import heapq
import itertools
import operator
import pathlib
from collections.abc import Iterator, Mapping

import pyarrow as pa

from preprocessing import contract

# Rows of a run in memory at a time while it is read.
BATCH_ROWS = 2_000

Key = tuple[str, ...]
Values = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of count.

    Attributes:
      name: begins the names of its runs.
      keys: names of what is counted, texts.
      values: names of the counts, which are added up.
    """

    name: str
    keys: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Keys, the split's place in `contract.SPLITS`, values."""
        return pa.schema(
            [*((key, pa.string()) for key in self.keys), ("split", pa.int64())]
            + [(value, pa.int64()) for value in self.values]
        )


def write(path: pathlib.Path, kind: Kind, counts: Mapping[Key, Values], *, split: str) -> None:
    """Writes a run.

    Args:
      path: its name begins with the kind's and ends in `.arrow`.
      counts: key -> values, in any order.
      split: that all of them belong to.
    """
    keys = sorted(counts)
    texts = [[key[i] for key in keys] for i in range(len(kind.keys))]
    numbers = [[counts[key][i] for key in keys] for i in range(len(kind.values))]
    splits = [contract.SPLITS.index(split)] * len(keys)
    table = pa.table([*texts, splits, *numbers], schema=kind.schema)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, kind.schema) as writer:
        writer.write_table(table, max_chunksize=BATCH_ROWS)


def merged(folder: pathlib.Path, kind: Kind) -> Iterator[tuple[Key, str, Values]]:
    """Adds up all runs of a kind in a folder.

    Yields:
      (key, split, values), in the order of keys and splits; each pair of key and split once.

    Example: runs of `("os", "path")` with `(2, 0, 1, 1)` and `(3, 1, 2, 1)` in train give
    `(("os", "path"), "train", (5, 1, 3, 2))`.
    """
    num_keys = len(kind.keys)
    rows = heapq.merge(*map(_rows, sorted(folder.glob(f"{kind.name}-*.arrow"))))
    for head, group in itertools.groupby(rows, key=operator.itemgetter(slice(num_keys + 1))):
        values = tuple(map(sum, zip(*(row[num_keys + 1 :] for row in group), strict=True)))
        yield head[:num_keys], contract.SPLITS[head[num_keys]], values


def _rows(path: pathlib.Path) -> Iterator[tuple]:
    with pa.memory_map(str(path)) as file:
        reader = pa.ipc.open_file(file)
        for number in range(reader.num_record_batches):
            yield from zip(*(column.to_pylist() for column in reader.get_batch(number).columns), strict=True)
