"""Earlier document datasets, so that a new one holds nothing that is in them already (`--against`)."""

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from preprocessing import contract, near_duplicates, shards, shingles, spills
from preprocessing.buckets import balanced, buckets
from preprocessing.dedup import group_equal
from preprocessing.fingerprints import Fingerprints, FingerprintWriter, store_path
from preprocessing.minhash import BANDS
from preprocessing.workers import Workers, progress


@dataclasses.dataclass(frozen=True)
class EarlierDataset:
    """A finished document dataset.

    Attributes:
      folder: where it is.
      digest: its manifest's.
      files: in all its splits.
      bytes: of their text.
    """

    folder: pathlib.Path
    digest: str
    files: int
    bytes: int

    @classmethod
    def at(cls, folder: pathlib.Path) -> "EarlierDataset":
        """Reads the manifest.

        Raises:
          DataContractError: there is no finished dataset, or it cannot be read back.
        """
        manifest = shards.read_manifest(folder)
        for split in contract.SPLITS:
            shards.shard_names(manifest, split)
        counts = manifest.counts.values()
        return cls(
            folder, manifest.digest, sum(count["files"] for count in counts), sum(count["bytes"] for count in counts)
        )

    def describe(self) -> dict[str, Any]:
        return {"digest": self.digest, "files": self.files}


@dataclasses.dataclass(frozen=True)
class EarlierFiles:
    """The files of earlier datasets, without their text.

    Attributes:
      digest: uint64 [m, 2], the first half of each SHA-256.
      location: int64 [m], where `names` finds each.
      names: repository and path of each.
      fingerprints: of the same files, or None.
    """

    digest: np.ndarray
    location: np.ndarray
    names: spills.Spills
    fingerprints: Fingerprints | None


@dataclasses.dataclass(frozen=True)
class _ReadTask:
    folder: pathlib.Path
    split: str
    shard: int
    names: pathlib.Path
    fingerprints: pathlib.Path
    ngram: int


def read_earlier(pool: Workers, datasets: Sequence[EarlierDataset], *, work: pathlib.Path, ngram: int) -> EarlierFiles:
    """Reads every file of earlier datasets.

    Args:
      work: a folder that is made.
      ngram: words an n-gram of the fingerprints; 0 for none.

    Raises:
      DataContractError: a shard is damaged; it is named.
    """
    work.mkdir()
    tasks, sizes = [], []
    for dataset in datasets:
        manifest = shards.read_manifest(dataset.folder)
        for split in contract.SPLITS:
            for shard, name in enumerate(shards.shard_names(manifest, split)):
                number = len(tasks)
                store = store_path(work, number)
                tasks.append(_ReadTask(dataset.folder, split, shard, work / spills.spill_name(number), store, ngram))
                sizes.append(manifest.shards[name]["bytes"])
    answers: list[Any] = [None] * len(tasks)
    names = [f"reading {task.folder}, {task.split} shard {task.shard}" for task in tasks]
    with progress("earlier datasets", sum(sizes)) as bar:
        for number, answer in pool.run(_read, tasks, names=names):
            answers[number] = answer
            bar.update(sizes[number])
    digests, lengths = zip(*answers, strict=True)
    return EarlierFiles(
        digest=np.concatenate(digests),
        location=np.concatenate([spills.locations(i, len(part)) for i, part in enumerate(digests)]),
        names=spills.Spills(work),
        fingerprints=Fingerprints.of([task.fingerprints for task in tasks], lengths) if ngram else None,
    )


def _read(task: _ReadTask) -> tuple[np.ndarray, np.ndarray]:
    digests = []
    with spills.SpillWriter(task.names) as names, FingerprintWriter(task.fingerprints) as fingerprints:
        for file, shingle_set in read_shard(task.folder, task.split, task.shard, ngram=task.ngram):
            if shingle_set is not None:
                fingerprints.add(shingle_set)
            digests.append(file.sha256[:32])
            names.add(file)
    return (
        np.frombuffer(bytes.fromhex("".join(digests)), np.uint64).reshape(-1, 2),
        np.array(fingerprints.lengths, np.int64),
    )


def read_shard(
    folder: pathlib.Path, split: str, shard: int, *, ngram: int
) -> Iterator[tuple[contract.CodeFile, np.ndarray | None]]:
    """The files of a shard, their text taken off, with their sets of n-grams (None where `ngram` is 0).

    Raises:
      DataContractError: it is damaged.
    """
    for file in shards.read_documents(folder, split, shard=shard):
        words = shingles.word_hashes(file.content.encode()) if ngram else None
        shingle_set = shingles.shingle_set(words, ngram) if ngram else None
        yield dataclasses.replace(file, content=""), shingle_set


def exact_matches(digests: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Which earlier file has the same bytes.

    Args:
      digests: uint64 [n, 2], of the new files.
      earlier: uint64 [m, 2].

    Returns:
      int64 [n], the first such row of `earlier`, or -1.
    """
    both = np.concatenate([earlier, digests])
    order, is_first = group_equal(both)
    first_of_group = order[is_first][np.cumsum(is_first) - 1]
    first = np.empty(len(both), np.int64)
    first[order] = first_of_group
    matches = first[len(earlier) :]
    return np.where(matches < len(earlier), matches, -1)


@dataclasses.dataclass(frozen=True)
class _MatchTask:
    index: pathlib.Path
    groups: list[np.ndarray]
    first_earlier: int
    band: int
    threshold: float


def near_matches(
    pool: Workers, index: pathlib.Path, *, rows: np.ndarray, first_earlier: int, threshold: float
) -> np.ndarray:
    """Which earlier file has almost the same text.

    Args:
      index: of fingerprints: the new files first, then the earlier ones.
      rows: int64 [n], ascending: the new files to compare.
      first_earlier: the row of the first earlier file.
      threshold: the least Jaccard similarity.

    Returns:
      int64 [n], the number of a similar earlier file (0 for the first), or -1.
    """
    prints = Fingerprints.load(index)
    old = first_earlier + np.flatnonzero(prints.lengths()[first_earlier:])
    found = np.full(len(rows), -1)
    with progress("against earlier datasets", BANDS, unit="band") as bar:
        for band in range(BANDS):
            everyone = np.concatenate([rows[found < 0], old])
            is_old = (everyone >= first_earlier).astype(np.int64)
            groups = list(buckets(prints.band(band)[everyone], everyone, is_old))
            tasks = [
                _MatchTask(index, part, first_earlier, band, threshold) for part in balanced(groups, 2 * pool.count)
            ]
            names = [f"comparing {len(task.groups)} groups of files" for task in tasks]
            for _, pairs in pool.run(_match_groups, tasks, names=names):
                for row, match in pairs:
                    found[np.searchsorted(rows, row)] = match - first_earlier
            bar.update()
    return found


def _match_groups(task: _MatchTask) -> list[tuple[int, int]]:
    prints = near_duplicates.opened(task.index)
    pairs = []
    for group in task.groups:
        new, old = group[group < task.first_earlier], group[group >= task.first_earlier]
        signatures = np.stack([prints.signature(row) for row in old.tolist()])
        for row in new.tolist():
            both = (prints.signature(row), signatures)
            similar = near_duplicates.similar(
                prints, row, old, signatures=both, band=task.band, threshold=task.threshold
            )
            if similar:
                pairs.append((row, int(old[similar[0][0]])))
    return pairs
