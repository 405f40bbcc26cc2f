"""Small models with random weights, see `benchmarks.random_weights`."""

from benchmarks import random_weights
from code_t5.export.checkpoint import Weights

D_MODEL, HEADS, D_KV, D_FF = 32, 2, 16, 64


def weights(*, vocab_size: int, blocks: int = 2, **more) -> Weights:
    """A model of `blocks` layers a stack; further arguments as in `random_weights.weights`."""
    shape = random_weights.Shape(D_MODEL, blocks, D_FF, HEADS, D_KV)
    return random_weights.weights(shape, vocab_size=vocab_size, **more)
