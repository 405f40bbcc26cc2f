"""Changing the logits of each step that a Mesh TensorFlow decoder writes, whichever search builds the steps."""

import contextlib
from collections.abc import Callable, Iterator

import mesh_tensorflow as mtf


@contextlib.contextmanager
def changed(decoder, change: Callable[[mtf.Tensor, mtf.Tensor], mtf.Tensor]) -> Iterator[None]:
    """Within the block, the steps that a decoder is built to write are built with changed logits.

    Args:
      decoder: a `Unitransformer`. Its methods for greedy search, sampling and ours for beam search all take the
        logits of a step from `_call_internal`; this one is replaced while they build the graph.
      change: from the logits, float [batch, ..., vocab], and the positions of the tokens that they are for, int32
        [batch, ...], to other logits of the same shape.
    """
    unchanged = decoder._call_internal

    def call(context, inputs, targets=None):
        logits = unchanged(context, inputs, targets)
        if context.mode != "incremental":
            return logits  # of the prompt: nobody reads them
        return change(logits, context.position)

    decoder._call_internal = call
    try:
        yield
    finally:
        del decoder._call_internal  # the class's own is found again
