"""The graph's bytes against those of Python's protocol buffers, for what seqio itself writes."""

import numpy as np
import pytest
import seqio
import tensorflow as tf

from code_t5.data import example_proto

DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "bfloat16")
SHAPES = ([], [0], [5], [2, 3], [2, 1, 3], [0, 4])


def in_graph(example: dict) -> bytes:
    dataset = tf.data.Dataset.from_tensors(example).map(example_proto.serialize)
    [serialized] = dataset.as_numpy_iterator()
    return serialized


def by_seqio(example: dict) -> bytes:
    return seqio.utils.dict_to_tfexample(example).SerializeToString(deterministic=True)


@pytest.mark.parametrize("dtype", [*DTYPES, "float32", "float64"])
def test_every_dtype_and_rank(dtype):
    generator = np.random.default_rng(7)
    example = {
        f"feature {number}": tf.cast(tf.constant(generator.integers(0, 120, size=shape)), dtype)
        for number, shape in enumerate(SHAPES)
    }
    assert in_graph(example) == by_seqio(example)


@pytest.mark.parametrize(
    "example",
    [
        {"targets": tf.constant([0, 127, 128, 16383, 16384, 2**31 - 1])},
        {"negative": tf.constant([-1, -(2**63), 2**63 - 1], tf.int64)},
        {"weight": tf.constant(0.25), "targets": tf.constant([3])},
        {"floats": tf.constant([np.nan, np.inf, -0.0, 3.4e38, 1e-38])},
        {"scalar": tf.constant("text"), "texts": tf.constant([b"\0\xff", b"", "é\n"])},
        {"none": tf.constant([], tf.string), "no_numbers": tf.constant([]), "no_ids": tf.constant([], tf.int32)},
        {"ragged": tf.ragged.constant([[1, 2], [], [3]]), "texts": tf.ragged.constant([["a"], []])},
        {"twice": tf.ragged.constant([[[1], [2, 3]], []])},
        {"inner": tf.ragged.constant([[[1, 2]], []], inner_shape=(2,))},
        {"ä": tf.constant(1), "a": tf.constant(2), "Z": tf.constant(3), "日": tf.constant(4)},
        {"long": tf.range(100_000)},
    ],
    ids="-".join,
)
def test_values(example):
    assert in_graph(example) == by_seqio(example)


def test_the_example_of_the_docstring():
    assert in_graph({"targets": tf.constant([88, 300])}).hex() == (
        "0a140a120a07" + b"targets".hex() + "12071a050a0358ac02"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tf.sparse.from_dense([[0, 1]]), "feature 'x' is a SparseTensor: a cache holds dense and ragged tensors"),
        (tf.constant([1j]), "feature 'x' is of type complex128: a cache holds numbers, booleans and text"),
    ],
)
def test_what_a_cache_cannot_hold_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        in_graph({"x": value})
