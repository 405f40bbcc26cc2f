"""The laws of packed pieces, over windows of every shape."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from code_t5.data.pieces import cut_pieces, pack


def cut_all(windows: list[tuple[list[int], list[int]]], *, inputs: int, extra: int) -> list[dict[str, np.ndarray]]:
    """The pieces of each window; the seed of the i-th is i."""
    dataset = tf.data.Dataset.from_tensor_slices(tuple(np.array(part, np.int32) for part in zip(*windows, strict=True)))

    def cut(number, window):
        seed = tf.stack([tf.cast(number, tf.int32), 7])
        return cut_pieces(*window, seed, inputs=inputs, extra_pieces=tf.constant(extra))

    return list(dataset.enumerate().map(cut).as_numpy_iterator())


def windows(count: int, length: int) -> list[tuple[list[int], list[int]]]:
    """Windows of files of all lengths, single tokens included; tokens count up."""
    generator = np.random.default_rng(length)
    found = []
    for i in range(count):
        share = (0.0, 0.02, 0.1, 0.4)[i % 4]
        file = np.cumsum(generator.random(length) < share)
        found.append((list(range(100, 100 + length)), (file - file[0]).tolist()))
    return found


@pytest.mark.parametrize(("inputs", "targets"), [(128, 128), (128, 32), (8, 24), (2, 2)])
@pytest.mark.parametrize("extra", [0, 1, 5])
def test_laws(inputs, targets, extra):
    cases = windows(40, inputs + targets)
    for (tokens, file), pieces in zip(cases, cut_all(cases, inputs=inputs, extra=extra), strict=True):
        sizes = np.bincount(file)
        chosen = set(np.flatnonzero(sizes > 1)[: min(inputs, targets)].tolist())
        left = [token for token, owner in zip(tokens, file, strict=True) if owner in chosen]
        # Nothing is left out but files of a single token, and those beyond the places of a row. The order stays.
        assert pieces["tokens"].tolist() == left
        owner = dict(zip(tokens, file, strict=True))
        previous = 0
        for number in range(1, pieces["piece"].max(initial=0) + 1):
            mine = pieces["piece"] == number
            is_target = pieces["is_target"][mine]
            # A piece is a prefix and then a target, of one file.
            assert not is_target[0]
            assert is_target[-1]
            assert (np.diff(is_target.astype(int)) >= 0).all()
            assert len({owner[token] for token in pieces["tokens"][mine]}) == 1
            assert np.flatnonzero(mine)[0] == previous
            previous = np.flatnonzero(mine)[-1] + 1
        files = len(chosen)
        num_prefix = int((~pieces["is_target"]).sum())
        assert num_prefix == np.clip(inputs, files, len(left) - files) <= inputs
        assert len(left) - num_prefix <= targets
        assert files <= pieces["piece"].max(initial=0) <= files + extra


def test_one_file_and_no_cut_is_the_plain_objective():
    (pieces,) = cut_all([([71, 9, 4, 33, 8], [0] * 5)], inputs=3, extra=0)
    assert pieces["is_target"].tolist() == [False, False, False, True, True]
    assert pieces["piece"].tolist() == [1] * 5


def test_the_same_seed_gives_the_same_pieces():
    window = windows(3, 256)[2]
    first, again = (cut_all([window] * 2, inputs=128, extra=4) for _ in range(2))
    for name in first[0]:
        assert (first[0][name] == again[0][name]).all()
    assert (first[0]["is_target"] != first[1]["is_target"]).any()


def test_every_way_to_cut_is_drawn_alike():
    """4 + 3 tokens in two pieces: 3 ways to cut the prefix, 2 to cut the target; of 3,000 draws 500 each."""
    found = cut_all([(list(range(7)), [0] * 7)] * 3000, inputs=4, extra=1)
    counts = collections.Counter(tuple(pieces["is_target"].tolist()) for pieces in found)
    assert len(counts) == 6
    # 4.5 standard deviations of a count.
    assert all(abs(count - 500) < 92 for count in counts.values())


def test_packed_form():
    pieces = {
        "tokens": tf.constant([71, 9, 4, 33, 8, 20, 21, 22]),
        "is_target": tf.constant([False, False, False, True, False, False, True, True]),
        "piece": tf.constant([1, 1, 1, 1, 2, 2, 2, 2]),
    }
    packed = {name: value.numpy().tolist() for name, value in pack(pieces, inputs=6, targets=4).items()}
    assert packed == {
        "inputs": [71, 9, 4, 8, 20, 0],
        "inputs_segmentation": [1, 1, 1, 2, 2, 0],
        "inputs_position": [0, 1, 2, 0, 1, 0],
        "targets": [33, 21, 22, 0],
        "targets_segmentation": [1, 2, 2, 0],
        "targets_position": [0, 0, 1, 0],
    }
