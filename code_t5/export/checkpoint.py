"""A Mesh TensorFlow checkpoint as arrays: what every export is written from.

Variables are called, of the first block of a decoder,

decoder/block_000/layer_000/SelfAttention/q         T5's own names: a number for each layer of a block
decoder/block_000/self_attention/SelfAttention/q    those of a shared encoder and decoder: a name for each

and beside the layer stands `rms_norm/scale` of its input. A shared model has no `encoder/`: what the encoder needs is
the decoder's. (mesh_tensorflow/transformer/transformer.py, `LayerStack` and `make_layer_stack`.)
"""

import dataclasses
import os
import re
from typing import Any

import gin
import numpy as np
import tensorflow.compat.v1 as tf

# `transformer_layers._relative_position_bucket` has no parameter for it.
MAX_DISTANCE = 128
_VARIABLE = re.compile(r"(\w+)/block_(\d+)/(\w+)/(SelfAttention|EncDecAttention|DenseReluDense)/([\w/]+)$")


@dataclasses.dataclass(frozen=True)
class Attention:
    """Attributes:

    norm: float32 [d_model], scale of the norm before it.
    q, k, v: float32 [d_model, heads * d_kv]; o: [heads * d_kv, d_model].
    buckets: float32 [heads, buckets], the bias by relative position; None in all blocks but a stack's first.
    """

    norm: np.ndarray
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    o: np.ndarray
    buckets: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class FeedForward:
    """Attributes:

    norm: float32 [d_model], scale of the norm before it.
    wi: float32 [d_model, d_ff], one, or two where the first one's activation is multiplied with the second (T5.1.1).
    wo: float32 [d_ff, d_model].
    """

    norm: np.ndarray
    wi: tuple[np.ndarray, ...]
    wo: np.ndarray


@dataclasses.dataclass(frozen=True)
class Block:
    """A layer of each kind, in the order in which they are called; decoders of two stacks attend to the encoder."""

    attention: Attention
    cross: Attention | None
    feed_forward: FeedForward


@dataclasses.dataclass(frozen=True)
class Stack:
    """Attributes:

    blocks: from the first to the last.
    norm: float32 [d_model], of the result.
    bidirectional: whether relative positions have a sign (`buckets` are then of both sides).
    """

    blocks: tuple[Block, ...]
    norm: np.ndarray
    bidirectional: bool


@dataclasses.dataclass(frozen=True)
class Weights:
    """A whole model.

    Attributes:
      embedding: float32 [padded vocabulary, d_model].
      logits: float32 [d_model, padded vocabulary]; None where it is the embedding, scaled by d_model ** -0.5.
      encoder: None for a decoder that reads and writes in one row.
      decoder: the stack that writes.
      activation: of the feed-forward layers, "relu" or "gelu" (its tanh approximation).
      epsilon: of the norms.
    """

    embedding: np.ndarray
    logits: np.ndarray | None
    encoder: Stack | None
    decoder: Stack
    activation: str
    epsilon: float

    @property
    def d_model(self) -> int:
        return self.embedding.shape[1]

    @property
    def heads(self) -> int:
        return self.decoder.blocks[0].attention.buckets.shape[0]

    @property
    def d_kv(self) -> int:
        return self.decoder.blocks[0].attention.q.shape[1] // self.heads

    @property
    def d_ff(self) -> int:
        return self.decoder.blocks[0].feed_forward.wo.shape[0]

    def output(self) -> np.ndarray:
        """float32 [d_model, padded vocabulary]: what the normalised result is multiplied with to give logits."""
        return self.embedding.T * self.d_model**-0.5 if self.logits is None else self.logits


def read(model_dir: str, checkpoint: str) -> Weights:
    """Reads the arrays of a checkpoint.

    Args:
      model_dir: with `operative_config.gin`.
      checkpoint: path of one of its checkpoints.

    Raises:
      ValueError: it is not of a T5 model, or of a kind that no export knows; what was found is named.
    """
    reader = tf.train.load_checkpoint(checkpoint)
    shapes = {name: shape for name, shape in reader.get_variable_to_shape_map().items() if "_slot_" not in name}
    arrays = {name: np.asarray(reader.get_tensor(name), np.float32) for name in shapes if name != "global_step"}
    config = _Config(model_dir)
    stacks = {name.split("/")[0] for name in arrays}
    if "transformer" in stacks:
        one_way = config.value("utils.run.model_type") != "delimited_lm"
        decoder = _stack(arrays, ("transformer",), bidirectional=not one_way)
        embedding, logits, encoder = arrays["transformer/embedding"], arrays.get("transformer/logits/kernel"), None
    elif "decoder" in stacks:
        decoder = _stack(arrays, ("decoder",), bidirectional=False)
        encoder = _stack(arrays, ("encoder", "decoder"), bidirectional=True, with_cross=False)
        embedding, logits = arrays.get("shared/embedding"), arrays.get("decoder/logits/kernel")
    else:
        raise ValueError(
            f"{checkpoint} is no T5 of Mesh TensorFlow: its variables begin with {', '.join(sorted(stacks))}"
        )
    if embedding is None:
        raise ValueError(f"{checkpoint} has embeddings of their own for encoder and decoder, which cannot be exported")
    return Weights(embedding, logits, encoder, decoder, config.activation(), config.epsilon())


