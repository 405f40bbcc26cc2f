"""Folding alone, on logits."""

import mesh_tensorflow as mtf
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from code_t5.inference import decoding, stop_set

VOCAB = mtf.Dimension("vocab", 12)


def evaluate(make, values: np.ndarray) -> np.ndarray:
    """Runs a function of a Mesh TensorFlow tensor [rows, vocab]."""
    with tf.Graph().as_default(), tf.Session() as session:
        mesh = mtf.Mesh(mtf.Graph(), "mesh")
        rows = mtf.Dimension("rows", len(values))
        made = make(mtf.import_tf_tensor(mesh, tf.constant(values), mtf.Shape([rows, VOCAB])))
        placement = mtf.placement_mesh_impl.PlacementMeshImpl([], [], ["cpu:0"])
        lowering = mtf.Lowering(mesh.graph, {mesh: placement})
        return session.run(lowering.export_to_tf_tensor(made))


def logits() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 5, [4, VOCAB.size]).astype(np.float32)


def softmax(values: np.ndarray) -> np.ndarray:
    exponentials = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("stop_ids", [[3], [0, 11], [7, 2, 5], list(range(12))])
def test_the_first_has_the_sum_of_all_and_nothing_else_changes(stop_ids):
    before = softmax(logits())
    after = softmax(evaluate(lambda values: stop_set.fold(values, VOCAB, stop_ids), logits()))
    np.testing.assert_allclose(after[:, stop_ids[0]], before[:, stop_ids].sum(axis=1), rtol=1e-5)
    assert (after[:, stop_ids[1:]] == 0).all()
    rest = [i for i in range(VOCAB.size) if i not in stop_ids]
    np.testing.assert_allclose(after[:, rest], before[:, rest], rtol=1e-5)


def test_the_example_of_the_docstring():
    values = np.log(np.array([[1, 2, 3, 4, *[1e-9] * 8]], np.float32))
    found = evaluate(lambda tensor: stop_set.fold(tensor, VOCAB, [1, 3]), values)
    np.testing.assert_allclose(found[0, :3], np.log([1, 6, 3]), rtol=1e-6)
    assert found[0, 3] == np.float32(stop_set.NEVER)


def test_unlikely_stops_stay_exact_beside_a_likely_token():
    values = np.array([[90.0, *[0.0] * 11]], np.float32)
    found = evaluate(lambda tensor: stop_set.fold(tensor, VOCAB, [4, 5]), values)
    np.testing.assert_allclose(found[0, 4], np.log(2), rtol=1e-6)


def test_one_token_alone_is_left_as_it_is():
    np.testing.assert_array_equal(evaluate(lambda tensor: stop_set.fold(tensor, VOCAB, [1]), logits()), logits())


def test_no_token_to_stop_at_is_an_error():
    with pytest.raises(ValueError, match="stop_ids is empty"):
        decoding.predict_fn(decoding.Decoding(), stop_ids=[], ranks=np.zeros(VOCAB.size, np.int32))
