"""Where files meet: equal keys in a band, as groups of rows."""

from collections.abc import Iterator, Sequence

import numpy as np


def buckets(keys: np.ndarray, rows: np.ndarray, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Groups of rows that have the same key and not all the same label.

    Args:
      keys: uint64 [n], of one band.
      rows: int64 [n], ascending: which file each key belongs to.
      labels: int64 [n]; rows with the same label need not be compared with one another.

    Yields:
      int64 [2 or more], ascending rows.

    Example: keys [7, 9, 7], rows [0, 4, 5], labels [0, 4, 5] give [0, 5]; with labels [0, 4, 0] they give nothing.
    """
    order = np.argsort(keys, kind="stable")
    ordered, labels = keys[order], labels[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if not len(keys):
        return
    mixed = np.minimum.reduceat(labels, starts) != np.maximum.reduceat(labels, starts)
    ends = np.append(starts[1:], len(keys))
    for start, end in zip(starts[mixed].tolist(), ends[mixed].tolist(), strict=True):
        yield rows[order[start:end]]


def balanced(groups: Sequence[np.ndarray], parts: int) -> list[list[np.ndarray]]:
    """Deals groups out to at most so many parts, the largest first, each to the part with the least to compare."""
    dealt: list[list[np.ndarray]] = [[] for _ in range(parts)]
    work = [0] * parts
    for group in sorted(groups, key=len, reverse=True):
        least = work.index(min(work))
        dealt[least].append(group)
        work[least] += len(group) ** 2
    return [part for part in dealt if part]
