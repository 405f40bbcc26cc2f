import math

import pytest

from code_t5.inference import baselines


def test_unigram_over_equal_counts_is_the_documented_example():
    assert baselines.Unigram([[0, 1, 2, 3]], vocab_size=4).bits([3, 3, 0]) == pytest.approx(6.0)


def test_unigram_adds_one_to_every_count():
    model = baselines.Unigram([[0, 0], [0]], vocab_size=2)
    assert model.bits([0, 1]) == pytest.approx(-math.log2(4 / 5) - math.log2(1 / 5))


def test_xz_after_a_prefix_that_holds_the_target_costs_almost_nothing():
    target = bytes(range(256))
    assert baselines.xz_bits_after(target, target) < 0.1 * baselines.xz_bits(target)
    assert baselines.xz_bits(b"") < 100  # no container, no padding
