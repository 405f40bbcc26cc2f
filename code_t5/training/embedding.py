"""Rows of the embedding, looked up where one device has all of them.

Mesh TensorFlow multiplies the table with one-hot rows instead, which is what a TPU is good at and which a mesh that
splits the table or the batch needs. On one CPU or GPU it is a product of tokens x pieces x width for nothing, and
another one for the gradient.
"""

import math

import gin
import mesh_tensorflow as mtf
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import transformer


@gin.configurable(module="code_t5")
class LookupEmbedding(transformer.VocabEmbedding):
    """Mesh TensorFlow's embedding; its values are the same, and so are the names of its weights."""

    def ids_to_embedding(self, ids: mtf.Tensor, context: transformer.Context) -> mtf.Tensor:
        """The rows of ids; an id outside of the table has zeros, as in the product with one-hot rows.

        Args:
          ids: integers [..., tokens].

        Returns:
          [..., tokens, width].
        """
        table = self._embedding_weights
        if not _on_one_device() or table.shape.dims[0] != self._vocab_dim or table.shape.ndims != 2:
            return super().ids_to_embedding(ids, context)
        found = rows(table, ids)
        return found * self._output_dim.size**0.5 if self._scale_variable_like_classifier_weights else found


def rows(table: mtf.Tensor, ids: mtf.Tensor) -> mtf.Tensor:
    """Rows of a table [pieces, width] at ids [...]; on a mesh of one device."""
    pieces, width = table.shape.dims
    every = [*ids.shape.dims, pieces, width]

    def look_up(table, ids):
        inside = (ids >= 0) & (ids < pieces.size)
        found = tf.gather(table, tf.where(inside, ids, tf.zeros_like(ids)))
        return found * tf.cast(inside, found.dtype)[..., None]

    def add_up(changes, ids):
        inside = (ids >= 0) & (ids < pieces.size)
        places = tf.where(inside, ids, -tf.ones_like(ids))
        return tf.math.unsorted_segment_sum(changes, places, pieces.size)  # passes over negative places

    def gradient(operation, changes):
        table, ids = operation.inputs
        found = mtf.slicewise(
            add_up, [changes, ids], output_shape=table.shape, output_dtype=changes.dtype, splittable_dims=every,
            grad_function=0, name="embedding_rows_gradient",
        )  # fmt: skip
        return [found, None]

    shape = mtf.Shape([*ids.shape.dims, width])
    return mtf.slicewise(
        look_up, [table, ids], output_shape=shape, output_dtype=table.dtype, splittable_dims=every,
        grad_function=gradient, name="embedding_rows",
    )  # fmt: skip


def _on_one_device() -> bool:
    """Whether gin's mesh has one processor; that of a TPU, which a function gives, is not asked."""
    try:
        shape = gin.query_parameter("utils.run.mesh_shape")
    except ValueError:
        return False
    return isinstance(shape, str) and math.prod(mtf.convert_to_shape(shape).to_integer_list) == 1
