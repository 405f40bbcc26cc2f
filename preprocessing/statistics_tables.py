"""The tables of the statistics as Parquet files, and of each table what its summary says.

Rows that come from sorted runs are written as they are added up, so that no table has to fit into memory.
"""

import array
import collections
import dataclasses
import heapq
import itertools
import operator
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from preprocessing import contract, sorted_runs, symbols
from preprocessing.statistics_count import (
    BINS,
    IMPORTS,
    LIBRARIES,
    OWN,
    STANDARD,
    SYMBOLS,
    THIRD_PARTY,
    Counts,
    Repository,
    library_of,
)

REPOSITORIES_FILE = "repositories.parquet"
IMPORTS_FILE = "imports.parquet"
LIBRARIES_FILE = "libraries.parquet"
DROPS_FILE = "drops.parquet"

# How many rows of a table stand in the summary.
TOP = 100
# Held-out uses are counted by how often train has the symbol at least.
TRAIN_USES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
ROW_GROUP_ROWS = 100_000


def totals(counts: Sequence[Counts]) -> dict[str, Any]:
    """What needs no table: totals of the splits, licences, and files by their bytes and lines (see `BINS`)."""
    return {
        "splits": _splits(counts),
        "licenses": _licenses(counts),
        "bins": BINS.tolist(),
        "files_by_bytes": _sums(counts, "sizes"),
        "files_by_lines": _sums(counts, "lines"),
    }


def _splits(counts: Sequence[Counts]) -> dict[str, dict[str, int]]:
    """Example: `{"train": {"repositories": 2, "files": 3, "bytes": 91, ...}, ...}`."""
    names = ("files", "bytes", "lines", "tokens", "unparsable", "relative_imports")
    totals = {}
    for split in contract.SPLITS:
        rows = [row for count in counts if count.split == split for row in count.repositories]
        totals[split] = {"repositories": len(rows), **{name: sum(getattr(row, name) for row in rows) for name in names}}
    return totals


def _licenses(counts: Sequence[Counts]) -> list[dict[str, Any]]:
    """Rows by split and licence; a repository with files under two licences counts for both."""
    sums: dict[tuple[int, str], np.ndarray] = {}
    for count in counts:
        for license, numbers in count.licenses.items():
            key = (contract.SPLITS.index(count.split), license)
            sums[key] = sums.get(key, 0) + numbers
    return [
        {"split": contract.SPLITS[split], "license": license}
        | dict(zip(("files", "bytes", "repositories"), sums[split, license].tolist(), strict=True))
        for split, license in sorted(sums)
    ]


def _sums(counts: Sequence[Counts], name: str) -> dict[str, list[int]]:
    nothing = np.zeros(len(BINS), np.int64)
    return {
        split: sum((getattr(count, name) for count in counts if count.split == split), nothing).tolist()
        for split in contract.SPLITS
    }


def write_repositories(folder: pathlib.Path, counts: Iterable[Counts]) -> dict[str, Any]:
    """Writes `repositories.parquet`, a row a repository, and returns the largest ones and how concentrated they are."""
    rows = [row for count in counts for row in count.repositories]
    rows.sort(key=lambda row: (contract.SPLITS.index(row.split), row.repository))
    fields = [
        (field.name, pa.string() if field.type is str else pa.int64()) for field in dataclasses.fields(Repository)
    ]
    _write(folder / REPOSITORIES_FILE, pa.schema(fields), (dataclasses.astuple(row) for row in rows))
    of_split = {name: [row for row in rows if row.split == name] for name in contract.SPLITS}
    largest = {split: sorted(some, key=lambda row: -row.bytes)[:TOP] for split, some in of_split.items()}
    return {
        "largest_repositories": {split: [dataclasses.asdict(row) for row in some] for split, some in largest.items()},
        "tokens_by_rank": {split: _cumulated([row.tokens for row in some]) for split, some in of_split.items()},
    }


def write_symbols(folder: pathlib.Path, runs: pathlib.Path) -> dict[str, Any]:
    """Writes `symbols.parquet`, in the order of module, attribute and split, from runs of SYMBOLS.

    Returns:
      `symbols`: split -> totals; `top_symbols`: split -> rows of those that most repositories use; `uses_by_rank`:
      split -> rank and uses at some ranks; `overlap`: held-out split -> its symbols and uses, all of them and those
      that train uses at least TRAIN_USES times. What a repository uses of its own modules is left out of the top and of
      the overlap: no other repository would.
    """
    schema = pa.schema([("split", pa.string()), *((name, pa.string()) for name in SYMBOLS.keys)])
    for name in SYMBOLS.values:
        schema = schema.append(pa.field(name, pa.int64()))
    totals = {split: np.zeros(3, np.int64) for split in contract.SPLITS}
    uses = {split: array.array("q") for split in contract.SPLITS}
    top = {split: _Top() for split in contract.SPLITS}
    overlap = {split: np.zeros((2, len(TRAIN_USES) + 1), np.int64) for split in contract.HELD_OUT_SPLITS}

    def rows() -> Iterator[tuple]:
        merged = sorted_runs.merged(runs, SYMBOLS)
        for key, group in itertools.groupby(merged, key=operator.itemgetter(0)):
            values_of = {split: dict(zip(SYMBOLS.values, values, strict=True)) for _, split, values in group}
            for split, values in values_of.items():
                totals[split] += (1, values["uses"], values["calls"])
                uses[split].append(values["uses"])
                if values["own_uses"] < values["uses"]:
                    top[split].add((values["repositories"], values["uses"]), (*key, values))
                if split in overlap and values["own_uses"] < values["uses"]:
                    in_train = values_of.get("train", {"uses": 0})["uses"]
                    column = 1 + sum(in_train >= least for least in TRAIN_USES)
                    overlap[split][:, :column] += [[1], [values["uses"] - values["own_uses"]]]
                yield (split, *key, *values.values())

    _write(folder / symbols.SYMBOLS_FILE, schema, rows())
    return {
        "symbols": {
            split: dict(zip(("symbols", "uses", "calls"), map(int, total), strict=True))
            for split, total in totals.items()
        },
        "top_symbols": {
            split: [{"module": module, "attribute": attribute, **values} for module, attribute, values in rows.best()]
            for split, rows in top.items()
        },
        "uses_by_rank": {split: _ranked(counts) for split, counts in uses.items()},
        "overlap": {
            split: {"train_uses_at_least": [0, *TRAIN_USES], "symbols": table[0].tolist(), "uses": table[1].tolist()}
            for split, table in overlap.items()
        },
    }


