"""Logits of the first token of an answer, where a piece was taken back."""

import mesh_tensorflow as mtf
import numpy as np
import tensorflow.compat.v1 as tf

from code_t5.inference import first_token
from completion import healing


def restricted(logits, otherwise, is_first, allowed, ranks) -> np.ndarray:
    """Runs `restrict_first` on arrays: logits [batch, beam, vocab], is_first [batch, beam], allowed [batch, 2]."""
    sizes = zip(("batch", "beam", "vocab"), logits.shape, strict=True)
    batch_dim, beam_dim, vocab_dim = (mtf.Dimension(*size) for size in sizes)
    with tf.Graph().as_default(), tf.Session() as session:
        mesh = mtf.Mesh(mtf.Graph(), "mesh")

        def tensor(values, *dims):
            return mtf.import_tf_tensor(mesh, tf.constant(values), mtf.Shape(dims))

        made = first_token.restrict_first(
            tensor(logits, batch_dim, beam_dim, vocab_dim),
            tensor(otherwise, batch_dim, beam_dim, vocab_dim),
            is_first=tensor(is_first, batch_dim, beam_dim),
            allowed=tensor(allowed, batch_dim, mtf.Dimension("length", 2)),
            ranks=ranks,
            vocab_dim=vocab_dim,
        )
        placement = mtf.placement_mesh_impl.PlacementMeshImpl([], [], ["cpu:0"])
        return session.run(mtf.Lowering(mesh.graph, {mesh: placement}).export_to_tf_tensor(made))


def test_only_first_tokens_of_healed_rows_are_restricted():
    logits = np.random.default_rng(0).normal(0, 5, [3, 2, 6]).astype(np.float32)
    is_first = np.array([[True, True], [True, True], [False, True]])
    allowed = np.array([[0, 2], healing.NOT_HEALED, [2, 4]], np.int32)
    found = restricted(logits, logits + 100, is_first, allowed, np.array([3, 1, 0, 2, -1], np.int32))  # one is padding
    expected = logits + 100
    expected[0], expected[2, 1] = first_token.FORBIDDEN, first_token.FORBIDDEN
    expected[0, :, [1, 2]] = logits[0, :, [1, 2]]
    expected[2, 1, [0, 3]] = logits[2, 1, [0, 3]]
    np.testing.assert_array_equal(found, expected)


def test_the_example_of_restrict_first():
    logits = np.array([[[5, 7, 6, 8]]], np.float32)
    found = restricted(logits, logits, np.array([[True]]), np.array([[0, 2]], np.int32), np.array([3, 1, 0, 2]))
    np.testing.assert_array_equal(found, np.array([[[-1e18, 7, 6, -1e18]]], np.float32))
