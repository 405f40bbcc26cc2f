import numpy as np
import pytest

from code_t5.export import quantization

# Of three blocks, the last one not full.
LENGTH = 2 * quantization.BLOCK + 6


@pytest.fixture
def weight() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(LENGTH, 9)).astype(np.float32)


def test_columns_are_within_half_a_step(weight):
    found = quantization.columns(weight)
    assert np.abs(found.values).max() == quantization.COLUMN_LIMIT
    assert (np.abs(found.restored() - weight) <= found.scales / 2 + 1e-7).all()
    example = quantization.columns(np.array([[1.0], [-0.25]], np.float32))
    assert example.values.tolist() == [[63], [-16]]


def test_blocks_in_8_bits_are_within_a_step_and_keep_their_largest_value(weight):
    found = quantization.blocks(weight, 8)
    assert found.values.shape == (9, 3, quantization.BLOCK)
    restored = found.restored(LENGTH)
    steps = np.abs(np.repeat(found.scales.T, quantization.BLOCK, axis=0)[:LENGTH])
    # The other end of the range has one value less.
    assert (np.abs(restored - weight) <= steps * 1.0001).all()
    assert np.abs(restored - weight).mean() < steps.mean() / 3
    first = weight[: quantization.BLOCK]
    largest = np.abs(first).argmax(axis=0)
    np.testing.assert_allclose(restored[largest, range(9)], first[largest, range(9)], rtol=1e-6)


def test_blocks_in_4_bits_have_the_scale_with_the_least_error(weight):
    def error(scale: float, block: np.ndarray) -> float:
        return np.square(np.clip(np.rint(block / scale), -8, 7) * scale - block).sum()

    found = quantization.blocks(weight, 4)
    assert found.values.shape == (9, 3, quantization.BLOCK // 2)
    restored = found.restored(LENGTH)
    cut = 0
    for column in range(9):
        for number, scale in enumerate(found.scales[column]):
            place = slice(number * quantization.BLOCK, (number + 1) * quantization.BLOCK)
            block = weight[place, column]
            widest = block[np.abs(block).argmax()] / -8
            errors = {share: error(widest * share, block) for share in (1, *quantization._SHARES)}
            best = min(errors, key=errors.get)
            assert scale == pytest.approx(widest * best, rel=1e-5)
            assert np.square(restored[place, column] - block).sum() == pytest.approx(errors[best], rel=1e-4)
            cut += best < 1
    assert cut > 9  # of 27


def test_nothing_is_divided_by_zero():
    nothing = np.zeros((40, 2), np.float32)
    assert not quantization.columns(nothing).restored().any()
    assert not quantization.blocks(nothing, 4).restored(40).any()
    assert not quantization.rows(nothing).values.any()


def test_rows_have_a_scale_each(weight):
    found = quantization.rows(weight)
    assert (np.abs(found.values * found.scales[:, None] - weight) <= found.scales[:, None] / 2 + 1e-7).all()
