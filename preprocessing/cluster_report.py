"""What near-duplicate removal found, for people: `near_duplicates.json` beside the documents."""

import collections
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

REPORT_FILE = "near_duplicates.json"
_LISTED = 20
_FILES_LISTED = 10


def counts(sizes: np.ndarray) -> dict[str, int]:
    """For the manifest.

    Args:
      sizes: int64 [clusters], files of each.

    Example: sizes 2, 5 give `{"clusters": 2, "files": 7, "largest": 5}`.
    """
    return {"clusters": len(sizes), "files": int(sizes.sum()), "largest": int(sizes.max(initial=0))}


def write(
    folder: pathlib.Path, sizes: np.ndarray, *, members_of: Callable[[int], list[dict[str, str]]], threshold: float
) -> dict[str, int]:
    """Writes the report.

    Args:
      sizes: int64 [clusters], by number.
      members_of: the number of a cluster -> its files (`file`, `split`), the one that stays first.
      threshold: the least Jaccard similarity.

    Returns:
      `counts(sizes)`.
    """
    largest = np.lexsort((np.arange(len(sizes)), -sizes))[:_LISTED].tolist()
    examples = np.unique(np.linspace(0, len(sizes) - 1, min(_LISTED, len(sizes)), dtype=np.int64)).tolist()

    def entry(number: int) -> dict[str, Any]:
        kept, *others = members_of(number)
        listed = {"cluster": number, "size": int(sizes[number]), "kept": kept, "dropped": others[:_FILES_LISTED]}
        return listed | ({"more": len(others) - _FILES_LISTED} if len(others) > _FILES_LISTED else {})

    histogram = collections.Counter(sizes.tolist())
    report = {
        "jaccard": threshold,
        **counts(sizes),
        "clusters_of_size": {str(size): histogram[size] for size in sorted(histogram)},
        "largest_clusters": [entry(number) for number in largest],
        "examples": [entry(number) for number in examples],
    }
    (folder / REPORT_FILE).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return counts(sizes)
