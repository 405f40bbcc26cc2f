"""A T5 as two ONNX graphs: the encoder, run once for a prompt, and a step of the decoder, run for each token.

encoder.onnx  input_ids int64 [texts, read], input_mask int32 [texts, read] (1 for a token)
              -> cross_key_N, cross_value_N float32 [texts, heads, read, d_kv], what block N of the decoder attends to
decoder.onnx  target_ids int64 [rows, new], input_mask, cross_key_N, cross_value_N,
              past_key_N, past_value_N float32 [rows, heads, past, d_kv], of the tokens before, none at first
              -> logits float32 [rows, new, vocabulary], key_N, value_N [rows, heads, past + new, d_kv]

So several tokens can be given to the decoder at once, as when an answer is made to begin with some, and the encoder's
result can be kept while a line is typed on. A text may have many rows, which follow each other: the beams of a search
attend to one result of the encoder, as if they were many positions of one row.

A decoder alone is one graph: `decoder.onnx` has neither mask nor cross keys and values, and its rows begin with the
text. It has an input more, and two where texts are seen by all of their own tokens (Mesh TensorFlow's `delimited_lm`):

              wanted int64 [1], of how many of the last tokens logits are given: of a text they are not asked for
              visible int64 [], how many tokens at the beginning of each row see each other. They are given at once
"""

import numpy as np
import onnx
from onnx import TensorProto

from code_t5.export import checkpoint
from code_t5.export.onnx_graph import MICROSOFT, GraphBuilder

ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
# What is added to the logits of positions that are not to be seen.
_UNSEEN = np.float32(-1e9)
INT, LONG, FLOAT = TensorProto.INT32, TensorProto.INT64, TensorProto.FLOAT


def graphs(weights: checkpoint.Weights, precision: str) -> dict[str, onnx.ModelProto]:
    """The graphs of a model by their files' names; a decoder alone has one."""
    found = {DECODER: decoder(weights, precision)}
    return found if weights.encoder is None else {ENCODER: encoder(weights, precision), **found}


def encoder(weights: checkpoint.Weights, precision: str) -> onnx.ModelProto:
    """The encoder, and what the decoder's blocks make of its result once and for all."""
    # Many rows at a time: what is quickest for one is not for these.
    kind = "float32" if precision == "float32" else "dynamic"
    graph = GraphBuilder("encoder")
    ids = graph.input("input_ids", LONG, ["texts", "read"])
    mask = graph.input("input_mask", INT, ["texts", "read"])
    model = _Stack(graph, weights, weights.encoder)
    length = graph.op("Gather", graph.op("Shape", ids), graph.constant(1, np.int64))
    bias = model.bias(length, graph.constant(0, np.int64), causal=False)
    state, normed = None, None
    embedded = graph.rows_of(weights.embedding, ids, precision)
    for number, block in enumerate(weights.encoder.blocks):
        state, normed = model.add(state if number else embedded, normed, block.attention.norm)
        q, k, v = model.projections(normed, block.attention, kind)
        seen = model.attend(q, k, v, mask=mask, bias=bias)
        state, normed = model.add(state, graph.linear(seen, block.attention.o, kind), block.feed_forward.norm)
        normed = model.feed_forward(normed, block.feed_forward, kind)
    _, read = model.add(state, normed, weights.encoder.norm)
    for number, block in enumerate(weights.decoder.blocks):
        both = np.concatenate([block.cross.k, block.cross.v], axis=1)
        parts = graph.op("Split", graph.linear(read, both, kind), outputs=2, axis=-1)
        for name, part in zip(("key", "value"), parts, strict=True):
            graph.output(model.by_head(part), f"cross_{name}_{number}", FLOAT, model.cache("texts", "read"))
    return graph.model()


