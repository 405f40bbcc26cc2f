import numpy as np
import pytest
import tensorflow as tf

from code_t5.data.windows import Plan, cut_windows


def dataset(documents: list[list[int]], contexts: list[list[int]] | None = None) -> tf.data.Dataset:
    contexts = contexts or [[]] * len(documents)
    signature = {"targets": tf.TensorSpec([None], tf.int32), "inputs": tf.TensorSpec([None], tf.int32)}
    rows = [{"targets": d, "inputs": c} for d, c in zip(documents, contexts, strict=True)]
    return tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=signature)


def plans_of(lengths: list[int]):
    """Plans whose lengths repeat, and whose `extra` says their number."""

    def plans(number, count):
        numbers = tf.cast(number, tf.int32) + tf.range(count)
        return Plan(tf.gather(lengths, numbers % len(lengths)), numbers, tf.zeros([count], tf.int32))

    return plans


def found(documents, lengths, contexts=None) -> list[tuple[list[int], list[int], list[int]]]:
    windows = cut_windows(
        dataset(documents, contexts), plans_of(lengths), least=min(lengths), with_contexts=contexts is not None
    )
    rows = list(windows.as_numpy_iterator())
    assert [row.plan.extra for row in rows] == list(range(len(rows)))
    assert all(len(row.tokens) == row.plan.length for row in rows)
    return [(row.tokens.tolist(), row.file.tolist(), row.context.tolist()) for row in rows]


def test_borders_are_marked():
    assert found([[5, 6, 1], [7, 1], [8, 9, 1]], [4]) == [
        ([5, 6, 1, 7], [0, 0, 0, 1], []),
        ([1, 8, 9, 1], [0, 1, 1, 1], []),
    ]


def test_a_document_longer_than_a_window():
    assert found([[1, 2, 3, 4, 5, 6, 7], [8, 9]], [3]) == [
        ([1, 2, 3], [0, 0, 0], []),
        ([4, 5, 6], [0, 0, 0], []),
        ([7, 8, 9], [0, 1, 1], []),
    ]


def test_a_context_stands_before_each_window_of_its_document_and_the_rest_goes_without():
    documents, contexts = [[10, 11, 12, 13, 14, 15, 1], [20, 1], [30, 31, 32, 1]], [[7, 8], [], [9]]
    assert found(documents, [5], contexts) == [
        ([10, 11, 12], [0, 0, 0], [7, 8]),
        ([13, 14, 15], [0, 0, 0], [7, 8]),
        ([30, 31, 32, 1], [0, 0, 0, 0], [9]),
    ]
    # The rests, [1] and [20, 1], wait for more: with one more document they come.
    more = found([*documents, [40, 41, 1]], [5], [*contexts, []])
    assert more[3:] == [([1, 20, 1, 40, 41], [0, 1, 1, 2, 2], [])]


@pytest.mark.parametrize("lengths", [[2], [7], [64], [9, 5, 12]])
@pytest.mark.parametrize("one_by_one", [False, True])
def test_put_together_the_windows_are_the_documents(lengths, one_by_one):
    generator = np.random.default_rng(0)
    documents = [generator.integers(2, 99, size).tolist() for size in generator.integers(1, 60, 200)]
    windows = found(documents, lengths, [[]] * 200 if one_by_one else None)
    stream = [token for document in documents for token in document]
    together = [token for tokens, _, _ in windows for token in tokens]
    assert together == stream[: len(together)]
    assert len(stream) - len(together) < max(lengths)
    owner = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    start = 0
    for tokens, file, _ in windows:
        expected = owner[start : start + len(tokens)]
        assert file == (expected - expected[0]).tolist()
        start += len(tokens)
