import mesh_tensorflow as mtf
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from code_t5.training import step_randomness


def draws(
    seed: int, steps: list[int], *, mesh_shape: str = "all:1", devices=("",), in_loop: bool = False
) -> np.ndarray:
    """Two uniform tensors of 4 x 6 numbers at each of some steps, the first dimension split over the mesh."""
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": len(devices)})) as session:
        step = tf.placeholder(tf.int64, [])
        graph = mtf.Graph()
        mesh = mtf.Mesh(graph, "mesh")
        shape = mtf.Shape([mtf.Dimension("batch", 4), mtf.Dimension("d", 6)])
        implementation = mtf.placement_mesh_impl.PlacementMeshImpl(mesh_shape, "batch:all", list(devices))

        def lower():
            values = [mtf.random_uniform(mesh, shape) for _ in range(2)]
            lowering = mtf.Lowering(graph, {mesh: implementation})
            return tf.stack([lowering.export_to_tf_tensor(value) for value in values])

        with step_randomness.keyed_by(seed, step):
            if in_loop:
                zeros = tf.zeros([2, 4, 6])
                found = tf.while_loop(lambda i, _: i < 2, lambda i, _: (i + 1, lower()), (0, zeros))[1]
            else:
                found = lower()
        return np.array([session.run(found, {step: number}) for number in steps])


def test_numbers_follow_from_seed_step_and_place():
    first = draws(1, [5, 6, 5])
    np.testing.assert_array_equal(first[0], first[2])
    assert (first[0] != first[1]).mean() > 0.9
    assert (first[0][0] != first[0][1]).mean() > 0.9, "two places of the graph draw different numbers"
    np.testing.assert_array_equal(first, draws(1, [5, 6, 5]))
    assert (draws(2, [5]) != first[:1]).mean() > 0.9


def test_parts_of_a_tensor_on_two_devices_are_different():
    (found,) = draws(1, [5], mesh_shape="all:2", devices=("cpu:0", "cpu:1"))
    assert (found[:, :2] != found[:, 2:]).mean() > 0.9


def test_microbatches_of_a_step_get_different_numbers():
    found = draws(1, [5, 5], in_loop=True)
    assert (found[0] != found[1]).mean() > 0.9, "they keep counting"


def test_the_patch_is_taken_back():
    stock = mtf.placement_mesh_impl.PlacementMeshImpl.random
    with pytest.raises(ZeroDivisionError), step_randomness.keyed_by(1, None):
        1 / (mtf.placement_mesh_impl.PlacementMeshImpl.random is stock)
    assert mtf.placement_mesh_impl.PlacementMeshImpl.random is stock
