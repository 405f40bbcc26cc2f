"""What a model must beat to have learnt anything: a unigram model over its tokens, and xz with the same context.

All figures are bits, to be divided by the UTF-8 bytes of the targets.
"""

import lzma
import math
from collections.abc import Iterable, Sequence

import numpy as np

# The strongest setting of xz, without the container's headers and padding, which would count against it.
_XZ_FILTERS = [{"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME}]


def xz_bits(data: bytes) -> int:
    """Size of data compressed by xz's algorithm at its strongest, in bits."""
    return 8 * len(lzma.compress(data, format=lzma.FORMAT_RAW, filters=_XZ_FILTERS))


def xz_bits_after(prefix: bytes, target: bytes) -> int:
    """What xz needs for a target when it has seen the prefix: bits of both together minus bits of the prefix."""
    return xz_bits(prefix + target) - xz_bits(prefix)


class Unigram:
    """Tokens drawn independently, by their share of the train split; one is added to every count (Laplace)."""

    def __init__(self, token_lists: Iterable[Sequence[int]], vocab_size: int):
        counts = np.ones(vocab_size, np.int64)
        for tokens in token_lists:
            counts += np.bincount(tokens, minlength=vocab_size)
        self._bits = -np.log2(counts / counts.sum())

    def bits(self, tokens: Sequence[int]) -> float:
        """Bits of a sequence of tokens.

        Example: over a vocabulary of 4 ids, all seen equally often, three tokens take 6 bits.
        """
        return math.fsum(self._bits[np.asarray(tokens, np.int64)])
