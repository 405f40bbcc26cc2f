"""Word n-grams as numbers, against the same thing done slowly with strings."""

import re

import numpy as np
import pytest

from preprocessing import shingles

TEXT = "def f(x_1):\n    return x_1 + größe  # größe, naïve\nx_1 = f(x_1)\nprint(x_1 + größe)\n".encode()


def shingle_set(data: bytes, n: int) -> np.ndarray:
    return shingles.shingle_set(shingles.word_hashes(data), n)


def slow_words(data: bytes) -> list[bytes]:
    return re.findall(rb"[A-Za-z0-9_\x80-\xff]+", data)


def slow_ngrams(data: bytes, n: int) -> list[tuple[bytes, ...]]:
    words = slow_words(data)
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def same_partition(items: list, hashes: np.ndarray) -> bool:
    """Whether equal items have equal hashes, and different ones different hashes."""
    return len(items) == len(hashes) and len(set(zip(items, hashes.tolist(), strict=True))) == len(set(items)) == len(
        set(hashes)
    )


def test_words_are_those_of_a_regular_expression():
    start, stop = shingles.word_spans(TEXT)
    assert [TEXT[a:b] for a, b in zip(start, stop, strict=True)] == slow_words(TEXT)


@pytest.mark.parametrize("data", [b"", b" \n", b"x", b"a" * 40, TEXT, TEXT * 50])
def test_word_hashes_tell_words_apart_wherever_they_stand(data):
    assert same_partition(slow_words(data), shingles.word_hashes(data))


@pytest.mark.parametrize("n", [1, 2, 5, 100])
def test_ngram_hashes_tell_ngrams_apart(n):
    assert same_partition(slow_ngrams(TEXT, n), shingles.ngram_hashes(shingles.word_hashes(TEXT), n))


def test_order_of_words_matters():
    assert shingle_set(b"a b c d e", 5) != shingle_set(b"b a c d e", 5)


def test_the_set_is_sorted_and_distinct():
    found = shingle_set(TEXT * 3, 5)
    assert found.dtype == np.uint32
    assert (found[1:] > found[:-1]).all()
    assert len(found) == len(set(slow_ngrams(TEXT * 3, 5)))


def test_a_text_longer_than_the_table_of_powers():
    words = " ".join(f"w{i % 5000}" for i in range(200_000)).encode()
    assert len(words) > 1 << 20
    assert len(set(shingles.word_hashes(words))) == 5000
    assert (shingles.word_hashes(words)[:5000] == shingles.word_hashes(words)[5000:10_000]).all()


def test_jaccard_is_that_of_the_sets():
    a, b = b"the quick brown fox jumps over the lazy dog again", b"the quick brown fox jumps over the lazy cat again"
    slow_a, slow_b = set(slow_ngrams(a, 2)), set(slow_ngrams(b, 2))
    expected = len(slow_a & slow_b) / len(slow_a | slow_b)
    assert shingles.jaccard(shingle_set(a, 2), shingle_set(b, 2)) == expected == 7 / 11


def test_jaccard_of_empty_sets_is_zero():
    nothing = shingle_set(b"", 5)
    assert shingles.jaccard(nothing, nothing) == 0.0


def test_hashes_are_the_same_in_every_process():
    """They stand in no file that outlives a run, but two machines of a Beam run compare them."""
    assert shingle_set(b"a b c d e f", 5).tolist() == [316650480, 1082973299]
