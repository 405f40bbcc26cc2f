import numpy as np

from preprocessing.earlier import exact_matches


def test_the_first_earlier_file_with_the_same_digest():
    earlier = np.array([[1, 1], [2, 2], [1, 1], [3, 4]], np.uint64)
    digests = np.array([[9, 9], [1, 1], [3, 4], [3, 3], [1, 1]], np.uint64)
    assert exact_matches(digests, earlier).tolist() == [-1, 0, 3, -1, 0]


def test_copies_among_the_new_files_match_nothing():
    digests = np.array([[9, 9], [9, 9]], np.uint64)
    assert exact_matches(digests, np.empty((0, 2), np.uint64)).tolist() == [-1, -1]
    assert exact_matches(digests[:0], digests).tolist() == []


def test_agrees_with_a_dictionary():
    generator = np.random.default_rng(0)
    earlier, digests = generator.integers(0, 30, (200, 2), np.uint64), generator.integers(0, 30, (500, 2), np.uint64)
    first = {}
    for row, digest in enumerate(map(tuple, earlier.tolist())):
        first.setdefault(digest, row)
    assert exact_matches(digests, earlier).tolist() == [first.get(tuple(digest), -1) for digest in digests.tolist()]
