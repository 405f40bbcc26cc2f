"""Which copy of a file stays is decided by split, repository and path alone; and which files are exact copies."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.spills import numbers
from preprocessing.split import split_rank

PathsOf = Callable[[np.ndarray], pa.Array | pa.ChunkedArray]


def preference(split: str, repository: str, path: str) -> tuple[int, str, str]:
    """The copy with the smallest of these stays: a held-out one before one in train, then by name.

    Example: `min([("train", "a/a", "x.py"), ("test", "z/z", "x.py")], key=lambda copy: preference(*copy))` is the copy
    of z/z, so what is measured on test was never trained on.
    """
    return split_rank(split), repository, path


def exact_duplicates(
    digests: np.ndarray, *, split_ranks: np.ndarray, repository_ranks: np.ndarray, paths_of: PathsOf
) -> np.ndarray:
    """Finds the copies that go; the same decision as `min(copies, key=preference)` for each digest, for many files.

    Args:
      digests: uint64 [n, 2], the first 16 bytes of each SHA-256.
      split_ranks: int [n], `split_rank` of each file.
      repository_ranks: int [n], the place of each repository in the sorted list of names.
      paths_of: int64 [m] row numbers -> the m paths; asked only for files that have copies.

    Returns:
      bool [n], True for a copy that goes. Memory: at most 90 bytes a file, with the paths of files that have copies.
    """
    order, is_first = group_equal(digests)
    has_copies = ~is_first
    has_copies[:-1] |= ~is_first[1:]
    rows = order[has_copies]
    groups = np.cumsum(is_first)[has_copies]
    stays = preferred(
        groups, rows, split_ranks=split_ranks[rows], repository_ranks=repository_ranks[rows], paths_of=paths_of
    )
    goes = np.zeros(len(digests), bool)
    goes[rows] = True
    goes[stays] = False
    return goes


def group_equal(digests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorts digests.

    Args:
      digests: uint64 [n, 2].

    Returns:
      int64 [n], their order, and bool [n], whether each is the first of its kind in that order.
    """
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return order, is_first


def preferred(
    groups: np.ndarray, rows: np.ndarray, *, split_ranks: np.ndarray, repository_ranks: np.ndarray, paths_of: PathsOf
) -> np.ndarray:
    """The file of each group that stays, by `preference`.

    Args:
      groups: int64 [n], the group of each file.
      rows: int64 [n], which file it is, for `paths_of`.
      split_ranks, repository_ranks: int [n], of these files.

    Returns:
      int64 [groups], the rows that stay, in the order of their groups' numbers.
    """
    table = pa.table(
        {
            "group": groups,
            "split": split_ranks,
            "repository": repository_ranks,
            "path": paths_of(rows),
            "row": rows,
        }
    )
    order = numbers(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in table.column_names]))
    ordered = groups[order]
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return rows[order[is_first]]


def by_name(rows: np.ndarray, *, repository_ranks: np.ndarray, paths_of: PathsOf) -> np.ndarray:
    """int64 [n], the order of files by repository and path; arguments as in `preferred`."""
    table = pa.table({"repository": repository_ranks, "path": paths_of(rows)})
    return numbers(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in table.column_names]))