def write_imports(folder: pathlib.Path, runs: pathlib.Path) -> dict[str, Any]:
    """Writes `imports.parquet` (by module) and `libraries.parquet` (by top-level name) from their runs.

    Returns:
      `libraries`: split -> kind -> number of libraries; `top_libraries`: split -> kind -> rows, own modules left out.
    """
    counts = (pa.field(name, pa.int64()) for name in IMPORTS.values)
    texts = {name: pa.field(name, pa.string()) for name in ("split", "module", "library", "kind")}
    schema = pa.schema([*texts.values(), *counts])
    modules = (
        (split, module, library_of(module), kind, *values)
        for (module, kind), split, values in sorted_runs.merged(runs, IMPORTS)
    )
    _write(folder / IMPORTS_FILE, schema, modules)
    numbers = {split: collections.Counter() for split in contract.SPLITS}
    top = {split: {kind: _Top() for kind in (STANDARD, THIRD_PARTY)} for split in contract.SPLITS}

    def libraries() -> Iterator[tuple]:
        for (library, kind), split, values in sorted_runs.merged(runs, LIBRARIES):
            numbers[split][kind] += 1
            if kind != OWN:
                row = {"library": library, **dict(zip(LIBRARIES.values, values, strict=True))}
                top[split][kind].add((row["repositories"], row["files"]), (library, row))
            yield (split, library, kind, *values)

    _write(folder / LIBRARIES_FILE, schema.remove(schema.get_field_index("module")), libraries())
    return {
        "libraries": {split: dict(sorted(count.items())) for split, count in numbers.items()},
        "top_libraries": {
            split: {kind: [row for _, row in rows.best()] for kind, rows in kinds.items()}
            for split, kinds in top.items()
        },
    }


def write_drops(folder: pathlib.Path, drops: Mapping[tuple[str, str], int], split_of: Mapping[str, str]) -> None:
    """Writes `drops.parquet`: reason, repository ("" where unknown), its split ("" if it kept no file), files.

    Args:
      drops: (reason, repository) -> files.
      split_of: repository -> split.
    """
    schema = pa.schema([(name, pa.string()) for name in ("reason", "repository", "split")] + [("files", pa.int64())])
    rows = (
        (reason, repository, split_of.get(repository, ""), files)
        for (reason, repository), files in sorted(drops.items())
    )
    _write(folder / DROPS_FILE, schema, rows)


class _Top:
    """The TOP rows with the largest order, of any number; of equals the smaller names."""

    def __init__(self):
        self._rows: list[tuple] = []

    def add(self, order: tuple[int, ...], row: tuple) -> None:
        """Args: order, larger is better; row, names and then their values."""
        self._rows.append((tuple(-number for number in order), row[:-1], row[-1]))
        if len(self._rows) >= 100 * TOP:
            self._rows = self._best()

    def best(self) -> list[tuple]:
        return [(*names, values) for _, names, values in self._best()]

    def _best(self) -> list[tuple]:
        return heapq.nsmallest(TOP, self._rows, key=operator.itemgetter(0, 1))


def _ranks(count: int) -> np.ndarray:
    """Some ranks from 1 to `count`, evenly spread on a logarithmic scale, both ends among them."""
    return np.unique(np.geomspace(1, count, 60).round().astype(np.int64)) if count else np.zeros(0, np.int64)


def _ranked(counts: Sequence[int]) -> list[list[int]]:
    """Example: counts of 5, 9 and 1 give `[[1, 9], [2, 5], [3, 1]]`: rank and count."""
    ordered = np.sort(np.array(counts, np.int64))[::-1]
    return [[int(rank), int(ordered[rank - 1])] for rank in _ranks(len(ordered))]


def _cumulated(counts: Sequence[int]) -> list[list[int]]:
    """Example: counts of 5, 9 and 1 give `[[1, 9], [2, 14], [3, 15]]`: how much the largest so many have together."""
    sums = np.cumsum(np.sort(np.array(counts, np.int64))[::-1])
    return [[int(rank), int(sums[rank - 1])] for rank in _ranks(len(sums))]


def _write(path: pathlib.Path, schema: pa.Schema, rows: Iterable[tuple]) -> None:
    """Writes rows, as many at a time as a row group holds."""
    rows = iter(rows)
    texts = [field.name for field in schema if field.type == pa.string()]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts, store_schema=False) as writer:
        while group := list(itertools.islice(rows, ROW_GROUP_ROWS)):
            writer.write_table(pa.table(list(zip(*group, strict=True)), schema=schema), row_group_size=len(group))
