"""Rows with padding behind them, scored by a decoder that reads and writes in one row.

Mesh TensorFlow tells the prefix of a delimited row by counting EOS, so all that stands behind the row's last EOS is a
prefix to it, which every target may see. In training that is another sequence; in scoring it must be made one.
(Encoder-decoders are told so by Mesh TensorFlow itself, `Bitransformer.call_simple`.)
"""

import mesh_tensorflow as mtf
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import transformer


def logits(model: transformer.Unitransformer, targets: mtf.Tensor, *, mode: str, variable_dtype) -> mtf.Tensor:
    """Of each position, as if there were no padding.

    Args:
      targets: int32 [batch, length], 0 behind the end of a row; of an `lm` negative ids are only read.

    Returns:
      float32 [batch, length, vocabulary].
    """
    found, _ = model.call_simple(
        inputs=transformer.autoregressive_inputs(targets),
        targets=targets,
        compute_loss=False,
        mode=mode,
        variable_dtype=variable_dtype,
        sequence_id=mtf.to_int32(mtf.not_equal(targets, 0)),
    )
    return mtf.cast(found, tf.float32)


def log_likelihood(
    model: transformer.Unitransformer, features: dict[str, mtf.Tensor], variable_dtype, *, delimited: bool
) -> mtf.Tensor:
    """Of the targets of each row together, float32 [batch], in nats: a `predict_fn` for scoring.

    Args:
      delimited: whether a row is a prefix, EOS, targets and EOS.
    """
    targets = features["targets"]
    found = logits(model, targets, mode="score", variable_dtype=variable_dtype)
    nats = mtf.layers.softmax_cross_entropy_with_logits(found, targets, found.shape.dims[-1])
    scored = mtf.greater(targets, 0)
    if delimited:
        is_prefix = transformer.delimited_lm_inputs_mask(targets)
        scored = mtf.logical_and(scored, mtf.logical_not(is_prefix))
    return -mtf.reduce_sum(nats * mtf.cast(scored, nats.dtype), reduced_dim=targets.shape.dims[-1])
