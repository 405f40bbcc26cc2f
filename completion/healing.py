r"""Token healing: the last token before the cursor is taken back, and what is written must begin with its text.

A vocabulary whose pieces span several words makes most cursors stand inside what training saw as one piece: after
`def __init__(` a model that has always read `(self):` as one piece has never seen a single `(`, and goes on badly. So
the `(` is taken back, and the first token may be any piece that begins with it: `(`, `(self`, `(self):`. An idea of
Scott Lundberg's, https://github.com/guidance-ai/guidance/blob/main/notebooks/art_of_prompt_design/prompt_boundaries_and_token_healing.ipynb
"""

import bisect

import numpy as np

from preprocessing import prompt

# The range of ranks of a row in which nothing was taken back.
NOT_HEALED = (0, 0)


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
