"""A TensorFlow SavedModel: `tf.saved_model.load` reads it, without this package, t5 or Mesh TensorFlow.

Its signatures; N is the number of a block of the decoder, and all that is not said to be an int is float32:

encode           input_ids, input_mask int32 [texts, read] (1 for a token)
                 -> cross_key_N, cross_value_N [texts, heads, read, d_kv]
step             target_ids int32 [rows, new], input_mask, cross_key_N, cross_value_N,
                 past_key_N, past_value_N [rows, heads, past, d_kv], of the tokens before, none at first
                 -> logits [rows, new, vocabulary], key_N, value_N [rows, heads, past + new, d_kv]
serving_default  input_ids int32 [texts, read] (0 behind the end of a text), max_new_tokens int32 []
                 -> output_ids int32 [texts, written], the likeliest token at each place, 0 behind EOS

`encode` and `step` are the graphs of `onnx.py`, so a program can search as `completion.search` does. A row that is
written begins with 0, padding; the rows of a text follow each other.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from code_t5.export import checkpoint
from preprocessing import contract

# What is added to the logits of positions that are not to be seen.
_UNSEEN = -1e9
_ACTIVATIONS = {"relu": tf.nn.relu, "gelu": lambda inner: tf.nn.gelu(inner, approximate=True)}


def write(weights: checkpoint.Weights, folder: str) -> None:
    """Writes `saved_model.pb` and `variables/`.

    Raises:
      ValueError: the model is a decoder alone.
    """
    if weights.encoder is None:
        raise ValueError(
            "a decoder alone is not written as a SavedModel; --format onnx can export it. Encoder-decoders "
            "(models/shared-prefix_lm.gin, models/prefix_lm.gin) are exported in all formats"
        )
    # Programs of Mesh TensorFlow may have left the eager mode that saving needs.
    with tf.init_scope():
        model, saved = _Model(weights), tf.Module()
        saved.weights = model.variables
        tf.saved_model.save(saved, folder, signatures=model.signatures())


class _Model:
    """The arrays as variables, and what is computed with them."""

    def __init__(self, weights: checkpoint.Weights):
        self._weights = weights
        # Of an array that encoder and decoder share there is one.
        self._by_array: dict[int, tf.Variable] = {}
        for array in _arrays(weights):
            if id(array) not in self._by_array:
                self._by_array[id(array)] = tf.Variable(array, trainable=False)
        self.variables = list(self._by_array.values())
        blocks = range(len(weights.decoder.blocks))
        self._names = [f"{kind}_{number}" for number in blocks for kind in ("key", "value")]

    def signatures(self) -> dict:
        """The functions that are saved, by their names."""
        rows, size = [None, None], [None, self._weights.heads, None, self._weights.d_kv]
        ids = {name: tf.TensorSpec(rows, tf.int32, name) for name in ("input_ids", "input_mask", "target_ids")}
        names = [f"{kind}_{name}" for kind in ("cross", "past") for name in self._names]
        cached = {name: tf.TensorSpec(size, tf.float32, name) for name in names}
        limit = tf.TensorSpec([], tf.int32, "max_new_tokens")
        return {
            "encode": tf.function(self.encode).get_concrete_function(ids["input_ids"], ids["input_mask"]),
            "step": tf.function(self.step).get_concrete_function(ids["target_ids"], ids["input_mask"], cached),
            "serving_default": tf.function(self.serve).get_concrete_function(ids["input_ids"], limit),
        }

    def encode(self, input_ids: tf.Tensor, input_mask: tf.Tensor) -> dict[str, tf.Tensor]:
        stack, found = self._weights.encoder, {}
        bias = self._bias(stack, tf.shape(input_ids)[1], 0, causal=False) + _unseen(input_mask)[:, None, None]
        state = tf.gather(self._variable(self._weights.embedding), input_ids)
        for block in stack.blocks:
            normed, layer = self._norm(state, block.attention.norm), block.attention
            q, k, v = (self._by_head(normed, part) for part in (layer.q, layer.k, layer.v))
            state += self._linear(self._seen(q, k, v, bias), layer.o)
            state += self._feed_forward(state, block.feed_forward)
        read = self._norm(state, stack.norm)
        for number, block in enumerate(self._weights.decoder.blocks):
            found[f"cross_key_{number}"] = self._by_head(read, block.cross.k)
            found[f"cross_value_{number}"] = self._by_head(read, block.cross.v)
        return found

    def step(self, target_ids: tf.Tensor, input_mask: tf.Tensor, cached: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        stack, found = self._weights.decoder, {}
        bias = self._bias(stack, tf.shape(target_ids)[1], tf.shape(cached["past_key_0"])[2], causal=True)
        state = tf.gather(self._variable(self._weights.embedding), target_ids)
        for number, block in enumerate(stack.blocks):
            normed, layer = self._norm(state, block.attention.norm), block.attention
            q, k, v = (self._by_head(normed, part) for part in (layer.q, layer.k, layer.v))
            k, v = tf.concat([cached[f"past_key_{number}"], k], 2), tf.concat([cached[f"past_value_{number}"], v], 2)
            found[f"key_{number}"], found[f"value_{number}"] = k, v
            state += self._linear(self._seen(q, k, v, bias), layer.o)
            q = self._by_head(self._norm(state, block.cross.norm), block.cross.q)
            # [texts, rows of each, heads, new, d_kv]
            q = tf.reshape(q, tf.concat([tf.shape(input_mask)[:1], [-1], tf.shape(q)[1:]], 0))
            k, v = cached[f"cross_key_{number}"][:, None], cached[f"cross_value_{number}"][:, None]
            seen = self._seen(q, k, v, _unseen(input_mask)[:, None, None, None])
            state += self._linear(seen, block.cross.o)
            state += self._feed_forward(state, block.feed_forward)
        return {"logits": self._logits(self._norm(state, stack.norm)), **found}

    def serve(self, input_ids: tf.Tensor, max_new_tokens: tf.Tensor) -> dict[str, tf.Tensor]:
        texts = tf.shape(input_ids)[0]
        # Of a text without a token the padding is read.
        first = tf.one_hot(0, tf.shape(input_ids)[1], dtype=tf.int32)
        mask = tf.maximum(tf.cast(input_ids != contract.PAD_ID, tf.int32), first)
        memory = self.encode(input_ids, mask)
        nothing = tf.zeros([texts, self._weights.heads, 0, self._weights.d_kv])

        def goes_on(written, ended, past):
            return (tf.shape(written)[1] <= max_new_tokens) & ~tf.reduce_all(ended)

        def longer(written, ended, past):
            found = self.step(written[:, -1:], mask, memory | {f"past_{name}": past[name] for name in past})
            likeliest = tf.argmax(found.pop("logits")[:, -1], -1, tf.int32)
            token = tf.where(ended, contract.PAD_ID, likeliest)
            return tf.concat([written, token[:, None]], 1), ended | (token == contract.EOS_ID), found

        size = tf.TensorShape([None, self._weights.heads, None, self._weights.d_kv])
        written, _, _ = tf.while_loop(
            goes_on,
            longer,
            (tf.zeros([texts, 1], tf.int32), tf.zeros([texts], tf.bool), dict.fromkeys(self._names, nothing)),
            (tf.TensorShape([None, None]), tf.TensorShape([None]), dict.fromkeys(self._names, size)),
        )
        return {"output_ids": written[:, 1:]}

    def _variable(self, array: np.ndarray) -> tf.Variable:
        return self._by_array[id(array)]

    def _linear(self, value: tf.Tensor, weight: np.ndarray) -> tf.Tensor:
        return tf.matmul(value, self._variable(weight))

    def _logits(self, value: tf.Tensor) -> tf.Tensor:
        if self._weights.logits is not None:
            return self._linear(value, self._weights.logits)
        embedding = self._variable(self._weights.embedding)
        return tf.matmul(value * self._weights.d_model**-0.5, embedding, transpose_b=True)

    def _norm(self, state: tf.Tensor, scale: np.ndarray) -> tf.Tensor:
        mean = tf.reduce_mean(tf.square(state), -1, keepdims=True)
        return state * tf.math.rsqrt(mean + self._weights.epsilon) * self._variable(scale)

    def _by_head(self, value: tf.Tensor, weight: np.ndarray) -> tf.Tensor:
        """A product [batch, length, heads * d_kv] as [batch, heads, length, d_kv]."""
        made = self._linear(value, weight)
        shape = tf.concat([tf.shape(made)[:2], [self._weights.heads, self._weights.d_kv]], 0)
        return tf.transpose(tf.reshape(made, shape), [0, 2, 1, 3])

    def _seen(self, q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """Attention of all heads, [rows, new, heads * d_kv]; T5 does not scale the products."""
        found = tf.matmul(tf.nn.softmax(tf.matmul(q, k, transpose_b=True) + bias), v)
        heads, d_kv, new = self._weights.heads, self._weights.d_kv, tf.shape(q)[-2]
        by_row = tf.transpose(tf.reshape(found, [-1, heads, new, d_kv]), [0, 2, 1, 3])
        return tf.reshape(by_row, [-1, new, heads * d_kv])

    def _bias(self, stack: checkpoint.Stack, new: tf.Tensor, before: tf.Tensor | int, *, causal: bool) -> tf.Tensor:
        """Of relative positions, float32 [heads, new, before + new]."""
        table, most = stack.blocks[0].attention.buckets, checkpoint.MAX_DISTANCE
        buckets = checkpoint.relative_buckets(
            np.arange(-most, most + 1), bidirectional=stack.bidirectional, num_buckets=table.shape[1]
        )
        offsets = tf.range(before + new)[None] - tf.range(before, before + new)[:, None]
        # All that is further away has the bucket of what is farthest.
        found = tf.gather(tf.constant(table[:, buckets]), tf.clip_by_value(offsets, -most, most) + most, axis=1)
        return tf.where(offsets > 0, _UNSEEN, found) if causal else found

    def _feed_forward(self, state: tf.Tensor, layer: checkpoint.FeedForward) -> tf.Tensor:
        normed = self._norm(state, layer.norm)
        inner = _ACTIVATIONS[self._weights.activation](self._linear(normed, layer.wi[0]))
        if len(layer.wi) == 2:
            inner *= self._linear(normed, layer.wi[1])
        return self._linear(inner, layer.wo)


def _unseen(mask: tf.Tensor) -> tf.Tensor:
    return (1.0 - tf.cast(mask, tf.float32)) * _UNSEEN


def _arrays(weights: checkpoint.Weights) -> Iterator[np.ndarray]:
    """All that is computed with, but for the biases of relative positions."""
    yield from (array for array in (weights.embedding, weights.logits) if array is not None)
    for stack in (weights.encoder, weights.decoder):
        yield stack.norm
        for block in stack.blocks:
            for layer in filter(None, (block.attention, block.cross)):
                yield from (layer.norm, layer.q, layer.k, layer.v, layer.o)
            yield from (block.feed_forward.norm, *block.feed_forward.wi, block.feed_forward.wo)
