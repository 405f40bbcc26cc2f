import collections
import random

import pytest

from preprocessing import contract
from preprocessing.split import SplitParameters, assign_splits, chance, split_rank

NAMES = [f"owner{i}/name {i}ä" for i in range(4000)]


def test_chance_is_the_same_everywhere():
    assert chance("ann/tool", "code_t5") == 0.6442849381838265
    assert chance("ann/tool", "other") != chance("ann/tool", "code_t5")


def test_shares():
    counts = collections.Counter(assign_splits(NAMES, SplitParameters()).values())
    assert 150 < counts["test"] < 250
    assert 150 < counts["validation"] < 250
    assert sum(counts.values()) == 4000


def test_order_and_repetition_do_not_matter():
    shuffled = NAMES * 2
    random.Random(0).shuffle(shuffled)
    assert assign_splits(shuffled, SplitParameters()) == assign_splits(NAMES, SplitParameters())


def test_more_repositories_move_no_other():
    few, many = (assign_splits(names, SplitParameters()) for names in (NAMES[:2000], NAMES))
    assert all(many[name] == few[name] for name in few)


def test_another_salt_holds_out_others():
    one, two = (assign_splits(NAMES, SplitParameters(split_salt=salt)) for salt in ("one", "two"))
    assert one != two


@pytest.mark.parametrize("count", [3, 4, 5, 10])
@pytest.mark.parametrize("shares", [(50, 50), (1, 1), (499, 500), (1, 998), (998, 1)])
def test_no_split_is_empty_with_three_repositories(count, shares):
    for salt in range(50):
        splits = assign_splits(NAMES[:count], SplitParameters(*shares, split_salt=str(salt)))
        assert set(splits.values()) == set(contract.SPLITS)


def test_fewer_than_three_repositories_go_to_train_first():
    for salt in range(50):
        parameters = SplitParameters(split_salt=str(salt))
        assert assign_splits([], parameters) == {}
        assert assign_splits(["a/a"], parameters) == {"a/a": "train"}
        assert sorted(assign_splits(["a/a", "b/b"], parameters).values()) == ["train", "validation"]


def test_a_share_of_nothing_stays_empty():
    assert set(assign_splits(NAMES, SplitParameters(0, 0)).values()) == {"train"}
    assert set(assign_splits(NAMES, SplitParameters(50, 0)).values()) == {"train", "validation"}
    assert set(assign_splits(NAMES[:3], SplitParameters(0, 50)).values()) == {"train", "test"}


@pytest.mark.parametrize(
    "shares, message", [((-1, 0), "neither may be negative"), ((500, 500), "leave nothing to train on")]
)
def test_wrong_shares(shares, message):
    with pytest.raises(ValueError, match=message):
        SplitParameters(*shares)


def test_held_out_copies_rank_first():
    assert sorted(contract.SPLITS, key=split_rank) == ["test", "validation", "train"]
