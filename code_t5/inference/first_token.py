"""What the first token of an answer is bound to, where a piece was taken back; see `completion.healing`."""

import mesh_tensorflow as mtf
import numpy as np
import tensorflow.compat.v1 as tf

# Beam search gives all beams but the first a score of -1e9 at its first step, and what has not ended that, too. What is
# forbidden must lose against them rather than be as good.
FORBIDDEN = -1e18


def restrict_first(
    logits: mtf.Tensor,
    otherwise: mtf.Tensor,
    *,
    is_first: mtf.Tensor,
    allowed: mtf.Tensor,
    ranks: np.ndarray,
    vocab_dim: mtf.Dimension,
) -> mtf.Tensor:
    """Forbids the first token of healed rows to be anything but a continuation of what was taken back.

    Args:
      logits: float [batch, ..., vocab], of the model, without the folding of stop ids: where a newline is taken back a
        piece that begins with one is no end.
      otherwise: float [batch, ..., vocab], for all other rows and steps.
      is_first: bool [batch, ...], whether the token is the first that is written.
      allowed: int32 [batch, 2], the first rank and the end of those that are allowed; `NOT_HEALED` for all.
      ranks: of `completion.healing.PieceOrder`.
      vocab_dim: may be larger than the vocabulary: no text has the ids past it.

    Returns:
      float32 of the shape of `logits`.

    Example: logits [5, 7, 6, 8] of the first token, ranks [3, 1, 0, 2] and a row of `allowed` [0, 2] give
      [-1e18, 7, 6, -1e18].
    """
    padded = np.pad(ranks, [(0, vocab_dim.size - len(ranks))], constant_values=-1)
    rank = mtf.import_tf_tensor(logits.mesh, tf.constant(padded, tf.int32), mtf.Shape([vocab_dim]))
    batch_dim, pair_dim = allowed.shape.dims
    start, end = (mtf.gather(allowed, mtf.constant(logits.mesh, i, dtype=tf.int32), pair_dim) for i in (0, 1))
    rows = mtf.Shape([batch_dim, vocab_dim])
    inside = mtf.logical_and(
        mtf.greater_equal(rank, start, output_shape=rows), mtf.less(rank, end, output_shape=rows), output_shape=rows
    )
    logits = mtf.to_float(logits)
    forbidden = mtf.constant(logits.mesh, FORBIDDEN, dtype=tf.float32)
    restricted = mtf.where(inside, logits, forbidden, output_shape=logits.shape)
    healed = mtf.logical_and(is_first, mtf.greater(end, 0), output_shape=is_first.shape)
    return mtf.where(healed, restricted, mtf.to_float(otherwise), output_shape=logits.shape)
