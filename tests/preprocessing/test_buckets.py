import numpy as np

from preprocessing.buckets import balanced, buckets


def found(keys, rows, labels) -> list[list[int]]:
    arrays = (np.array(keys, np.uint64), np.array(rows, np.int64), np.array(labels, np.int64))
    return [group.tolist() for group in buckets(*arrays)]


def test_groups_of_equal_keys():
    assert found([7, 9, 7], [0, 4, 5], [0, 4, 5]) == [[0, 5]]
    assert found([7, 9, 7, 9, 2**64 - 1], [0, 4, 5, 6, 7], [0, 4, 5, 6, 7]) == [[0, 5], [4, 6]]


def test_nothing_to_compare_within_a_label():
    assert found([7, 9, 7], [0, 4, 5], [0, 4, 0]) == []
    assert found([7, 7, 7], [0, 4, 5], [0, 4, 0]) == [[0, 4, 5]]


def test_no_files():
    assert found([], [], []) == []


def test_every_group_is_dealt_out_once_and_the_work_is_even():
    groups = [np.arange(size) for size in (2, 30, 2, 3, 30, 5, 2)]
    parts = balanced(groups, 2)
    assert sorted(len(group) for part in parts for group in part) == [2, 2, 2, 3, 5, 30, 30]
    assert [max(len(group) for group in part) for part in parts] == [30, 30]
    assert balanced(groups[:1], 4) == [groups[:1]]
