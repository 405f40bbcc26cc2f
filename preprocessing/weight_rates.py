"""What weights do to the data, for people: the share of each repository or library before and after."""

from typing import NamedTuple

import numpy as np

from preprocessing.weight_groups import Groups
from preprocessing.weight_law import WeightParameters

SHOWN = 8


class Rate(NamedTuple):
    """A repository or a library in the train split.

    Attributes:
      name: of the group.
      files: how many are in it.
      size: their bytes.
      before: their share of all bytes, in [0, 1]; a file of two libraries counts for both.
      after: their share of the bytes that are read with the weights.
      weight: the mean weight of their bytes.
    """

    name: str
    files: int
    size: int
    before: float
    after: float
    weight: float


def rates(groups: Groups, weights: np.ndarray) -> list[Rate]:
    """One for each group, the most raised first; of equally raised ones the largest, then by name.

    Args:
      weights: float32 [files].
    """
    weighted = groups.sizes * weights.astype(np.float64)
    files = np.bincount(groups.group, minlength=len(groups.names))
    size = np.bincount(groups.group, groups.sizes[groups.file], len(groups.names))
    read = np.bincount(groups.group, weighted[groups.file], len(groups.names))
    before, after, weight = size / groups.sizes.sum(), read / weighted.sum(), read / size
    # Equal weights differ in their last digits by the order of summing.
    order = np.lexsort((np.arange(len(size)), -size, -np.round(weight, 6)))
    return [
        Rate(groups.names[i], int(files[i]), int(size[i]), float(before[i]), float(after[i]), float(weight[i]))
        for i in order
    ]


def table(found: list[Rate], kind: str) -> str:
    """The SHOWN most raised and the SHOWN most lowered, by their shares.

    Args:
      found: of `rates`.
      kind: what they are: "repositories".
    """
    raised = [rate for rate in found if rate.after > rate.before * (1 + 1e-6)]
    lowered = [rate for rate in reversed(found) if rate.after < rate.before * (1 - 1e-6)]
    width = max([30, *(len(rate.name) for rate in [*raised[:SHOWN], *lowered[:SHOWN]])])
    lines = [f"{kind:<{width + 2}} {'files':>9} {'MB':>9} {'before':>8} {'after':>8} {'weight':>7}"]
    for title, part in (("raised", raised), ("lowered", lowered)):
        lines += [f"{title}: {len(part):,} of {len(found):,}{', the most' if len(part) > SHOWN else ''}"]
        lines += [
            f"  {rate.name:<{width}} {rate.files:>9,} {rate.size / 1e6:>9.2f} {rate.before:>8.2%} {rate.after:>8.2%} "
            f"{rate.weight:>7.3f}"
            for rate in part[:SHOWN]
        ]
    return "\n".join(lines)


def summary(groups: Groups, weights: np.ndarray, parameters: WeightParameters) -> str:
    """What was weighted and how, in plain lines.

    Args:
      weights: float32 [files].
    """
    kind = {"repository": "repositories", "symbol": "libraries"}[parameters.weight_by]
    largest = int((weights >= np.float32(parameters.max_weight)).sum())
    read = (groups.sizes * weights.astype(np.float64)).sum()
    lines = [
        f"weights by {parameters.weight_by}, power {parameters.weight_power:g}",
        f"train        {len(weights):,} files, {len(groups.names):,} {kind}",
        f"weights      mean {weights.mean(dtype=np.float64):.3f}, from {weights.min():.3f} to {weights.max():.3f}; "
        f"{largest:,} files have the largest allowed, {parameters.max_weight:g}",
        f"an epoch     reads {read / 1e6:,.1f} MB; without weights {groups.sizes.sum() / 1e6:,.1f} MB",
    ]
    if parameters.weight_by == "symbol":
        without = len(weights) - len(np.unique(groups.file))
        lines += [
            f"no library   {without:,} files, which keep the mean weight; {groups.unparsed:,} of them are no Python 3"
        ]
    return "\n".join([*lines, table(rates(groups, weights), kind)])
