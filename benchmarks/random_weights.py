"""Models with random weights, of each shape that training makes: what exports look at does not depend on training."""

import dataclasses

import numpy as np

from code_t5.export.checkpoint import Attention, Block, FeedForward, Stack, Weights

BUCKETS = 32
EPSILON = 1e-6


@dataclasses.dataclass(frozen=True)
class Shape:
    """The numbers of a size, as in gin_configs/sizes.

    Attributes:
      decoder_layers: None for as many as the encoder has.
    """

    d_model: int
    num_layers: int
    d_ff: int
    num_heads: int
    d_kv: int
    decoder_layers: int | None = None


def weights(
    shape: Shape,
    *,
    vocab_size: int,
    gated: bool = False,
    tied: bool = True,
    shared: bool = False,
    alone: str = "",
    seed: int = 0,
) -> Weights:
    """A model of two stacks, or of a decoder alone.

    Args:
      vocab_size: of the vocabulary; the tables are padded to a multiple of 128.
      gated: T5.1.1's feed-forward layers; else T5's.
      tied: whether the output layer is the embedding.
      shared: whether the encoder's weights are the decoder's.
      alone: "lm" or "delimited_lm", Mesh TensorFlow's two kinds of a decoder alone; "" for two stacks.
    """
    chance = np.random.default_rng(seed)

    def array(*sizes: int) -> np.ndarray:
        return chance.standard_normal(sizes, np.float32) * np.float32(sizes[0] ** -0.5)

    def scale() -> np.ndarray:
        return chance.uniform(0.5, 1.5, shape.d_model).astype(np.float32)

    def attention(*, first: bool) -> Attention:
        inner = shape.num_heads * shape.d_kv
        q, k, v = (array(shape.d_model, inner) for _ in range(3))
        buckets = array(shape.num_heads, BUCKETS) if first else None
        return Attention(scale(), q, k, v, array(inner, shape.d_model), buckets)

    def block(number: int, *, cross: bool) -> Block:
        wi = tuple(array(shape.d_model, shape.d_ff) for _ in range(1 + gated))
        return Block(
            attention(first=number == 0),
            attention(first=False) if cross else None,
            FeedForward(scale(), wi, array(shape.d_ff, shape.d_model)),
        )

    padded = -(-vocab_size // 128) * 128
    blocks = tuple(block(i, cross=not alone) for i in range(shape.decoder_layers or shape.num_layers))
    decoder = Stack(blocks, scale(), bidirectional=alone == "delimited_lm")
    if alone:
        encoder = None
    elif shared:
        reading = tuple(Block(one.attention, None, one.feed_forward) for one in decoder.blocks)
        encoder = Stack(reading, decoder.norm, bidirectional=True)
    else:
        encoder = Stack(tuple(block(i, cross=False) for i in range(shape.num_layers)), scale(), bidirectional=True)
    embedding = chance.standard_normal((padded, shape.d_model), np.float32)
    logits = None if tied else array(shape.d_model, padded)
    return Weights(embedding, logits, encoder, decoder, "gelu" if gated else "relu", EPSILON)
