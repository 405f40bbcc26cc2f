"""Shares of a document dataset for worker processes: whole repositories, so that none is counted in two shares."""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterator

from preprocessing import contract, shards

# A worker reads a shard from its start, so that each further share of a shard costs another half reading of it (not
# parsing, which takes 50 times as long).
SHARE_BYTES = 8_000_000
MAX_SHARES = 128


@dataclasses.dataclass(frozen=True)
class Share:
    """Rows of a shard that are some whole repositories.

    Attributes:
      documents, split, shard: which shard.
      first, rows: which rows of it.
      size: bytes of text.
      name: of its first and last repository, for errors.
    """

    documents: pathlib.Path
    split: str
    shard: int
    first: int
    rows: int
    size: int
    name: str

    def files(self) -> Iterator[contract.CodeFile]:
        """Yields its documents, with one row group in memory at a time."""
        position = 0
        names = [field.name for field in dataclasses.fields(contract.CodeFile)]
        # `plan` has verified the shard.
        for batch in shards.read_columns(self.documents, self.split, columns=names, shard=self.shard, verify=False):
            start, stop = max(self.first - position, 0), min(self.first + self.rows - position, batch.num_rows)
            position += batch.num_rows
            if start < stop:
                rows = batch.slice(start, stop - start)
                yield from map(contract.CodeFile, *(rows.column(name).to_pylist() for name in names))
            if position >= self.first + self.rows:
                return


def plan(documents: pathlib.Path) -> Iterator[Share]:
    """Yields shares in the order of splits, shards and rows; the dataset alone decides where they are cut.

    Raises:
      DataContractError: the dataset is not finished, or a shard is not what its manifest says.
    """
    manifest = shards.read_manifest(documents)
    limit = max(SHARE_BYTES, sum(count["bytes"] for count in manifest.counts.values()) // MAX_SHARES)
    for split in contract.SPLITS:
        for shard in range(len(shards.shard_names(manifest, split))):
            first = 0
            for group in _groups(_repositories(documents, split, shard), limit):
                names, rows, sizes = zip(*group, strict=True)
                name = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
                yield Share(documents, split, shard, first, sum(rows), sum(sizes), name)
                first += sum(rows)


def _groups(repositories: Iterator[tuple[str, int, int]], limit: int) -> Iterator[list[tuple[str, int, int]]]:
    group: list[tuple[str, int, int]] = []
    size = 0
    for repository in repositories:
        if group and size + repository[2] > limit:
            yield group
            group, size = [], 0
        group.append(repository)
        size += repository[2]
    if group:
        yield group


def _repositories(documents: pathlib.Path, split: str, shard: int) -> Iterator[tuple[str, int, int]]:
    """Name, rows and bytes of each repository of a shard."""
    batches = shards.read_columns(documents, split, columns=["repository", "size"], shard=shard)
    rows = (row for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
    for name, group in itertools.groupby(rows, key=lambda row: row[0]):
        sizes = [size for _, size in group]
        yield name, len(sizes), sum(sizes)
