"""The plot, from given records."""

import pytest

from benchmarks import curves
from benchmarks.training_variants import PACKED, STOCK
from tests.benchmarks.training_records import record, settings


def runs() -> list[dict]:
    stock = [record(settings(STOCK, seed), bits) for seed, bits in enumerate((2.4, 2.2, 2.3))]
    return [*stock, *[record(settings(PACKED, seed), bits) for seed, bits in enumerate((2.0, 2.1))]]


def test_the_band_of_the_seeds():
    assert curves.band(runs()[:3]) == [
        pytest.approx(row) for row in ((10 / 3, 4.3, 4.2, 4.4), (20 / 3, 3.3, 3.2, 3.4), (10.0, 2.3, 2.2, 2.4))
    ]


def test_runs_with_other_points_are_no_band():
    one, other = runs()[:2]
    with pytest.raises(ValueError):
        curves.band([one, {**other, "curve": other["curve"][1:]}])


def test_the_same_records_give_the_same_small_file(tmp_path):
    path = curves.plot(runs(), tmp_path / "one.svg")
    text = path.read_text()
    for words in ("t5's prefix-LM and pipeline (3 seeds)", "ours (2 seeds)", "minutes of training", "bits per byte"):
        assert words in text
    assert len(text) < 200_000
    assert curves.plot(runs(), tmp_path / "two.svg").read_text() == text
    assert curves.plot([*runs(), *runs()], tmp_path / "three.svg").read_text() == text
