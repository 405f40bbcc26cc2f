import numpy as np
import pytest

from code_t5.export import checkpoint


def test_the_example_of_relative_buckets():
    offsets = np.array([-200, -9, -1, 0, 1, 9])
    both = checkpoint.relative_buckets(offsets, bidirectional=True, num_buckets=32)
    assert both.tolist() == [15, 8, 1, 0, 17, 24]
    one = checkpoint.relative_buckets(offsets, bidirectional=False, num_buckets=32)
    assert one.tolist() == [31, 9, 1, 0, 0, 0]


def test_law_buckets_are_mesh_tensorflows():
    import mesh_tensorflow as mtf
    import tensorflow.compat.v1 as tf
    from mesh_tensorflow.transformer.transformer_layers import _relative_position_bucket

    offsets = np.arange(-600, 601)
    for bidirectional in (False, True):
        with tf.Graph().as_default(), tf.Session() as session:
            mesh = mtf.Mesh(mtf.Graph(), "mesh")
            given = mtf.import_tf_tensor(mesh, tf.constant(offsets, tf.int32), mtf.Shape([mtf.Dimension("a", 1201)]))
            made = _relative_position_bucket(given, bidirectional=bidirectional, num_buckets=32)
            placement = mtf.placement_mesh_impl.PlacementMeshImpl([], [], ["cpu:0"])
            theirs = session.run(mtf.Lowering(mesh.graph, {mesh: placement}).export_to_tf_tensor(made))
        ours = checkpoint.relative_buckets(offsets, bidirectional=bidirectional, num_buckets=32)
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_shared_weights_are_those_of_both_stacks(trained_shared):
    from code_t5.inference.model import TrainedModel

    model = TrainedModel(str(trained_shared))
    found = checkpoint.read(str(trained_shared), model.checkpoint)
    assert (found.d_model, found.heads, found.d_kv, found.d_ff) == (64, 2, 32, 128)
    assert found.logits is None
    assert found.embedding.shape == (1024, 64)
    assert len(found.encoder.blocks) == len(found.decoder.blocks) == 2
    for read, written in zip(found.encoder.blocks, found.decoder.blocks, strict=True):
        assert read.attention.q is written.attention.q
        assert read.cross is None
        assert written.cross is not None
    assert found.decoder.blocks[1].attention.buckets is None


@pytest.mark.slow
def test_models_with_weights_of_their_own_and_decoders_are_read(train_once):
    from code_t5.inference.model import TrainedModel

    folder = str(train_once("prefix_lm"))
    found = checkpoint.read(folder, TrainedModel(folder).checkpoint)
    assert (found.activation, len(found.encoder.blocks[0].feed_forward.wi)) == ("gelu", 2)
    assert found.output().shape == (64, 1024)
    assert found.logits is not None
    assert not np.array_equal(found.encoder.blocks[0].attention.q, found.decoder.blocks[0].attention.q)
    folder = str(train_once("lm"))
    found = checkpoint.read(folder, TrainedModel(folder).checkpoint)
    assert found.encoder is None
    assert found.decoder.bidirectional