def decoder(weights: checkpoint.Weights, precision: str) -> onnx.ModelProto:
    """One step of the decoder."""
    graph = GraphBuilder("decoder")
    model = _Stack(graph, weights, weights.decoder)
    ids = graph.input("target_ids", LONG, ["rows", "new"])
    blocks = weights.decoder.blocks
    names = [f"{kind}_{number}" for number in range(len(blocks)) for kind in ("key", "value")]
    memory = _Memory(graph, model, names, precision) if weights.encoder is not None else None
    visible = graph.input("visible", LONG, []) if weights.decoder.bidirectional else ""
    past = {name: graph.input(f"past_{name}", FLOAT, model.cache("rows", "past")) for name in names}
    new = graph.op("Gather", graph.op("Shape", ids), graph.constant(1, np.int64))
    before = graph.op("Gather", graph.op("Shape", past["key_0"]), graph.constant(2, np.int64))
    bias = model.bias(new, before, causal=True, visible=visible)
    state, normed = None, None
    embedded = graph.rows_of(weights.embedding, ids, precision)
    for number, block in enumerate(blocks):
        state, normed = model.add(state if number else embedded, normed, block.attention.norm)
        q, k, v = model.projections(normed, block.attention, precision)
        seen, *present = model.attend(
            q, k, v, bias=bias, past=(past[f"key_{number}"], past[f"value_{number}"])
        )  # fmt: skip
        for kind, value in zip(("key", "value"), present, strict=True):
            graph.output(value, f"{kind}_{number}", FLOAT, model.cache("rows", "past_and_new"))
        change = graph.linear(seen, block.attention.o, precision)
        if memory is not None:
            state, normed = model.add(state, change, block.cross.norm)
            change = memory.seen(normed, block.cross, number)
        state, normed = model.add(state, change, block.feed_forward.norm)
        normed = model.feed_forward(normed, block.feed_forward, precision)
    _, written = model.add(state, normed, weights.decoder.norm)
    if memory is None:
        wanted = graph.op("Neg", graph.input("wanted", LONG, [1]))
        end, axis = graph.constant([np.iinfo(np.int64).max], np.int64), graph.constant([1], np.int64)
        written = graph.op("Slice", written, wanted, end, axis)
    logits = graph.linear(written, weights.output(), precision)
    given = "new" if memory is not None else "wanted"
    graph.output(logits, "logits", FLOAT, ["rows", given, weights.embedding.shape[0]])
    return graph.model()


class _Memory:
    """What of a decoder's graph attends to the encoder's result."""

    def __init__(self, graph: GraphBuilder, model: "_Stack", names: list[str], precision: str):
        self._graph, self._model, self._precision = graph, model, precision
        self._mask = graph.input("input_mask", INT, ["texts", "read"])
        self._cross = {name: graph.input(f"cross_{name}", FLOAT, model.cache("texts", "read")) for name in names}
        texts = graph.op("Slice", graph.op("Shape", self._mask), *(graph.constant([i], np.int64) for i in (0, 1)))
        self._as_one_row = graph.op("Concat", texts, graph.constant([-1, model.width], np.int64), axis=0)

    def seen(self, normed: str, layer: checkpoint.Attention, number: int) -> str:
        """What a block's layer adds to the residual stream."""
        graph = self._graph
        q = graph.linear(normed, layer.q, self._precision)
        together = graph.op("Reshape", q, self._as_one_row)
        key, value = (self._cross[f"{kind}_{number}"] for kind in ("key", "value"))
        seen = self._model.attend(together, key, value, mask=self._mask)
        seen = graph.op("Reshape", seen, graph.op("Shape", q))
        return graph.linear(seen, layer.o, self._precision)


