"""Pass 2: worker processes write each shard, taking its rows from the spills in the order of repository and path."""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing import contract, shards, spills
from preprocessing.read_pass import Accepted
from preprocessing.workers import Workers, progress


@dataclasses.dataclass(frozen=True)
class ShardTask:
    """A shard to write.

    Attributes:
      spills: the folder of the accepted files.
      shard: the file to write.
      locations: int64 [n], its rows in the spills, in any order.
      clusters: int64 [n], their `near_duplicate_cluster`.
      format: one of `shards.FORMATS`.
    """

    spills: pathlib.Path
    shard: pathlib.Path
    locations: np.ndarray
    clusters: np.ndarray
    format: str


def write_all(
    pool: Workers,
    accepted: Accepted,
    *,
    splits: dict[str, str],
    kept: np.ndarray,
    cluster: np.ndarray,
    work: pathlib.Path,
    folder: pathlib.Path,
    format: str,
) -> dict[str, dict[str, Any]]:
    """Writes all shards.

    Args:
      splits: repository -> split.
      kept: bool [n], False for files that go no further.
      cluster: int64 [n], the column `near_duplicate_cluster`.
      work: the folder that `read_pass.read_all` left its spills in.
      folder: where the shards go.
      format: one of `shards.FORMATS`.

    Returns:
      The manifest's `shards`.
    """
    names = [shards.shard_name(name, i, format=format) for name in contract.SPLITS for i in range(contract.NUM_SHARDS)]
    target_of_repository = np.array(
        [
            contract.SPLITS.index(splits[name]) * contract.NUM_SHARDS + shards.shard_of(name)
            for name in accepted.repositories
        ],
        np.int64,
    )
    target = np.where(kept, target_of_repository[accepted.repository], -1)
    sizes = [int(accepted.size[target == i].sum()) for i in range(len(names))]
    # The largest first, so that no worker is left alone with one at the end.
    order = sorted(range(len(names)), key=lambda i: -sizes[i])
    tasks = [
        ShardTask(work / "spills", folder / names[i], accepted.location[target == i], cluster[target == i], format)
        for i in order
    ]
    entries = {}
    with progress("writing", sum(sizes)) as bar:
        for number, entry in pool.run(write_shard, tasks, names=[f"writing {names[i]}" for i in order]):
            entries[names[order[number]]] = entry
            bar.update(sizes[order[number]])
    return entries


def write_shard(task: ShardTask) -> dict[str, Any]:
    """Writes a shard, rows in the order of repository and path; returns its entry in the manifest."""
    stored = spills.Spills(task.spills)
    keys = stored.take(task.locations, ["repository", "path", "sha256", "size"])
    by_name = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in ("repository", "path", "sha256")])
    order = spills.numbers(by_name)
    locations, clusters, sizes = task.locations[order], task.clusters[order], spills.numbers(keys["size"])[order]
    del keys

    def groups() -> Iterator[pa.Table]:
        for rows in shards.row_groups(sizes):
            table = stored.take(locations[rows], spills.SCHEMA.names)
            yield table.append_column(shards.SCHEMA.field("near_duplicate_cluster"), pa.array(clusters[rows]))

    return shards.write_shard(task.shard, groups(), format=task.format)


def count(accepted: Accepted, *, splits: dict[str, str], kept: np.ndarray) -> dict[str, dict[str, int]]:
    """The manifest's `counts`.

    Example: `{"train": {"files": 3, "bytes": 91, "repositories": 2}, "validation": ..., "test": ...}`.
    """
    split_of_repository = np.array([contract.SPLITS.index(splits[name]) for name in accepted.repositories])
    repository, size = accepted.repository[kept], accepted.size[kept]
    counts = {}
    for number, name in enumerate(contract.SPLITS):
        here = split_of_repository[repository] == number
        counts[name] = {
            "files": int(here.sum()),
            "bytes": int(size[here].sum()),
            "repositories": len(np.unique(repository[here])),
        }
    return counts
