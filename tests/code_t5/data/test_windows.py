import numpy as np
import pytest
import tensorflow as tf

from code_t5.data.windows import cut_windows


def dataset(documents: list[list[int]]) -> tf.data.Dataset:
    signature = tf.TensorSpec([None], tf.int32)
    return tf.data.Dataset.from_generator(lambda: iter(documents), output_signature=signature)


def found(documents: list[list[int]], length: int) -> list[tuple[list[int], list[int]]]:
    windows = cut_windows(dataset(documents), length=length).as_numpy_iterator()
    return [(tokens.tolist(), file.tolist()) for tokens, file in windows]


def test_borders_are_marked():
    assert found([[5, 6, 1], [7, 1], [8, 9, 1]], 4) == [([5, 6, 1, 7], [0, 0, 0, 1]), ([1, 8, 9, 1], [0, 1, 1, 1])]


def test_a_document_longer_than_a_window():
    assert found([[1, 2, 3, 4, 5, 6, 7], [8, 9]], 3) == [
        ([1, 2, 3], [0, 0, 0]),
        ([4, 5, 6], [0, 0, 0]),
        ([7, 8, 9], [0, 1, 1]),
    ]


@pytest.mark.parametrize("length", [2, 7, 64])
def test_put_together_the_windows_are_the_documents(length):
    generator = np.random.default_rng(0)
    documents = [generator.integers(2, 99, size).tolist() for size in generator.integers(1, 60, 200)]
    windows = found(documents, length)
    stream = [token for document in documents for token in document]
    assert [token for tokens, _ in windows for token in tokens] == stream[: len(stream) // length * length]
    owner = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    for i, (_, file) in enumerate(windows):
        expected = owner[i * length : (i + 1) * length]
        assert file == (expected - expected[0]).tolist()
