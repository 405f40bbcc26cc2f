"""Word n-grams of a text as numbers: what near-duplicates and benchmark overlap are found by.

A word is a run of letters, digits, underscores and bytes beyond ASCII; all else only separates words. Everything is
done on whole arrays: strings in Python would be nine tenths of the time of near-duplicate removal.
"""

import functools
import string

import numpy as np

_WORD = np.zeros(256, bool)
_WORD[np.frombuffer((string.ascii_letters + string.digits + "_").encode(), np.uint8)] = True
_WORD[128:] = True

# Odd, so that it has an inverse modulo 2^64; the golden ratio, as in Fibonacci hashing.
_BASE = 0x9E3779B97F4A7C15
# The multiplier of degski's 64-bit mixer, a bijection that makes near numbers far (nullprogram.com, "Prospecting for
# hash functions").
_MIX = np.uint64(0xD6E8FEB86659FD93)
_32 = np.uint64(32)
# One random number a byte value, so that words of neighbouring letters do not get neighbouring hashes.
_BYTE = np.random.Generator(np.random.PCG64(5)).integers(1, 2**63, 256, np.uint64)


def word_spans(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Where the words of a text begin and end, in bytes.

    Example: `b"x += foo_1"` gives `[0, 5], [1, 10]`.
    """
    is_word = np.zeros(len(data) + 2, bool)
    is_word[1:-1] = _WORD[np.frombuffer(data, np.uint8)]
    borders = np.flatnonzero(is_word[1:] != is_word[:-1])
    return borders[0::2], borders[1::2]


def word_hashes(data: bytes) -> np.ndarray:
    """uint64 [words], the same number for the same word wherever it stands.

    A word of bytes b0 b1 ... is the polynomial BYTE[b0] + BYTE[b1] * BASE + ... modulo 2^64, taken as a difference of
    running sums over the whole text, and mixed. (Rabin and Karp's fingerprint; texts made to collide would, files
    written for other reasons do not.)
    """
    start, stop = word_spans(data)
    # Two sizes of table serve all files up to a megabyte.
    powers, inverses = _powers(1 << 16 if len(data) <= 1 << 16 else 1 << max((len(data) - 1).bit_length(), 20))
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(_BYTE[np.frombuffer(data, np.uint8)] * powers[: len(data)], out=sums[1:])
    return mixed((sums[stop] - sums[start]) * inverses[start])


def ngram_hashes(words: np.ndarray, n: int) -> np.ndarray:
    """uint64 [words - n + 1], one for each place where n words stand in a row; empty if there are fewer words.

    Args:
      words: uint64 [words], of `word_hashes`.
      n: words an n-gram, at least 1.
    """
    places = max(len(words) - n + 1, 0)
    hashes = np.zeros(places, np.uint64)
    for i in range(n):
        hashes *= np.uint64(_BASE)
        hashes += words[i : i + places]
    return mixed(hashes)


def shingle_set(words: np.ndarray, n: int) -> np.ndarray:
    """The set of a text's n-grams: uint32 [distinct n-grams], ascending, the upper halves of their hashes.

    Args:
      words: uint64 [words], of `word_hashes`.
      n: words an n-gram, at least 1.

    Two different n-grams of a pair of files with 2,000 each share a number with a chance of 1 in 500: no more than
    0.0003 of Jaccard similarity.
    """
    hashes = np.sort((ngram_hashes(words, n) >> _32).astype(np.uint32))
    is_first = np.ones(len(hashes), bool)
    np.not_equal(hashes[1:], hashes[:-1], out=is_first[1:])
    return hashes[is_first]


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    """The share of the n-grams of both that are in both; 0.0 for two empty sets.

    Args:
      a, b: of `shingle_set`.

    Example: {1, 2, 3} and {2, 3, 4} give 0.5.
    """
    together = np.sort(np.concatenate([a, b]))
    common = int((together[1:] == together[:-1]).sum())
    return common / max(len(together) - common, 1)


def mixed(hashes: np.ndarray) -> np.ndarray:
    """uint64 of any shape, changed in place so that numbers that are near become far; a bijection."""
    for _ in range(2):
        hashes ^= hashes >> _32
        hashes *= _MIX
    hashes ^= hashes >> _32
    return hashes


@functools.cache
def _powers(length: int) -> tuple[np.ndarray, np.ndarray]:
    """BASE^i and BASE^-i modulo 2^64, for i below `length`."""
    found = []
    for base in (_BASE, pow(_BASE, -1, 2**64)):
        powers = np.full(length, base, np.uint64)
        powers[0] = 1
        found.append(np.cumprod(powers, dtype=np.uint64))
    return found[0], found[1]
