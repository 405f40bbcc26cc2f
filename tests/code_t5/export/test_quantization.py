import numpy as np
import pytest

from code_t5.export import quantization


@pytest.fixture
def weight() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(70, 9)).astype(np.float32)


def test_columns_are_within_half_a_step(weight):
    found = quantization.columns(weight)
    assert np.abs(found.values).max() == quantization.COLUMN_LIMIT
    assert (np.abs(found.restored() - weight) <= found.scales / 2 + 1e-7).all()
    example = quantization.columns(np.array([[1.0], [-0.25]], np.float32))
    assert example.values.tolist() == [[63], [-16]]


@pytest.mark.parametrize("bits", [4, 8])
def test_blocks_are_within_a_step_and_keep_their_largest_value(weight, bits):
    found = quantization.blocks(weight, bits)
    assert found.values.shape == (9, 3, quantization.BLOCK * bits // 8)
    restored = found.restored(70)
    steps = np.abs(np.repeat(found.scales.T, quantization.BLOCK, axis=0)[:70])
    # The other end of the range has one value less.
    assert (np.abs(restored - weight) <= steps * 1.0001).all()
    assert np.abs(restored - weight).mean() < steps.mean() / 3
    largest = np.abs(weight[:32]).argmax(axis=0)
    np.testing.assert_allclose(restored[largest, range(9)], weight[largest, range(9)], rtol=1e-6)


def test_nothing_is_divided_by_zero():
    nothing = np.zeros((40, 2), np.float32)
    assert not quantization.columns(nothing).restored().any()
    assert not quantization.blocks(nothing, 4).restored(40).any()
    assert not quantization.rows(nothing).values.any()


def test_rows_have_a_scale_each(weight):
    found = quantization.rows(weight)
    assert (np.abs(found.values * found.scales[:, None] - weight) <= found.scales[:, None] / 2 + 1e-7).all()
