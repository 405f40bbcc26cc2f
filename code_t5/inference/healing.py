r"""Token healing: the last token before the cursor is taken back, and what is written must begin with its text.

A vocabulary whose pieces span several words makes most cursors stand inside what training saw as one piece: after
`def __init__(` a model that has always read `(self):` as one piece has never seen a single `(`, and goes on badly. So
the `(` is taken back, and the first token may be any piece that begins with it: `(`, `(self`, `(self):`. An idea of
Scott Lundberg's, https://github.com/guidance-ai/guidance/blob/main/notebooks/art_of_prompt_design/prompt_boundaries_and_token_healing.ipynb
"""

import bisect

import mesh_tensorflow as mtf
import numpy as np
import tensorflow.compat.v1 as tf

from preprocessing import prompt

# The range of ranks of a row in which nothing was taken back.
NOT_HEALED = (0, 0)
# Beam search gives all beams but the first a score of -1e9 at its first step, and what has not ended that, too. What is
# forbidden must lose against them rather than be as good.
FORBIDDEN = -1e18


class PieceOrder:
    """The text pieces of a vocabulary in the order of their bytes: those that begin alike are neighbours.

    So what may be written first is a range of ranks, two numbers a row in place of a mask over the vocabulary.

    Attributes:
      ranks: int32 [vocab_size], the place of each id among the text pieces; -1 for control pieces and single bytes,
        which are parts of characters, or a way to write a character that the codec would not choose.

    Example: of the pieces "a", "(self", "(", "(self):" the ranks are [3, 1, 0, 2], and `continuing` the id of "("
      gives (0, 3).
    """

    def __init__(self, codec: prompt.Codec):
        self._pieces = codec.piece_bytes()
        text = [i for i, piece in enumerate(self._pieces) if piece and not codec.processor.is_byte(i)]
        self._ids = sorted(text, key=self._pieces.__getitem__)
        self._sorted = [self._pieces[i] for i in self._ids]
        self.ranks = np.full(codec.vocab_size, -1, np.int32)
        self.ranks[self._ids] = np.arange(len(self._ids))

    def heals(self, token: int) -> bool:
        """Whether a token can be taken back: control pieces and parts of characters cannot."""
        return self.ranks[token] >= 0

    def continuing(self, token: int) -> tuple[int, int]:
        """The first rank and the end of the ranks of all pieces whose text begins with that of a text piece.

        Raises:
          ValueError: the token is not a text piece.
        """
        if not self.heals(token):
            raise ValueError(f"id {token} cannot be taken back: it is not a text piece; ask `heals` before")
        piece = self._pieces[token]
        start = bisect.bisect_left(self._sorted, piece)
        # No UTF-8 has the byte 0xff: this sorts behind all that begins with the piece.
        return start, bisect.bisect_left(self._sorted, piece + b"\xff")

    def ids(self, ranks: tuple[int, int]) -> list[int]:
        """The ids in a range of ranks."""
        return self._ids[slice(*ranks)]


def answer(codec: prompt.Codec, written: list[int], *, taken_back: int | None) -> str:
    r"""The text of what was written, without that of the token that was taken back.

    The characters are cut off before the escape of `▁` is undone: a piece may end between its two characters.

    Args:
      written: ids, the first of which begins with the text of `taken_back`.
      taken_back: a text piece; None for nothing.

    Raises:
      ValueError: what was written does not begin with what was taken back.

    Example: of "(self):" and a piece " pass" with "(" taken back it is "self): pass".
    """
    text = codec.processor.decode([int(i) for i in written if i < codec.vocab_size])
    typed = "" if taken_back is None else codec.processor.decode([taken_back])
    if not text.startswith(typed):
        raise ValueError(f"the answer {text!r} does not begin with {typed!r}, which was taken back from its prompt")
    return prompt.unescape(text.removeprefix(typed))


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
      ranks: of `PieceOrder`.
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
