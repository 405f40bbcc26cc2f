import numpy as np
import pytest

from preprocessing.weight_groups import Groups
from preprocessing.weight_law import WeightParameters, document_weights, scaled

RANDOM = np.random.default_rng(7)


def one_group_each(sizes: list[int], groups: list[int]) -> Groups:
    names = [f"group {i}" for i in range(max(groups) + 1)]
    files = np.arange(len(sizes), dtype=np.int32)
    return Groups(names, np.array(sizes, np.int64), files, np.array(groups, np.int32))


def random_groups() -> Groups:
    """1,000 files in no, one or two of 40 groups."""
    sizes = RANDOM.integers(1, 100_000, 1000)
    in_groups = [RANDOM.choice(40, RANDOM.integers(0, 3), replace=False, p=_unequal(40)) for _ in sizes]
    file = np.repeat(np.arange(1000), [len(groups) for groups in in_groups])
    return Groups([str(i) for i in range(40)], sizes, file.astype(np.int32), np.concatenate(in_groups).astype(np.int32))


def _unequal(count: int) -> np.ndarray:
    shares = 1.0 / np.arange(1, count + 1) ** 2
    return shares / shares.sum()


def group_shares(groups: Groups, weights: np.ndarray) -> np.ndarray:
    """The share of each group in the bytes that are read."""
    read = np.bincount(groups.group, (groups.sizes * weights.astype(np.float64))[groups.file])
    return read / read.sum()


def test_the_example():
    weights = document_weights(one_group_each([100] * 5, [0, 1, 1, 1, 1]), WeightParameters("repository"))
    assert weights.dtype == np.float32
    assert weights.tolist() == pytest.approx([5 / 3, *[5 / 6] * 4])


@pytest.mark.parametrize("power", [0, 0.3, 0.5, 1])
def test_shares_become_proportional_to_bytes_to_the_power(power):
    groups = one_group_each(RANDOM.integers(1, 10_000, 300).tolist(), sorted(RANDOM.integers(0, 9, 300).tolist()))
    weights = document_weights(groups, WeightParameters("repository", weight_power=power, max_weight=1e9))
    expected = np.bincount(groups.group, groups.sizes) ** power
    assert group_shares(groups, weights) == pytest.approx(expected / expected.sum(), rel=1e-5)


def test_power_1_is_exactly_1_for_every_file():
    weights = document_weights(random_groups(), WeightParameters("symbol", weight_power=1))
    assert (weights == 1.0).all()


@pytest.mark.parametrize("mean", [1.0, 0.25, 3.0])
@pytest.mark.parametrize("power", [0, 0.5])
@pytest.mark.parametrize("maximum", [3.0, 4.0, 50.0])
def test_the_mean_is_what_was_asked_for_after_clipping(mean, power, maximum):
    weights = document_weights(random_groups(), WeightParameters("symbol", power, maximum, mean))
    assert weights.mean(dtype=np.float64) == pytest.approx(mean, rel=1e-6)
    assert weights.min() > 0
    assert weights.max() <= maximum


def test_a_file_in_no_group_keeps_the_mean():
    groups = random_groups()
    weights = document_weights(groups, WeightParameters("symbol", 0, 2.0, 0.5))
    without = np.setdiff1d(np.arange(1000), groups.file)
    assert len(without) > 100
    assert (weights[without] == 0.5).all()
    assert weights[np.unique(groups.file)].mean(dtype=np.float64) == pytest.approx(0.5, rel=1e-6)


def test_a_file_of_several_groups_gets_the_mean_of_theirs():
    """Groups of 100, 400 and 500 bytes; the last file is in the first two."""
    groups = Groups(["a", "b", "c"], np.array([0, 300, 500, 100]), np.array([0, 1, 2, 3, 3]), np.array([0, 1, 2, 0, 1]))
    weights = document_weights(groups, WeightParameters("symbol", 0, 100.0))
    raw = np.array([1 / 100, 1 / 400, 1 / 500, (1 / 100 + 1 / 400) / 2])
    assert weights == pytest.approx(raw / raw.mean())


def test_no_group_at_all():
    nothing = np.array([], np.int32)
    weights = document_weights(Groups([], np.array([5, 6]), nothing, nothing), WeightParameters("symbol"))
    assert weights.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "raw, mean, maximum, expected",
    [
        ([8, 2, 1, 1], 1, 2, [2, 1, 0.5, 0.5]),
        ([100, 3, 1, 1], 1, 1.5, [1.5, 1.5, 0.5, 0.5]),  # clipped in turn: the second only after the first
        ([1, 8, 1, 2], 1, 2, [0.5, 2, 0.5, 1]),
        ([8, 2, 1, 1], 0.1, 0.1, [0.1] * 4),  # no room: all are clipped
        ([4, 3, 2, 1], 0.3, 0.3, [0.3] * 4),  # and rounding does not show it
        ([3, 3], 1, 4, [1, 1]),
        ([], 1, 4, []),
    ],
)
def test_scaled(raw, mean, maximum, expected):
    assert scaled(np.array(raw, float), mean=mean, maximum=maximum) == pytest.approx(expected)


def test_scaled_is_where_clipping_and_normalising_in_turns_ends():
    raw = RANDOM.lognormal(0, 2, 500)
    turn = raw
    for _ in range(2000):
        turn = np.minimum(turn / turn.mean(), 4)
    assert scaled(raw, mean=1, maximum=4) == pytest.approx(turn, rel=1e-6)


def test_weights_that_are_not_clipped_keep_their_ratios():
    raw = RANDOM.lognormal(0, 2, 500)
    weights = scaled(raw, mean=1, maximum=4)
    free = weights < 4
    assert 10 < free.sum() < 490
    ratio = weights[free] / raw[free]
    assert ratio == pytest.approx(ratio[0])
    assert (raw[~free] * ratio[0] >= 4).all()


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"weight_by": "file"}, "no weights by 'file': there are repository, symbol"),
        ({"weight_power": 1.5}, r"power 1\.5: must be in \[0, 1\]"),
        ({"weight_power": -0.1}, "must be in"),
        ({"weight_power": float("nan")}, "must be in"),
        ({"mean_weight": 5.0}, r"mean_weight 5\.0 and max_weight 4\.0: the mean must be positive and not above"),
        ({"mean_weight": 0.0}, "the mean must be positive"),
        ({"max_weight": float("inf")}, "the mean must be positive"),
    ],
)
def test_parameters_out_of_range(fields, message):
    with pytest.raises(ValueError, match=message):
        WeightParameters(**{"weight_by": "repository", **fields})
