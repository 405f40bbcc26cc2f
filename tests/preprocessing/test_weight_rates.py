import numpy as np
import pytest

from preprocessing import weight_rates
from preprocessing.weight_groups import Groups
from preprocessing.weight_law import WeightParameters
from preprocessing.weight_rates import Rate

# Files of 100, 300 and 600 bytes; "b" has the first two, "a" the last two.
GROUPS = Groups(["a", "b"], np.array([100, 300, 600]), np.array([0, 1, 1, 2]), np.array([1, 0, 1, 0]), unparsed=0)


def test_rates_are_shares_of_bytes():
    a, b = Rate("a", 2, 900, 0.9, 750 / 1150, 750 / 900), Rate("b", 2, 400, 0.4, 850 / 1150, 850 / 400)
    found = weight_rates.rates(GROUPS, np.array([4, 1.5, 0.5], np.float32))
    assert [rate.name for rate in found] == ["b", "a"]
    assert [rate[1:] for rate in found] == [pytest.approx(b[1:]), pytest.approx(a[1:])]


def test_equally_raised_ones_come_by_size_and_then_by_name():
    files = np.arange(4, dtype=np.int32)
    groups = Groups(["a", "b", "c", "d"], np.array([7, 7, 9, 1]), files, np.array([1, 0, 2, 3]))
    weights = np.array([2, 2, 2, 3], np.float32)
    assert [rate.name for rate in weight_rates.rates(groups, weights)] == ["d", "c", "a", "b"]


def test_the_table_shows_both_ends():
    found = [Rate(f"g{i:02d}", 1, 10_000_000, 0.05, (19.5 - i) / 190, (19.5 - i) / 9.5) for i in range(20)]
    lines = weight_rates.table(found, "libraries").splitlines()
    assert lines[0].split() == ["libraries", "files", "MB", "before", "after", "weight"]
    assert lines[1] == "raised: 10 of 20, the most"
    assert lines[2].split() == ["g00", "1", "10.00", "5.00%", "10.26%", "2.053"]
    assert [line.split()[0] for line in lines[2:10]] == [f"g{i:02d}" for i in range(8)]
    assert lines[10] == "lowered: 9 of 20, the most"
    assert [line.split()[0] for line in lines[11:]] == [f"g{i:02d}" for i in range(19, 11, -1)]


def test_long_names_keep_the_columns_apart():
    found = [Rate("o" * 40, 1, 10, 0.1, 0.2, 2.0), Rate("n", 1, 10, 0.9, 0.8, 0.9)]
    lines = weight_rates.table(found, "repositories").splitlines()
    assert {len(line) for line in lines if not line.endswith(" of 2")} == {len(lines[0])}
    assert lines[0].index("files") == lines[2].index(" 1 ") - 3
    assert weight_rates.table([], "libraries").splitlines()[1:] == ["raised: 0 of 0", "lowered: 0 of 0"]


def test_summary():
    weights = np.array([4, 1.5, 0.5], np.float32)
    text = weight_rates.summary(GROUPS, weights, WeightParameters("symbol", mean_weight=2.0))
    assert text.splitlines()[:5] == [
        "weights by symbol, power 0.5",
        "train        3 files, 2 libraries",
        "weights      mean 2.000, from 0.500 to 4.000; 1 files have the largest allowed, 4",
        "an epoch     reads 0.0 MB; without weights 0.0 MB",
        "no library   0 files, which keep the mean weight; 0 of them are no Python 3",
    ]
    assert "no library" not in weight_rates.summary(GROUPS, weights, WeightParameters("repository"))
