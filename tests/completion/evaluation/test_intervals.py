"""Intervals by their laws, and by what is known of them without resampling."""

import numpy as np
import pytest

from completion.evaluation import intervals
from completion.evaluation.intervals import Comparison, Interval


def test_the_examples_of_the_docstrings():
    found = intervals.of_mean([1.0] * 30 + [0.0] * 70)
    assert (found.mean, round(found.low, 2), round(found.high, 2)) == (0.3, 0.21, 0.39)
    first, second = [1.0] * 25 + [0.0] * 15, [1.0] * 15 + [0.0] * 25
    found = intervals.compared(first, second)
    assert (found.difference.mean, round(found.difference.low, 3), found.difference.high) == (0.25, 0.125, 0.4)
    assert (found.better, found.worse) == (1.0, 0.0)


def test_two_cases_by_hand():
    """Of two cases both are drawn in half of the resamples, each twice in a quarter."""
    means, resampled = intervals._resampled([[0.0], [1.0]], None, 0)
    assert means.tolist() == [0.5]
    assert sorted(set(resampled[:, 0])) == [0.0, 0.5, 1.0]
    assert (resampled[:, 0] == 0.5).mean() == pytest.approx(0.5, abs=0.04)
    assert intervals.of_mean([0.0, 1.0]) == Interval(0.5, 0.0, 1.0)


def test_a_provider_is_no_better_than_itself():
    values = np.random.default_rng(1).random(50)
    assert intervals.compared(values, values) == Comparison(Interval(0.0, 0.0, 0.0), 0.0, 0.0)


def test_a_constant_shift_is_certain():
    values = np.random.default_rng(2).integers(0, 100, 60) / 4
    groups = [str(number % 7) for number in range(60)]
    for more in ({}, {"groups": groups}):
        found = intervals.compared(values + 0.25, values, **more)
        assert found == Comparison(Interval(0.25, 0.25, 0.25), 1.0, 0.0)
        assert intervals.compared(values, values + 0.25, **more).worse == 1.0


def test_comparing_the_other_way_round_turns_the_interval():
    chance = np.random.default_rng(3)
    first, second = chance.random(40), chance.random(40)
    one, other = intervals.compared(first, second), intervals.compared(second, first)
    assert (one.better, one.worse) == (other.worse, other.better)
    assert one.difference.mean == pytest.approx(-other.difference.mean)
    assert (one.difference.low, one.difference.high) == pytest.approx((-other.difference.high, -other.difference.low))


def test_an_interval_contains_its_mean():
    chance = np.random.default_rng(4)
    for size in (2, 3, 10, 200):
        values = (chance.random((size, 20)) < chance.random(20)).astype(float)
        groups = [str(one) for one in chance.integers(0, 1 + size // 2, size)]
        for more in ({}, {"groups": groups}):
            for figure, found in zip(values.T, intervals.of_means(values, **more), strict=True):
                assert found.mean == pytest.approx(figure.mean())
                if found.low is not None:
                    assert found.low <= found.mean + 1e-12
                    assert found.mean <= found.high + 1e-12


def test_all_figures_are_of_the_same_resamples():
    values = np.random.default_rng(5).random(30)
    one, same, twice = intervals.of_means(np.stack([values, values, 2 * values], axis=1))
    assert one == same
    assert (one.low, one.high) == pytest.approx((intervals.of_mean(values).low, intervals.of_mean(values).high))
    assert (twice.low, twice.high) == pytest.approx((2 * one.low, 2 * one.high))


def test_a_seed_says_all(monkeypatch):
    values = np.random.default_rng(6).random(30)
    assert intervals.of_mean(values) == intervals.of_mean(values) != intervals.of_mean(values, seed=1)
    expected = intervals.of_mean(values)
    # Of a million cases a few resamples are made at once.
    monkeypatch.setattr(intervals, "_NUMBERS", 100)
    found = intervals.of_mean(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_group_is_never_split():
    """Whole groups of 1, 2 and 4 cases: sum over size can take these values alone."""
    values, groups = [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0], ["a", "b", "b", "c", "c", "c", "c"]
    _, resampled = intervals._resampled(np.array(values)[:, None], groups, 0)
    sums, sizes = (0, 1, 4), (1, 2, 4)
    triples = [(a, b, c) for a in range(3) for b in range(3) for c in range(3)]
    possible = {round(sum(sums[i] for i in drawn) / sum(sizes[i] for i in drawn), 9) for drawn in triples}
    assert set(np.round(resampled[:, 0], 9)) == possible


def test_groups_that_agree_in_themselves_widen_the_interval():
    """Ten cases each of twenty repositories, all right or all wrong, say no more than twenty cases do."""
    right = [float(number % 2) for number in range(20)]
    values = np.repeat(right, 10)
    groups = [f"ann/{number:02}" for number in np.repeat(np.arange(20), 10)]
    alone, together = intervals.of_mean(values), intervals.of_mean(values, groups=groups)
    twenty = intervals.of_mean(right)
    assert (together.low, together.high) == pytest.approx((twenty.low, twenty.high))
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_the_order_of_cases_is_nothing_to_groups():
    chance = np.random.default_rng(7)
    values, groups = chance.random(40), [str(one) for one in chance.integers(0, 8, 40)]
    order = chance.permutation(40)
    one = intervals.of_mean(values, groups=groups)
    other = intervals.of_mean(values[order], groups=[groups[i] for i in order])
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_about_95_of_100_intervals_hold_the_truth(monkeypatch):
    """Of 200 experiments of 80 cases each; binomial, 0.95 +- 3 * 0.0154."""
    monkeypatch.setattr(intervals, "RESAMPLES", 400)
    chance = np.random.default_rng(8)
    found = [intervals.of_mean(chance.random(80) < 0.3, seed=seed) for seed in range(200)]
    assert 0.90 <= np.mean([one.low <= 0.3 <= one.high for one in found]) <= 0.99


def test_about_95_of_100_intervals_of_groups_hold_the_truth(monkeypatch):
    """What groups share is seen with groups alone: 40 repositories of 10 cases, half of the variance between them."""
    monkeypatch.setattr(intervals, "RESAMPLES", 400)
    chance = np.random.default_rng(9)
    groups = [f"{number:02}" for number in np.repeat(np.arange(40), 10)]
    held = {"alone": [], "together": []}
    for seed in range(150):
        values = np.repeat(chance.normal(size=40), 10) + chance.normal(size=400)
        for name, more in (("alone", {}), ("together", {"groups": groups})):
            found = intervals.of_mean(values, seed=seed, **more)
            held[name].append(found.low <= 0 <= found.high)
    assert np.mean(held["together"]) >= 0.89
    assert np.mean(held["alone"]) < 0.75


def test_one_group_says_nothing_of_others():
    assert intervals.of_mean([1.0]) == Interval(1.0, None, None)
    assert intervals.of_mean([1.0, 0.0], groups=["a", "a"]) == Interval(0.5, None, None)
    assert intervals.compared([1.0], [0.0]) == Comparison(Interval(1.0, None, None), None, None)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: intervals.of_mean([]), r"values of one case or more, \[cases, figures\], got the shape \(0, 1\)"),
        (lambda: intervals.of_mean([0, 1, np.nan]), "case 2, figure 0 is nan: give what failed the value 0"),
        (lambda: intervals.of_mean([0, 1], groups=["a"]), "1 groups and 2 cases: one group a case"),
        (lambda: intervals.compared([0, 1], [0]), "2 values and 1: both providers are compared on the same cases"),
    ],
)
def test_wrong_use_is_named(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()
