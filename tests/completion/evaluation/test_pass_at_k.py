"""pass@k against its definition, counted out."""

import itertools
import math

import pytest

from completion.evaluation.pass_at_k import pass_at_k

SMALL = [(n, c, k) for n in range(1, 13) for c in range(n + 1) for k in range(1, n + 1)]


@pytest.mark.parametrize("n", range(1, 13))
def test_it_is_the_formula_for_all_small_numbers(n):
    for _, c, k in (one for one in SMALL if one[0] == n):
        assert pass_at_k(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k), abs=1e-14)


def test_it_is_the_share_of_choices_with_a_right_one():
    for n, c, k in (one for one in SMALL if one[0] <= 7):
        chosen = [any(choice) for choice in itertools.combinations([True] * c + [False] * (n - c), k)]
        assert pass_at_k(n, c, k) == pytest.approx(sum(chosen) / len(chosen), abs=1e-14)


def test_numbers_as_they_are_reported():
    assert pass_at_k(4, 1, 2) == 0.5
    assert pass_at_k(200, 1, 1) == pytest.approx(0.005)
    assert pass_at_k(200, 1, 100) == pytest.approx(0.5)
    assert pass_at_k(200, 101, 100) == 1.0
    assert pass_at_k(100_000, 50, 100) == pytest.approx(1 - (99_950 / 100_000) ** 100, abs=1e-4)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((2, 3, 1), "3 of 2 samples are right: expected 0 to 2"),
        ((2, -1, 1), "-1 of 2 samples are right"),
        ((5, 1, 10), "pass@10 cannot be estimated without bias from 5 samples a case: draw 10 or more"),
        ((5, 1, 0), "pass@0 cannot be estimated"),
    ],
)
def test_what_cannot_be_is_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        pass_at_k(*numbers)