def _stack(
    arrays: dict[str, np.ndarray], scopes: tuple[str, ...], *, bidirectional: bool, with_cross: bool = True
) -> Stack:
    """The stack of the first scope; what it does not have is that of the second."""
    layers: dict[int, dict[str, dict[str, np.ndarray]]] = {}
    for scope in reversed(scopes):
        for name, array in arrays.items():
            match = _VARIABLE.match(name)
            if match and match[1] == scope:
                number, layer, kind, variable = int(match[2]), match[3], match[4], match[5]
                found = layers.setdefault(number, {}).setdefault(kind, {})
                found[variable] = array
                found["norm"] = arrays[f"{scope}/block_{number:03d}/{layer}/rms_norm/scale"]
    if not layers:
        raise ValueError(f"the checkpoint has no blocks of layers in {scopes[0]}/: is it a T5 model?")
    blocks = []
    for number in sorted(layers):
        kinds = layers[number]
        cross = _attention(kinds["EncDecAttention"]) if with_cross and "EncDecAttention" in kinds else None
        blocks.append(Block(_attention(kinds["SelfAttention"]), cross, _feed_forward(kinds["DenseReluDense"])))
    norm = next(arrays[name] for scope in scopes if (name := f"{scope}/rms_norm/scale") in arrays)
    return Stack(tuple(blocks), norm, bidirectional)


def _attention(found: dict[str, np.ndarray]) -> Attention:
    names = {name: found[name] for name in ("norm", "q", "k", "v", "o")}
    return Attention(**names, buckets=found.get("relative_attention_bias"))


def _feed_forward(found: dict[str, np.ndarray]) -> FeedForward:
    names = ("wi/kernel",) if "wi/kernel" in found else ("wi_0/kernel", "wi_1/kernel")
    return FeedForward(found["norm"], tuple(found[name] for name in names), found["wo/kernel"])


class _Config:
    """What of `operative_config.gin` the arrays do not say."""

    def __init__(self, model_dir: str):
        gin.clear_config()
        with gin.unlock_config():
            gin.parse_config_file(os.path.join(model_dir, "operative_config.gin"), skip_unknown=True)

    def value(self, name: str) -> Any:
        """The value of a parameter; that of the decoder where it is bound for each stack; None where for neither."""
        for scope in ("", "decoder/"):
            try:
                return gin.query_parameter(scope + name)
            except ValueError:
                continue
        return None

    def activation(self) -> str:
        """Raises ValueError for one that exports do not know."""
        found = self.value("mesh_tensorflow.transformer.transformer_layers.DenseReluDense.activation") or "relu"
        names = {"relu": "relu", ("gelu", "linear"): "gelu"}
        known = names.get(found if isinstance(found, str) else tuple(found))
        if known is None:
            raise ValueError(
                f"DenseReluDense.activation = {found!r} cannot be exported; 'relu' (T5 1.0) and "
                "['gelu', 'linear'] (T5.1.1) can"
            )
        return known

    def epsilon(self) -> float:
        return self.value("mesh_tensorflow.transformer.transformer.sublayer_rms_norm.epsilon") or 1e-6


def relative_buckets(
    offsets: np.ndarray, *, bidirectional: bool, num_buckets: int, max_distance: int = MAX_DISTANCE
) -> np.ndarray:
    """The bucket of each relative position.

    `mesh_tensorflow.transformer.transformer_layers._relative_position_bucket`, in numpy.

    Args:
      offsets: int, position of what is attended to minus position of what attends.

    Example: of offsets [-200, -9, -1, 0, 1, 9] with 32 buckets it is [15, 8, 1, 0, 17, 24] in both directions, and
      [31, 9, 1, 0, 0, 0] in one.
    """
    distance = -np.asarray(offsets)
    found = np.zeros_like(distance)
    if bidirectional:
        num_buckets //= 2
        found = (distance < 0) * num_buckets
        distance = np.abs(distance)
    else:
        distance = np.maximum(distance, 0)
    exact = num_buckets // 2
    far = np.log(np.maximum(distance, 1).astype(np.float32) / exact) / np.log(max_distance / exact)
    large = np.minimum(exact + (far * (num_buckets - exact)).astype(np.int64), num_buckets - 1)
    return found + np.where(distance < exact, distance, large)
