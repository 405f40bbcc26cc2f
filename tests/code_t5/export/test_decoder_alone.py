"""Decoders alone, held against the same model in numpy, written out row by row, and against Mesh TensorFlow."""

import numpy as np
import pytest

from code_t5.export import checkpoint, ctranslate2, huggingface, parity
from completion.runtime import Runtime, cut, rows_of
from tests import random_models

SHAPES = [
    {"alone": alone, "gated": gated, "tied": not gated} for alone in ("lm", "delimited_lm") for gated in (False, True)
]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape["alone"] + "-gated" * shape["gated"])
def model(request, small_codec) -> checkpoint.Weights:
    return random_models.weights(vocab_size=small_codec.vocab_size, **request.param)


@pytest.fixture(scope="module")
def runtime(model, export_onnx) -> Runtime:
    return Runtime(export_onnx(model), threads=1)


def reference(weights: checkpoint.Weights, row: list[int], visible: int) -> np.ndarray:
    """Logits float64 [tokens, vocabulary] after each token of a row, of which the first ones see each other."""
    stack, length = weights.decoder, len(row)
    offsets = np.arange(length)[None] - np.arange(length)[:, None]
    table = stack.blocks[0].attention.buckets.astype(np.float64)
    bias = table[:, checkpoint.relative_buckets(offsets, bidirectional=stack.bidirectional, num_buckets=table.shape[1])]
    seen = (offsets <= 0) | (np.arange(length)[None] < visible)

    def norm(value, scale):
        return value / np.sqrt((value**2).mean(-1, keepdims=True) + weights.epsilon) * scale

    def by_head(value):
        return value.reshape(length, weights.heads, weights.d_kv).swapaxes(0, 1)

    state = weights.embedding[row].astype(np.float64)
    for block in stack.blocks:
        normed, layer = norm(state, block.attention.norm), block.attention
        q, k, v = (by_head(normed @ part) for part in (layer.q, layer.k, layer.v))
        share = np.exp(np.where(seen, q @ k.swapaxes(1, 2) + bias, -np.inf))
        share /= share.sum(-1, keepdims=True)
        state = state + (share @ v).swapaxes(0, 1).reshape(length, -1) @ layer.o
        inner = [norm(state, block.feed_forward.norm) @ wi for wi in block.feed_forward.wi]
        if weights.activation == "relu":
            active = np.maximum(inner[0], 0)
        else:
            active = inner[0] * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner[0] + 0.044715 * inner[0] ** 3))) / 2
        state = state + (active * inner[1] if len(inner) == 2 else active) @ block.feed_forward.wo
    return norm(state, stack.norm) @ weights.output()


@pytest.mark.parametrize("sizes", [(0, 5), (1, 1), (30, 20), (200, 150)])
def test_steps_are_those_of_the_model_in_numpy(model, runtime, sizes):
    chance = np.random.default_rng(1)
    text, written = (chance.integers(3, 400, size).tolist() for size in sizes)
    read = runtime.read([text])
    row = [*read.before, *written]
    assert row == [0, *text, *written]
    found, _ = runtime.step(read, np.array([row]), None)
    visible = len(text) + 1 if model.decoder.bidirectional else 0
    np.testing.assert_allclose(found[0], reference(model, row, visible), atol=1e-3)


def test_going_on_from_a_cache_is_writing_it_all(runtime):
    read = runtime.read([list(range(5, 30))])
    row = np.array([[*read.before, *range(40, 52)]])
    whole, _ = runtime.step(read, row, None)
    first, cache = runtime.step(read, row[:, :30], None)
    second, longer = runtime.step(read, row[:, 30:], cache)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-4)
    only, _ = runtime.step(read, row[:, 30:], cache, last=True)
    np.testing.assert_allclose(only, whole[:, -1:], atol=1e-4)
    again, _ = runtime.step(read, row[:, 28:], cut(longer, 28))
    np.testing.assert_allclose(again, whole[:, 28:], atol=1e-4)
    both, _ = runtime.step(read, np.array([[7], [8]]), rows_of(cache, [0, 0]))
    alone, _ = runtime.step(read, np.array([[8]]), cache)
    np.testing.assert_allclose(both[1], alone[0], atol=1e-4)


@pytest.mark.parametrize(("precision", "most"), [("int8", 0.05), ("int4", 0.5)])
def test_fewer_bits_are_near_it(model, runtime, export_onnx, precision, most):
    rows = [list(range(5, 45))], [list(range(60, 80))]
    [expected], [found] = (
        parity.onnx_scores(str(folder), *rows) for folder in (runtime._folder, export_onnx(model, precision))
    )
    assert 1e-6 < abs(expected - found) / 20 < most


def test_other_formats_say_which_one_can(model, small_codec, tmp_path):
    with pytest.raises(ValueError, match="CTranslate2 has no decoder-only T5.*--format onnx can"):
        ctranslate2.write(model, small_codec, str(tmp_path), precision="float32")
    with pytest.raises(ValueError, match="Hugging Face has no decoder-only T5.*--format onnx can"):
        huggingface.write(model, small_codec, str(tmp_path), model_max_length=64)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lm", "causal_lm"])
def test_a_trained_one_is_mesh_tensorflows(name, train_once, export_onnx, small_codec):
    """Of text of any length, short of the room that the model was trained for, and in its own way to read it."""
    from code_t5.inference.decoding import Decoding
    from code_t5.inference.model import TrainedModel
    from preprocessing.contract import EOS_ID

    trained = TrainedModel(str(train_once(name)))
    weights = checkpoint.read(str(train_once(name)), trained.checkpoint)
    folder = export_onnx(weights, delimited=trained.layout.delimited)
    end = [EOS_ID] if trained.layout.delimited else []
    chance = np.random.default_rng(2)
    inputs = [[*chance.integers(3, 900, size).tolist(), *end] for size in (1, 7, 31)]
    # With an EOS at the end: what Mesh TensorFlow would let a delimited row see behind it must not count.
    targets = [[*chance.integers(3, 900, size - 1).tolist(), EOS_ID] for size in (4, 31, 31)]
    expected = list(trained.score(inputs, targets))
    found = parity.onnx_scores(str(folder), inputs, targets)
    assert parity.compare(expected, found, [4, 31, 31], precision="float32").largest < 1e-4
    runtime, written = Runtime(folder, threads=1), []
    for ids in inputs:
        read = runtime.read([ids])
        row = list(read.before)
        for _ in range(5):
            row.append(int(runtime.step(read, np.array([row]), None)[0][0, -1].argmax()))
        written.append(row[len(read.before) :])
    greedy = list(trained.write(inputs, decoding=Decoding(5), stop_ids=[EOS_ID]))
    assert greedy == [row[: row.index(EOS_ID)] if EOS_ID in row else row for row in written]
