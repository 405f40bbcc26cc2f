"""Near-duplicates on one machine: candidates by bands, verified by exact Jaccard similarity, joined by union-find.

A cluster is a connected component of the graph whose edges are verified candidates. Files that are in one component
already are not compared again, which changes no component: a cluster of n files costs about n comparisons, not n^2.
"""

import dataclasses
import functools
import pathlib

import numpy as np

from preprocessing import minhash
from preprocessing.buckets import balanced, buckets
from preprocessing.fingerprints import Fingerprints
from preprocessing.shingles import jaccard
from preprocessing.workers import Workers, progress

# Candidates whose signatures agree in this much less than the threshold are not verified: 4 standard deviations of the
# estimate, so that 3 in 100,000 pairs exactly at the threshold are missed by it.
ESTIMATE_MARGIN = 0.12


@dataclasses.dataclass(frozen=True)
class NearDuplicateParameters:
    """What counts as almost the same text.

    Attributes:
      near_jaccard: the least Jaccard similarity of the sets of n-grams, in (0, 1]; 0 leaves near-duplicates alone.
      near_ngram: words an n-gram.

    Raises:
      ValueError: out of range.
    """

    near_jaccard: float = 0.7
    near_ngram: int = 5

    def __post_init__(self):
        if not (self.near_jaccard == 0 or 0.5 <= self.near_jaccard <= 1):
            raise ValueError(
                f"near_jaccard={self.near_jaccard}: it must be from 0.5 to 1 (the bands find less and less of what is "
                "less similar), or 0 to keep near-duplicates"
            )
        if self.near_ngram < 1:
            raise ValueError(f"near_ngram={self.near_ngram}: it must be positive")


def similar(
    prints: Fingerprints,
    row: int,
    others: np.ndarray,
    *,
    signatures: tuple[np.ndarray, np.ndarray],
    band: int,
    threshold: float,
) -> list[tuple[int, float]]:
    """Which of some files are almost the same as one.

    Args:
      row: the one.
      others: int64 [n], rows.
      signatures: uint32 [NUM_PERMUTATIONS] and [n, NUM_PERMUTATIONS], of the one and of the others.
      band: where they meet; pairs that meet in a smaller one have been compared there.

    Returns:
      (place in `others`, exact Jaccard similarity), in order.
    """
    estimates, first_band = minhash.compare(*signatures)
    likely = np.flatnonzero(may_be_similar(estimates, threshold) & (first_band >= band)).tolist()
    mine = prints.shingles(row) if likely else None
    found = [(place, jaccard(mine, prints.shingles(int(others[place])))) for place in likely]
    return [(place, similarity) for place, similarity in found if similarity >= threshold]


def may_be_similar(estimates: np.ndarray, threshold: float) -> np.ndarray:
    """bool [n], which candidates are worth an exact comparison, by `minhash.compare`'s estimates, float64 [n]."""
    return estimates >= threshold - ESTIMATE_MARGIN


class Components:
    """Union-find over rows; a component is named by its smallest row."""

    def __init__(self, size: int):
        self._parent = np.arange(size)

    def find(self, row: int) -> int:
        parent = self._parent
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return int(row)

    def join(self, a: int, b: int) -> None:
        a, b = sorted((self.find(a), self.find(b)))
        self._parent[b] = a

    def roots(self) -> np.ndarray:
        """int64 [size], the name of each row's component."""
        while (self._parent[self._parent] != self._parent).any():
            self._parent = self._parent[self._parent]
        return self._parent


@dataclasses.dataclass(frozen=True)
class _Task:
    index: pathlib.Path
    groups: list[np.ndarray]
    labels: list[np.ndarray]
    band: int
    threshold: float


def clusters(
    pool: Workers,
    index: pathlib.Path,
    *,
    rows: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """Joins files that are almost the same.

    Args:
      index: where `Fingerprints.save` wrote.
      rows: int64 [n], ascending: the files to compare, each with an n-gram or more.
      threshold: the least Jaccard similarity.

    Returns:
      int64 [n], the smallest row of each file's cluster. Memory: 40 bytes a file.
    """
    prints = Fingerprints.load(index)
    components = Components(len(prints))
    with progress("near-duplicates", minhash.BANDS, unit="band") as bar:
        for band in range(minhash.BANDS):
            labels = components.roots()
            groups = list(buckets(prints.band(band)[rows], rows, labels[rows]))
            tasks = [
                _Task(index, part, [labels[group] for group in part], band, threshold)
                for part in balanced(groups, 2 * pool.count)
            ]
            names = [f"comparing {len(task.groups)} groups of files" for task in tasks]
            for _, edges in pool.run(_join_groups, tasks, names=names):
                for a, b in edges:
                    components.join(a, b)
            bar.update()
    return components.roots()[rows]


def _join_groups(task: _Task) -> list[tuple[int, int]]:
    prints = opened(task.index)
    edges = []
    for group, labels in zip(task.groups, task.labels, strict=True):
        labels = labels.copy()
        signatures = np.stack([prints.signature(row) for row in group.tolist()])
        for i in range(len(group) - 1):
            apart = i + 1 + np.flatnonzero(labels[i + 1 :] != labels[i])
            if not len(apart):
                continue
            row, both = int(group[i]), (signatures[i], signatures[apart])
            for place, _ in similar(
                prints, row, group[apart], signatures=both, band=task.band, threshold=task.threshold
            ):
                other = apart[place]
                edges.append((row, int(group[other])))
                labels[labels == labels[other]] = labels[i]
    return edges


@functools.lru_cache(maxsize=2)
def opened(index: pathlib.Path) -> Fingerprints:
    """The fingerprints whose index is there, loaded once a process."""
    return Fingerprints.load(index)
