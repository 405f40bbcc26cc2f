"""A SavedModel gives what the ONNX graphs give, for every shape of model."""

import numpy as np
import pytest

from code_t5.export import parity, saved_model
from completion.runtime import Runtime
from preprocessing import contract
from tests import random_models
from tests.code_t5.export.test_formats import LENGTHS, SHAPES, rows

tf = pytest.importorskip("tensorflow")


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: "-".join(k for k, v in shape.items() if v))
def model(request, small_codec):
    return random_models.weights(vocab_size=small_codec.vocab_size, **request.param)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory) -> str:
    folder = str(tmp_path_factory.mktemp("saved_model"))
    saved_model.write(model, folder)
    return folder


@pytest.fixture(scope="module")
def signatures(folder):
    return tf.saved_model.load(folder).signatures


@pytest.fixture(scope="module")
def runtime(model, export_onnx) -> Runtime:
    return Runtime(export_onnx(model), threads=1)


def test_scores_are_those_of_onnx(folder, runtime, small_codec):
    asked = rows(small_codec.vocab_size)
    expected = parity.onnx_scores(str(runtime._folder), *asked)
    found = parity.saved_model_scores(folder, *asked)
    lengths = [sizes[1] for sizes in LENGTHS]
    assert parity.compare(expected, found, lengths, precision="float32").largest < 1e-4


def greedy(runtime: Runtime, text: list[int], number: int) -> list[int]:
    """The likeliest tokens after a text, each from scratch, up to EOS."""
    read, written = runtime.read([text]), [0]
    while len(written) <= number and written[-1] != contract.EOS_ID:
        logits, _ = runtime.step(read, np.array([written]), None)
        written.append(int(logits[0, -1].argmax()))
    return written[1:]


def test_serving_writes_the_likeliest_token_at_each_place(signatures, runtime):
    texts = [[5, 6, 7], list(range(20, 50)), []]
    ids = np.zeros((3, 30), np.int32)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
    serve = signatures["serving_default"]
    found = serve(input_ids=tf.constant(ids), max_new_tokens=tf.constant(9))["output_ids"].numpy()
    assert found.shape == (3, 9)
    for row, text in enumerate(texts):
        expected = greedy(runtime, text, 9)
        assert found[row].tolist() == expected + [0] * (9 - len(expected))
    assert serve(input_ids=tf.constant(ids), max_new_tokens=tf.constant(0))["output_ids"].shape == (3, 0)


def test_steps_take_several_rows_of_a_text_and_go_on_from_a_cache(signatures, runtime):
    read = runtime.read([[5, 6, 7], [8, 9, 3]])
    tokens = np.array([[0, 9, 4], [0, 5, 5], [0, 9, 6], [0, 7, 7]], np.int32)
    expected, _ = runtime.step(read, tokens, None)
    mask = tf.ones([2, 3], tf.int32)
    memory = signatures["encode"](input_ids=tf.constant([[5, 6, 7], [8, 9, 3]]), input_mask=mask)
    d_kv, heads = random_models.D_KV, random_models.HEADS
    past = {f"past_{kind}_{i}": tf.zeros([4, heads, 0, d_kv]) for kind in ("key", "value") for i in range(2)}
    for part in (tokens[:, :1], tokens[:, 1:]):
        found = signatures["step"](target_ids=tf.constant(part), input_mask=mask, **memory, **past)
        past = {f"past_{name}": value for name, value in found.items() if name != "logits"}
    np.testing.assert_allclose(found["logits"], expected[:, 1:], atol=1e-4)


def test_a_text_that_ends_is_filled_up_with_padding(small_codec, export_onnx, tmp_path):
    weights = random_models.weights(vocab_size=small_codec.vocab_size, gated=True, tied=False)
    weights.logits[:, contract.EOS_ID] *= 3  # so that it is often the likeliest, and often the least likely
    runtime = Runtime(export_onnx(weights), threads=1)
    saved_model.write(weights, str(tmp_path))
    texts = [[number, 20, 30] for number in range(5, 13)]
    serve = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    found = serve(input_ids=tf.constant(texts), max_new_tokens=tf.constant(12))["output_ids"].numpy()
    expected = [greedy(runtime, text, 12) for text in texts]
    lengths = {len(tokens) for tokens in expected if tokens[-1] == contract.EOS_ID}
    assert len(lengths) > 1, "they end at different places"
    longest = max(map(len, expected))
    assert found.tolist() == [tokens + [0] * (longest - len(tokens)) for tokens in expected]


def test_a_decoder_alone_is_refused(small_codec, tmp_path):
    weights = random_models.weights(vocab_size=small_codec.vocab_size, alone="lm")
    with pytest.raises(ValueError, match="a decoder alone is not written as a SavedModel; --format onnx can export it"):
        saved_model.write(weights, str(tmp_path))
