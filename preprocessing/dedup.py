"""Exact duplicates: which copy of a file stays is decided by digest, split, repository and path alone."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from preprocessing.split import split_rank


def preference(split: str, repository: str, path: str) -> tuple[int, str, str]:
    """The copy with the smallest of these stays: a held-out one before one in train, then by name.

    Example: `min([("train", "a/a", "x.py"), ("test", "z/z", "x.py")], key=lambda copy: preference(*copy))` is the copy
    of z/z, so what is measured on test was never trained on.
    """
    return split_rank(split), repository, path


def exact_duplicates(
    digests: np.ndarray,
    *,
    split_ranks: np.ndarray,
    repository_ranks: np.ndarray,
    paths_of: Callable[[np.ndarray], pa.Array | pa.ChunkedArray],
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
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    same_as_before = np.zeros(len(order), bool)
    same_as_before[1:] = (ordered[1:] == ordered[:-1]).all(axis=1)
    has_copies = same_as_before.copy()
    has_copies[:-1] |= same_as_before[1:]
    rows = order[has_copies]
    table = pa.table(
        {
            "group": np.cumsum(~same_as_before)[has_copies],
            "split": split_ranks[rows],
            "repository": repository_ranks[rows],
            "path": paths_of(rows),
            "row": rows,
        }
    )
    by_preference = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in table.column_names]).to_numpy()
    groups = table["group"].to_numpy()[by_preference]
    goes = np.zeros(len(digests), bool)
    goes[rows[by_preference[1:]]] = groups[1:] == groups[:-1]
    return goes
