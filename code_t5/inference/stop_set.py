"""Many tokens that end an answer, made one: many pieces begin with a newline, and any of them ends the line.

Mesh TensorFlow stops at one token. Were the others left to themselves, "the line ends" would be split over dozens of
pieces, one for each indentation, and a likelier single token would win over it; a beam search would even keep the
same line several times. So while it decodes, the probability of all of them goes to the first.
"""

from collections.abc import Sequence

import mesh_tensorflow as mtf
import tensorflow.compat.v1 as tf

# Far below any logit, but finite: Mesh TensorFlow multiplies logits by 0 to hide them.
NEVER = -1e9


def fold(logits: mtf.Tensor, vocab_dim: mtf.Dimension, stop_ids: Sequence[int]) -> mtf.Tensor:
    """Gives the first of some tokens the probability of all of them together.

    Args:
      logits: float [..., vocab], not normalised.
      stop_ids: distinct ids in [0, vocab), one or more; one alone changes nothing.

    Returns:
      float32 of the shape of `logits`: the first one's is the log of the sum of the exponentials of theirs, the
      others' are `NEVER`, all else is unchanged. So the softmax of all else is unchanged, too.

    Example: logits of log([1, 2, 3, 4]) with stop_ids [1, 3] become log([1, 6, 3, 0]), up to `NEVER`.
    """
    logits = mtf.to_float(logits)
    if len(stop_ids) == 1:
        return logits
    is_stop = _members(logits.mesh, vocab_dim, stop_ids)
    is_first = _members(logits.mesh, vocab_dim, stop_ids[:1])
    never = mtf.constant(logits.mesh, NEVER, dtype=tf.float32)
    together = mtf.reduce_logsumexp(mtf.where(is_stop, logits, never, output_shape=logits.shape), vocab_dim)
    others = mtf.where(is_stop, never, logits, output_shape=logits.shape)
    return mtf.where(is_first, together, others, output_shape=logits.shape)


def _members(mesh: mtf.Mesh, vocab_dim: mtf.Dimension, ids: Sequence[int]) -> mtf.Tensor:
    """bool [vocab], true for `ids`."""
    chosen = set(ids)
    mask = tf.constant([i in chosen for i in range(vocab_dim.size)])
    return mtf.import_tf_tensor(mesh, mask, mtf.Shape([vocab_dim]))
