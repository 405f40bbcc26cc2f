"""The laws of pieces, over windows of every shape."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from code_t5.data.pieces import Pieces, cut_pieces, delimit, pack


def cut_all(windows: list[tuple[list[int], list[int]]], *, inputs: int, extra: int) -> list[tuple]:
    """(prefixes, targets, file) of each window as lists; the seed of the i-th is i.

    In a graph where TensorFlow 1 is in force, as in t5's entry point: there `==` of tensors compares identities.
    """
    parts = tuple(np.array(part, np.int32) for part in zip(*windows, strict=True))
    tf.compat.v1.disable_tensor_equality()
    try:
        dataset = tf.data.Dataset.from_tensor_slices(parts)

        def cut(number, window):
            seed = tf.stack([tf.cast(number, tf.int32), 7])
            targets = window[0].shape[0] - inputs
            return cut_pieces(*window, seed, inputs=inputs, targets=targets, extra=tf.constant(extra))

        dataset = dataset.enumerate().map(cut)
    finally:
        tf.compat.v1.enable_tensor_equality()
    return [(p.prefixes.to_list(), p.targets.to_list(), file.numpy().tolist()) for p, file in dataset]


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
        prefixes, written, number = pieces
        sizes = np.bincount(file)
        chosen = np.flatnonzero(sizes > 1)[: min(inputs, targets)].tolist()
        left = [token for token, owner in zip(tokens, file, strict=True) if owner in set(chosen)]
        # Nothing is left out but files of a single token, and those beyond the places of a row. The order stays.
        assert [t for pair in zip(prefixes, written, strict=True) for part in pair for t in part] == left
        # A piece is a prefix and then a target, of one file.
        owner = dict(zip(tokens, file, strict=True))
        for prefix, target, mine in zip(prefixes, written, number, strict=True):
            assert prefix
            assert target
            assert {owner[token] for token in prefix + target} == {chosen[mine]}
        num_prefix = sum(map(len, prefixes))
        assert num_prefix == np.clip(inputs, len(chosen), len(left) - len(chosen)) <= inputs
        assert len(left) - num_prefix <= targets
        assert len(chosen) <= len(prefixes) <= len(chosen) + extra


def test_one_file_and_no_cut_is_the_plain_objective():
    assert cut_all([([71, 9, 4, 33, 8], [0] * 5)], inputs=3, extra=0) == [([[71, 9, 4]], [[33, 8]], [0])]


def test_an_empty_window_has_no_pieces():
    nothing = tf.zeros([0], tf.int32)
    found, file = cut_pieces(nothing, nothing, [1, 2], inputs=3, targets=4, extra=2)
    assert found.prefixes.to_list() == found.targets.to_list() == file.numpy().tolist() == []


def test_the_same_seed_gives_the_same_pieces():
    window = windows(3, 256)[2]
    first, again = (cut_all([window] * 2, inputs=128, extra=4) for _ in range(2))
    assert first == again
    assert first[0] != first[1]


def test_every_way_to_cut_is_drawn_alike():
    """4 + 3 tokens in two pieces: 3 ways to cut the prefix, 2 to cut the target; of 3,000 draws 500 each."""
    found = cut_all([(list(range(7)), [0] * 7)] * 3000, inputs=4, extra=1)
    counts = collections.Counter(str(pieces) for pieces in found)
    assert len(counts) == 6
    # 4.5 standard deviations of a count.
    assert all(abs(count - 500) < 92 for count in counts.values())


def test_delimiters():
    pieces = Pieces(tf.ragged.constant([[71, 9], [8]]), tf.ragged.constant([[4, 1], [5]]))
    prefixes, targets = delimit(pieces)
    assert prefixes.to_list() == [[71, 9, 1], [8, 1]]
    assert targets.to_list() == [[4, 1], [5, 1]]


def test_packed_form():
    packed = pack(tf.ragged.constant([[71, 9, 4], [8, 20]]), "inputs", length=6)
    assert {name: value.numpy().tolist() for name, value in packed.items()} == {
        "inputs": [71, 9, 4, 8, 20, 0],
        "inputs_segmentation": [1, 1, 1, 2, 2, 0],
        "inputs_position": [0, 1, 2, 0, 1, 0],
    }
