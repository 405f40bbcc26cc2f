"""Weights in 8 or 4 bits, in the layouts that ONNX Runtime's kernels read.

By columns, for `DynamicQuantizeMatMul`, and by blocks of a column, for `MatMulNBits`:
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from typing import NamedTuple

import numpy as np

# Processors without VNNI add two products of 8 bits in 16 and saturate; with 7 bits of weight they cannot.
COLUMN_LIMIT = 63
# So many weights have one scale, of 32 bits. With 32 of them a step of the decoder would read a fifth more, in 4 bits,
# and reading is what it waits for.
BLOCK = 128
# Of the scale that cuts nothing.
_SHARES = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65)


class Columns(NamedTuple):
    """Attributes:

    values: int8 [inputs, outputs].
    scales: float32 [outputs].
    """

    values: np.ndarray
    scales: np.ndarray

    def restored(self) -> np.ndarray:
        """What they stand for, float32."""
        return self.values.astype(np.float32) * self.scales


def columns(weight: np.ndarray) -> Columns:
    """Each output's weights in 7 bits, symmetric.

    Args:
      weight: float32 [inputs, outputs].

    Example: of [[1.0], [-0.25]] the values are [[63], [-16]] and the scale is 1/63.
    """
    largest = np.abs(weight).max(axis=0)
    scales = (np.where(largest > 0, largest, 1.0) / COLUMN_LIMIT).astype(np.float32)
    return Columns(np.rint(weight / scales).astype(np.int8), scales)


class Blocks(NamedTuple):
    """Attributes:

    values: uint8 [outputs, blocks, block * bits / 8], a block's values in order, of 4 bits the lower half first.
    scales: float32 [outputs, blocks].
    bits: 4 or 8; values are shifted by half of their range.
    """

    values: np.ndarray
    scales: np.ndarray
    bits: int

    def restored(self, inputs: int) -> np.ndarray:
        """What they stand for, float32 [inputs, outputs]."""
        values = self.values
        if self.bits == 4:
            values = np.stack([values & 15, values >> 4], axis=-1).reshape(*values.shape[:2], -1)
        shifted = values.astype(np.float32) - 2 ** (self.bits - 1)
        return (shifted * self.scales[:, :, None]).reshape(len(values), -1)[:, :inputs].T


def blocks(weight: np.ndarray, bits: int) -> Blocks:
    """The weights of each output in blocks of 128, each with a scale.

    The value of largest size would stand at the end of the range that has one more. In 4 bits a smaller scale is often
    better for all others together, though the largest is cut: of some scales the one with the least squared error is
    taken.

    Args:
      weight: float32 [inputs, outputs]; inputs are filled up with zeros to a multiple of 128.
      bits: 4 or 8.
    """
    inputs, outputs = weight.shape
    padded = np.pad(weight.T, [(0, 0), (0, -inputs % BLOCK)]).reshape(outputs, -1, BLOCK)
    half = 2 ** (bits - 1)
    places = np.abs(padded).argmax(axis=2)[:, :, None]
    largest = np.take_along_axis(padded, places, axis=2)
    widest = (np.where(largest == 0, 1.0, largest) / -half).astype(np.float32)
    scales, values = widest, _rounded(padded, widest, half)
    if bits == 4:
        least = _squared_error(padded, scales, values, half)
        for share in _SHARES:
            tried = widest * np.float32(share)
            rounded = _rounded(padded, tried, half)
            error = _squared_error(padded, tried, rounded, half)
            better = error < least
            scales, values = np.where(better, tried, scales), np.where(better, rounded, values)
            least = np.minimum(error, least)
        values = values[:, :, 0::2] | (values[:, :, 1::2] << 4)
    return Blocks(np.ascontiguousarray(values), scales[:, :, 0], bits)


def _rounded(padded: np.ndarray, scales: np.ndarray, half: int) -> np.ndarray:
    return np.clip(np.rint(padded / scales) + half, 0, 2 * half - 1).astype(np.uint8)


def _squared_error(padded: np.ndarray, scales: np.ndarray, values: np.ndarray, half: int) -> np.ndarray:
    """Of each block, [outputs, blocks, 1]."""
    return np.square((values.astype(np.float32) - half) * scales - padded).sum(axis=2, keepdims=True)


def rows(table: np.ndarray) -> Columns:
    """A table whose rows are looked up, each in 8 bits; `scales` are those of the rows."""
    largest = np.abs(table).max(axis=1)
    scales = (np.where(largest > 0, largest, 1.0) / 127).astype(np.float32)
    return Columns(np.rint(table / scales[:, None]).astype(np.int8), scales)
