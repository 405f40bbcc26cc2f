"""Rows that are looked up, against Mesh TensorFlow's product with one-hot rows."""

import gin
import mesh_tensorflow as mtf
import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import transformer

from code_t5.training import embedding

PIECES, WIDTH = mtf.Dimension("vocab", 7), mtf.Dimension("d_model", 3)
# One piece twice, and ids that no piece has.
IDS = np.array([[1, 5, 1, 6], [0, -5, 7, 2]], np.int32)
TABLE = np.arange(21, dtype=np.float32).reshape(7, 3) ** 1.5


def looked_up(look_up) -> tuple[list[np.ndarray], list[str]]:
    """The rows, the gradient of a loss by the table, and which kinds of operation there are."""
    with tf.Graph().as_default() as tf_graph, tf.Session() as session:
        graph = mtf.Graph()
        mesh = mtf.Mesh(graph, "mesh")
        table = mtf.import_tf_tensor(mesh, TABLE, mtf.Shape([PIECES, WIDTH]))
        shape = mtf.Shape([mtf.Dimension("batch", 2), mtf.Dimension("length", 4)])
        found = look_up(table, mtf.import_tf_tensor(mesh, IDS, shape))
        (gradient,) = mtf.gradients([mtf.reduce_sum(mtf.square(found))], [table])
        implementation = mtf.placement_mesh_impl.PlacementMeshImpl("model:1,batch:1", "batch:batch", [""])
        lowering = mtf.Lowering(graph, {mesh: implementation})
        values = session.run([lowering.export_to_tf_tensor(value) for value in (found, gradient)])
        return values, [operation.type for operation in tf_graph.get_operations()]


def test_rows_and_their_gradient_are_those_of_the_product():
    (rows, gradient), kinds = looked_up(embedding.rows)
    (product, expected), product_kinds = looked_up(lambda table, ids: mtf.gather(table, ids, PIECES))
    np.testing.assert_array_equal(rows, product)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    np.testing.assert_array_equal(rows[0, 0], TABLE[1])
    np.testing.assert_array_equal(rows[1, 1:3], np.zeros((2, 3)), "ids outside of the table")
    np.testing.assert_allclose(gradient[1], 4 * TABLE[1], rtol=1e-6)  # it stands there twice
    assert "OneHot" in product_kinds
    assert "OneHot" not in kinds


@pytest.mark.parametrize(
    ("mesh_shape", "looks_up"), [("model:1,batch:1", True), ("model:2,batch:1", False), ("batch:8", False)]
)
@pytest.mark.parametrize("scaled", [False, True])
def test_a_mesh_of_several_devices_keeps_the_product(mesh_shape, looks_up, scaled):
    def found(cls):
        with tf.Graph().as_default(), gin.unlock_config():
            gin.bind_parameter("utils.run.mesh_shape", mesh_shape)
            try:
                graph = mtf.Graph()
                mesh = mtf.Mesh(graph, "mesh")
                made = cls(mesh, PIECES, WIDTH, mtf.VariableDType(), "embedding", None, scaled)
                ids = mtf.import_tf_tensor(mesh, IDS, mtf.Shape([mtf.Dimension("b", 2), mtf.Dimension("l", 4)]))
                rows = made.ids_to_embedding(ids, None)
                multiplied = any(isinstance(operation, mtf.ops.EinsumOperation) for operation in graph.operations)
                return rows.shape, [variable.name for variable in graph.all_variables], not multiplied
            finally:
                gin.clear_config()

    shape, names, no_product = found(embedding.LookupEmbedding)
    assert (shape, names, False) == found(transformer.VocabEmbedding)
    assert no_product == looks_up


@pytest.mark.parametrize("bound", [None, "@tpu_mesh_shape()"])
def test_a_mesh_that_is_not_known_yet_keeps_the_product(bound):
    """t5's own default asks for the kind of TPU."""
    with gin.unlock_config():
        try:
            if bound:
                gin.parse_config(f"utils.run.mesh_shape = {bound}")
            assert not embedding._on_one_device()
        finally:
            gin.clear_config()
