"""Between the two passes: which accepted files go, and why, decided from a few dozen bytes a file.

The steps follow one another: a step sees only what the steps before it kept.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from preprocessing import dedup, earlier, near_duplicates, spills
from preprocessing.read_pass import Accepted
from preprocessing.shards import NO_CLUSTER
from preprocessing.source import Dropped
from preprocessing.split import split_rank
from preprocessing.workers import Workers

_LISTED_AT_ONCE = 100_000


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What one step drops.

    Attributes:
      reason: a key of `contract.DROP_REASONS`.
      rows: int64 [n], ascending: the files that go.
      evidence: some of these rows -> for each what it was compared with, or None.
    """

    reason: str
    rows: np.ndarray
    evidence: Callable[[np.ndarray], Sequence[dict[str, Any] | None]] = lambda rows: [None] * len(rows)


class Court:
    """The accepted files on their way through the steps.

    Attributes:
      kept: bool [n], what no step has dropped so far.
      cluster: int64 [n], the number of the near-duplicate cluster that a file is the kept one of, or -1.
      verdicts: of the steps so far.
    """

    def __init__(self, accepted: Accepted, splits: dict[str, str], stored: spills.Spills):
        self.accepted, self.splits, self.stored = accepted, splits, stored
        self.kept = np.ones(len(accepted.size), bool)
        self.cluster = np.full(len(accepted.size), NO_CLUSTER)
        self.verdicts: list[Verdict] = []
        split_ranks = np.array([split_rank(splits[name]) for name in accepted.repositories], np.int8)
        self._split_ranks = split_ranks[accepted.repository]

    def exact_duplicates(self) -> None:
        """Of files with the same bytes one stays."""
        goes = dedup.exact_duplicates(
            self.accepted.digest,
            split_ranks=self._split_ranks,
            repository_ranks=self.accepted.repository,
            paths_of=self._paths,
        )
        self._drop(Verdict("exact_duplicate", np.flatnonzero(goes)))

    def near_duplicates(self, pool: Workers, index: pathlib.Path, *, threshold: float) -> "Clusters":
        """Of each cluster of almost equal files one stays.

        Args:
          index: where the fingerprints' index was saved.
        """
        rows = np.flatnonzero(self.kept & (self.accepted.fingerprints.lengths() > 0))
        labels = near_duplicates.clusters(pool, index, rows=rows, threshold=threshold)
        counts = np.bincount(labels, minlength=1)[labels]
        members, labels = rows[counts > 1], labels[counts > 1]
        clusters = self._numbered(members, labels)
        self.cluster[clusters.kept] = np.arange(len(clusters.kept))

        def evidence(rows: np.ndarray) -> list[dict[str, Any]]:
            numbers = clusters.numbers[np.searchsorted(clusters.members, rows)]
            kept = self.names(clusters.kept[numbers])
            return [{"cluster": number, "kept": name} for number, name in zip(numbers.tolist(), kept, strict=True)]

        self._drop(Verdict("near_duplicate", np.setdiff1d(members, clusters.kept, assume_unique=True), evidence))
        return clusters

    def _numbered(self, members: np.ndarray, labels: np.ndarray) -> "Clusters":
        """Numbers clusters in the order of repository and path of the file that stays."""
        _, groups = np.unique(labels, return_inverse=True)
        kept = dedup.preferred(
            groups,
            members,
            split_ranks=self._split_ranks[members],
            repository_ranks=self.accepted.repository[members],
            paths_of=self._paths,
        )
        order = dedup.by_name(kept, repository_ranks=self.accepted.repository[kept], paths_of=self._paths)
        number_of_group = np.empty(len(kept), np.int64)
        number_of_group[order] = np.arange(len(kept))
        return Clusters(members, number_of_group[groups], kept[order])

    def against(self, pool: Workers, files: earlier.EarlierFiles, work: pathlib.Path, *, threshold: float) -> None:
        """Files that an earlier dataset has, or almost has, go.

        Args:
          work: a folder, for the index of all fingerprints.
          threshold: the least Jaccard similarity; 0 looks for equal bytes alone.
        """
        rows = np.flatnonzero(self.kept)
        matches = earlier.exact_matches(self.accepted.digest[rows], files.digest)
        if threshold:
            index = work / "index_with_earlier"
            self.accepted.fingerprints.joined(files.fingerprints).save(index)
            left = (matches < 0) & (self.accepted.fingerprints.lengths()[rows] > 0)
            matches[left] = earlier.near_matches(
                pool, index, rows=rows[left], first_earlier=len(self.kept), threshold=threshold
            )
        goes, found = rows[matches >= 0], matches[matches >= 0]

        def evidence(rows: np.ndarray) -> list[dict[str, Any]]:
            locations = files.location[found[np.searchsorted(goes, rows)]]
            return [{"earlier": name} for name in _names(files.names, locations)]

        self._drop(Verdict("in_earlier_dataset", goes, evidence))

    def contaminated(self) -> None:
        """Files that hold benchmark items go."""
        hits = self.accepted.hits
        rows = np.array(sorted(row for row in hits if self.kept[row]), np.int64)

        def evidence(rows: np.ndarray) -> list[dict[str, Any]]:
            return [{"hits": [dataclasses.asdict(hit) for hit in hits[row]]} for row in rows.tolist()]

        self._drop(Verdict("contaminated", rows, evidence))

    def dropped(self) -> Iterator[Dropped]:
        """All that the steps dropped, step by step, in the order of the input."""
        for verdict in self.verdicts:
            for start in range(0, len(verdict.rows), _LISTED_AT_ONCE):
                rows = verdict.rows[start : start + _LISTED_AT_ONCE]
                for name, evidence in zip(self.names(rows), verdict.evidence(rows), strict=True):
                    yield Dropped(verdict.reason, name, evidence)

    def names(self, rows: np.ndarray) -> list[str]:
        """Repository and path of files."""
        return _names(self.stored, self.accepted.location[rows])

    def split_of(self, row: int) -> str:
        return self.splits[self.accepted.repositories[self.accepted.repository[row]]]

    def _paths(self, rows: np.ndarray):
        return self.stored.take(self.accepted.location[rows], ["path"])["path"]

    def _drop(self, verdict: Verdict) -> None:
        self.kept[verdict.rows] = False
        self.verdicts.append(verdict)


@dataclasses.dataclass(frozen=True)
class Clusters:
    """Near-duplicate clusters of two files or more.

    Attributes:
      members: int64 [m], ascending rows.
      numbers: int64 [m], the cluster of each.
      kept: int64 [clusters], the row that stays, by number.
    """

    members: np.ndarray
    numbers: np.ndarray
    kept: np.ndarray


def _names(stored: spills.Spills, locations: np.ndarray) -> list[str]:
    table = stored.take(locations, ["repository", "path"])
    pairs = zip(table["repository"].to_pylist(), table["path"].to_pylist(), strict=True)
    return [f"{repository}/{path}" for repository, path in pairs]
