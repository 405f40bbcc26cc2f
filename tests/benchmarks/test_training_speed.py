"""Ratios and tables of speed."""

import pytest

from benchmarks import training_speed
from benchmarks.training_processes import Course, Shape
from benchmarks.training_speed import HUGGING_FACE, OURS, STOCKS

SHAPE = Shape("tiny", 128, 4, 31)


def course(first: float, step: float, *, tokens: int = 0) -> Course:
    """31 steps of `step` seconds after the first, each with so many real tokens."""
    ends = [first + step * number for number in range(31)]
    return Course(ends, {"steps": [[end, step, 0.0, tokens] for end in ends]})


def test_speed_is_that_of_the_steps_after_the_warm_up():
    slow_start = Course([30.0, 40.0, *[41.0 + number / 4 for number in range(29)]], {})
    assert slow_start.first_step == 30.0
    assert slow_start.steps_per_second() == pytest.approx(4.0)


def test_a_ratio_is_of_runs_in_the_same_turn():
    ones, others = [course(1, 0.1), course(1, 0.4), course(1, 0.1)], [course(1, 0.2), course(1, 0.4), course(1, 0.3)]
    assert training_speed.ratio(ones, others) == pytest.approx(2.0)


def test_fill_counts_real_tokens_of_both_rows():
    assert training_speed.fill(course(1, 1, tokens=512), SHAPE) == 0.5


def test_the_table_and_its_targets():
    courses = {OURS: [course(20, 0.2)], STOCKS: [course(60, 0.2)], HUGGING_FACE: [course(9, 0.25)]}
    fills = {OURS: 0.998, STOCKS: 0.5}
    section = training_speed.table({SHAPE: courses}, {SHAPE: fills}, runs=1)
    assert section.rows == [
        ["tiny, 4 x (128 + 128)", OURS, "20", "5.00", "99.8%", "5,110"],
        ["tiny, 4 x (128 + 128)", STOCKS, "60", "5.00", "50.0%", "2,560"],
        ["tiny, 4 x (128 + 128)", HUGGING_FACE, "9", "4.00", "", ""],
    ]
    assert [target.met for target in section.targets] == [True] * 4
    slower = {OURS: [course(36, 0.21)], STOCKS: [course(60, 0.2)], HUGGING_FACE: [course(9, 0.25)]}
    missed = training_speed.table({SHAPE: slower}, {SHAPE: {OURS: 0.998, STOCKS: 0.53}}, runs=1)
    assert [target.met for target in missed.targets] == [False] * 4
