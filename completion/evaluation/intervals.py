"""How sure a figure is: 95 % intervals of means over cases, and of the difference of two providers on the same cases.

All of them by the percentile bootstrap (B. Efron, Bootstrap Methods: Another Look at the Jackknife, 1979): as many
cases as there are, are drawn again and again, with return, and the interval lies between the percentiles 2.5 and 97.5
of their means. Files of one repository resemble each other, so that cases are not independent; where groups are given,
whole groups are drawn (the cluster bootstrap: A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application,
1997, section 3.8). With few groups, fewer than twenty say, such an interval is somewhat too narrow.

Two providers are compared case by case: how hard a case is is the same for both, and falls out of the difference. Their
own intervals may overlap while that of the difference is far from 0.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
# How many numbers are kept at once: 32 MB of them.
_NUMBERS = 1 << 22


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean, and between what it lies.

    Attributes:
      mean: over the cases.
      low, high: 95 % of the resamples lie between them; None of fewer than two groups, which say nothing of others.
    """

    mean: float
    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the first of two providers is above the second.

    Attributes:
      difference: of their means, the first less the second.
      better: the share of resamples in which the first's mean is above the second's, 0 to 1; None of fewer than two
        groups.
      worse: that in which it is below. In the rest, `1 - better - worse`, they are the same.
    """

    difference: Interval
    better: float | None
    worse: float | None


def of_means(
    values: Sequence[Sequence[float]] | np.ndarray, *, groups: Sequence[str] | None = None, seed: int = 0
) -> list[Interval]:
    """The means of several figures over the same cases, which are drawn once for all figures.

    Args:
      values: [cases, figures].
      groups: of each case the name of what is drawn together, its repository; None where each case stands for itself.
      seed: of the resamples. The same seed and groups draw the same cases.

    Returns:
      An interval a figure.

    Raises:
      ValueError: there are no cases, as many groups as cases are not given, or a value is no number.

    Example: of 100 cases of which 30 are right, [[1.0]] * 30 + [[0.0]] * 70, the mean is 0.3 and lies between 0.21 and
    0.39.
    """
    means, resampled = _resampled(values, groups, seed)
    if resampled is None:
        return [Interval(float(mean), None, None) for mean in means]
    lows, highs = np.percentile(resampled, [2.5, 97.5], axis=0)
    return [Interval(*map(float, figures)) for figures in zip(means, lows, highs, strict=True)]


def of_mean(values: Sequence[float], *, groups: Sequence[str] | None = None, seed: int = 0) -> Interval:
    """The mean of one figure, values [cases]; the rest as in `of_means`."""
    (found,) = of_means(np.asarray(values, float)[:, None], groups=groups, seed=seed)
    return found


def compared(
    first: Sequence[float], second: Sequence[float], *, groups: Sequence[str] | None = None, seed: int = 0
) -> Comparison:
    """Two providers on the same cases.

    Args:
      first, second: [cases], a provider's values in the order of the cases.
      groups, seed: as in `of_means`.

    Raises:
      ValueError: as in `of_means`, or the two differ in length.

    Example: of 40 cases the first has 25 right, the second 15 of these: the difference of 0.25 lies between 0.125 and
    0.4, and the first is better in all resamples.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} values and {len(second)}: both providers are compared on the same cases")
    differences = (np.asarray(first, float) - np.asarray(second, float))[:, None]
    means, resampled = _resampled(differences, groups, seed)
    if resampled is None:
        return Comparison(Interval(float(means[0]), None, None), None, None)
    low, high = np.percentile(resampled[:, 0], [2.5, 97.5])
    return Comparison(
        Interval(float(means[0]), float(low), float(high)),
        better=float((resampled[:, 0] > 0).mean()),
        worse=float((resampled[:, 0] < 0).mean()),
    )


def _resampled(values, groups: Sequence[str] | None, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Means [figures], and means of resamples [RESAMPLES, figures], None of fewer than two groups."""
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"expected values of one case or more, [cases, figures], got the shape {values.shape}")
    if not np.isfinite(values).all():
        case, figure = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"case {case}, figure {figure} is {values[case, figure]}: give what failed the value 0")
    sums, sizes = values, np.ones(len(values))
    if groups is not None:
        if len(groups) != len(values):
            raise ValueError(f"{len(groups)} groups and {len(values)} cases: one group a case")
        _, numbers = np.unique(np.asarray(groups, str), return_inverse=True)
        sizes = np.bincount(numbers).astype(float)
        sums = np.stack([np.bincount(numbers, weights=figure) for figure in values.T], axis=1)
    if len(sizes) < 2:
        return values.mean(axis=0), None
    chance, resampled = np.random.default_rng(seed), []
    chances = np.full(len(sizes), 1 / len(sizes))
    at_once = max(1, _NUMBERS // len(sizes))
    for start in range(0, RESAMPLES, at_once):
        # How often each group was drawn says all: [resamples, groups].
        drawn = chance.multinomial(len(sizes), chances, size=min(at_once, RESAMPLES - start)).astype(float)
        resampled.append((drawn @ sums) / (drawn @ sizes)[:, None])
    return values.mean(axis=0), np.concatenate(resampled)