class _Stack:
    """Parts of the graph of a stack."""

    def __init__(self, graph: GraphBuilder, weights: checkpoint.Weights, stack: checkpoint.Stack):
        self._graph, self._weights, self._stack = graph, weights, stack

    @property
    def width(self) -> int:
        """Of queries, keys and values of all heads."""
        return self._weights.heads * self._weights.d_kv

    def cache(self, rows: str, length: str) -> list[int | str]:
        return [rows, self._weights.heads, length, self._weights.d_kv]

    def add(self, state: str, change: str | None, scale: np.ndarray) -> tuple[str, str]:
        """The residual stream with a change, and its norm."""
        graph, scale = self._graph, self._graph.constant(scale)
        epsilon = self._weights.epsilon
        if change is None:
            return state, graph.op("SimplifiedLayerNormalization", state, scale, axis=-1, epsilon=epsilon)
        kind = "SkipSimplifiedLayerNormalization"
        normed, _, _, added = graph.op(kind, state, change, scale, outputs=4, domain=MICROSOFT, epsilon=epsilon)
        return added, normed

    def bias(self, new: str, before: str, *, causal: bool, visible: str = "") -> str:
        """Of relative positions, float32 [1, heads, new, before + new].

        Args:
          new, before: int64 scalars, how many positions attend, and how many more there are before them.
          causal: whether later positions are not to be seen.
          visible: int64 scalar, how many positions from the first on are seen all the same.
        """
        graph = self._graph
        # All that are further away than this have one bucket.
        far = checkpoint.MAX_DISTANCE
        offsets = np.arange(-far, far + 1)
        table = self._stack.blocks[0].attention.buckets
        found = table[
            :,
            checkpoint.relative_buckets(
                offsets, bidirectional=self._stack.bidirectional, num_buckets=table.shape[1]
            ),
        ]  # fmt: skip
        if causal and not visible:
            found = np.where(offsets > 0, _UNSEEN, found)
        zero, one = graph.constant(0, np.int64), graph.constant(1, np.int64)
        end = graph.op("Add", before, new)
        attended = graph.op("Range", zero, end, one)
        attending = graph.op("Unsqueeze", graph.op("Range", before, end, one), graph.constant([1], np.int64))
        near = graph.op(
            "Clip", graph.op("Sub", attended, attending), graph.constant(-far, np.int64), graph.constant(far, np.int64)
        )  # fmt: skip
        places = graph.op("Add", near, graph.constant(far, np.int64))
        chosen = graph.op("Gather", graph.constant(found), places, axis=1)
        if visible:
            seen = graph.op("Or", graph.op("Less", attended, visible), graph.op("LessOrEqual", attended, attending))
            chosen = graph.op("Where", seen, chosen, graph.constant(_UNSEEN))
        return graph.op("Unsqueeze", chosen, graph.constant([0], np.int64))

    def projections(self, value: str, layer: checkpoint.Attention, precision: str) -> list[str]:
        """Queries, keys and values, by one product."""
        together = np.concatenate([layer.q, layer.k, layer.v], axis=1)
        return self._graph.op("Split", self._graph.linear(value, together, precision), outputs=3, axis=-1)

    def attend(
        self,
        q: str,
        k: str,
        v: str,
        *,
        mask: str = "",
        bias: str = "",
        past: tuple[str, str] = ("", ""),
    ):
        """Attention of all heads; T5 does not scale the products.

        Returns:
          What was seen, float32 [batch, new, heads * d_kv]; with `past` also keys and values, old and new.
        """
        outputs = 3 if past[0] else 1
        return self._graph.op(
            "MultiHeadAttention", q, k, v, "", mask, bias, *past, outputs=outputs, domain=MICROSOFT,
            num_heads=self._weights.heads, scale=1.0,
        )  # fmt: skip

    def by_head(self, value: str) -> str:
        """[batch, length, heads * d_kv] to [batch, heads, length, d_kv]."""
        shape = self._graph.constant([0, 0, self._weights.heads, self._weights.d_kv], np.int64)
        return self._graph.op("Transpose", self._graph.op("Reshape", value, shape), perm=[0, 2, 1, 3])

    def feed_forward(self, value: str, layer: checkpoint.FeedForward, precision: str) -> str:
        graph = self._graph
        inner = graph.linear(value, np.concatenate(layer.wi, axis=1), precision)
        if len(layer.wi) == 2:
            inner, factor = graph.op("Split", inner, outputs=2, axis=-1)
        active = (
            graph.op("Relu", inner)
            if self._weights.activation == "relu"
            else graph.op("FastGelu", inner, domain=MICROSOFT)
        )
        if len(layer.wi) == 2:
            active = graph.op("Mul", active, factor)
        return graph.linear(active, layer.wo, precision)
