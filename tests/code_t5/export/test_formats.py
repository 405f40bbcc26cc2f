"""Each format gives what the others give, for every shape of model; transformers' T5 is the reference."""

import numpy as np
import pytest

from code_t5.export import ctranslate2, huggingface, parity
from code_t5.export.parity import ParityError
from completion.runtime import Runtime, cut, rows_of
from tests import random_models

SHAPES = [
    {"gated": False, "tied": True, "shared": True},
    {"gated": False, "tied": True, "shared": False},
    {"gated": True, "tied": False, "shared": False},
]
# Longer than the largest distance that has a bucket of its own.
LENGTHS = ((3, 1), (1, 5), (40, 20), (200, 150))


def rows(vocab_size: int) -> tuple[list[list[int]], list[list[int]]]:
    chance = np.random.default_rng(1)
    drawn = [[chance.integers(3, vocab_size, size).tolist() for size in sizes] for sizes in LENGTHS]
    return [one[0] for one in drawn], [one[1] for one in drawn]


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: "-".join(k for k, v in shape.items() if v))
def model(request, small_codec):
    return random_models.weights(vocab_size=small_codec.vocab_size, **request.param)


@pytest.fixture(scope="module")
def reference(model, small_codec, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("huggingface"))
    huggingface.write(model, small_codec, folder, model_max_length=64)
    return parity.hugging_face_scores(folder, *rows(small_codec.vocab_size))


def test_onnx_in_float32_is_the_model(model, reference, export_onnx, small_codec):
    found = parity.onnx_scores(str(export_onnx(model)), *rows(small_codec.vocab_size))
    lengths = [sizes[1] for sizes in LENGTHS]
    assert parity.compare(reference, found, lengths, precision="float32").largest < 1e-4


def test_ctranslate2_in_float32_is_the_model(model, reference, small_codec, tmp_path):
    ctranslate2.write(model, small_codec, str(tmp_path), precision="float32")
    found = ctranslate2.scores(str(tmp_path), small_codec, *rows(small_codec.vocab_size))
    lengths = [sizes[1] for sizes in LENGTHS]
    assert parity.compare(reference, found, lengths, precision="float32").largest < 1e-4


def test_writing_in_8_bits_changes_no_weights(model, small_codec, tmp_path):
    """CTranslate2 quantises in place."""
    before = {name: array.copy() for name, array in huggingface.tensors(model).items()}
    ctranslate2.write(model, small_codec, str(tmp_path), precision="int8")
    for name, array in huggingface.tensors(model).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


@pytest.mark.parametrize(("precision", "most"), [("int8", 0.05), ("int4", 0.5)])
def test_fewer_bits_are_near_it(model, reference, export_onnx, small_codec, precision, most):
    found = parity.onnx_scores(str(export_onnx(model, precision)), *rows(small_codec.vocab_size))
    apart = [abs(a - b) / sizes[1] for a, b, sizes in zip(reference, found, LENGTHS, strict=True)]
    assert 1e-6 < np.mean(apart) < most, "random weights are harder to quantise than trained ones"


def test_the_tokenizer_of_hugging_face_gives_our_ids(model, small_codec, tmp_path):
    import transformers

    huggingface.write(model, small_codec, str(tmp_path), model_max_length=64)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in (
        "import os\n\n\nclass A:\n    def path(self, name):\n\treturn 'é😀'\r\n",
        "a \u2581 b \x10",
        "",
        " x  y ",
    ):
        ids = small_codec.encode(text)
        assert tokenizer(text)["input_ids"] == ids
        assert tokenizer.decode(ids) == text


def test_going_on_from_a_cache_is_writing_it_all(model, export_onnx, small_codec):
    runtime = Runtime(export_onnx(model), threads=1)
    read = runtime.read([list(range(5, 30))])
    tokens = np.array([[0, *range(40, 52)]])
    whole, _ = runtime.step(read, tokens, None)
    first, cache = runtime.step(read, tokens[:, :5], None)
    second, longer = runtime.step(read, tokens[:, 5:], cache)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-4)
    again, _ = runtime.step(read, tokens[:, 3:], cut(longer, 3))
    np.testing.assert_allclose(again, whole[:, 3:], atol=1e-4)
    # Beams: rows of one text.
    both, _ = runtime.step(read, np.array([[7], [8]]), rows_of(cache, [0, 0]))
    alone, _ = runtime.step(read, np.array([[8]]), cache)
    np.testing.assert_allclose(both[1], alone[0], atol=1e-4)


def test_rows_may_be_of_any_length(model, export_onnx):
    runtime = Runtime(export_onnx(model), threads=1)
    read = runtime.read([[7] * 4200])
    whole, cache = runtime.step(read, np.full((1, 4200), 9), None)
    again, _ = runtime.step(read, np.full((1, 2), 9), cut(cache, 4198))
    np.testing.assert_allclose(again[:, -1], whole[:, -1], atol=1e-3)


def test_texts_side_by_side_are_read_as_alone(model, export_onnx):
    runtime = Runtime(export_onnx(model), threads=1)
    texts, tokens = [[5, 6, 7], list(range(20, 50))], np.array([[0, 9], [0, 9]])
    together, _ = runtime.step(runtime.read(texts), tokens, None)
    for row, text in enumerate(texts):
        alone, _ = runtime.step(runtime.read([text]), tokens[:1], None)
        np.testing.assert_allclose(together[row], alone[0], atol=1e-4)


def test_lines_are_right_or_the_same():
    """A line may be right with other white space, and two lines are the same only to the letter."""
    found = parity.compare_lines(["x", "y = 1", "z", "w"], ["x", "y = 1", "a", "b"], ["c", "y  = 1", "a", "w"])
    assert found == parity.Lines(4, float32=0.5, quantized=0.5, same=0.25)
    assert parity.compare_lines(["x", "y"], ["x", "z"], ["x", "w"]) == parity.Lines(2, 0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="no lines to compare"):
        parity.compare_lines([], [], [])


def test_an_export_that_differs_is_refused():
    with pytest.raises(
        ParityError, match=r"of 2 held-out rows the worst row differs by 0\.01 nats a token, 0\.001 are"
    ):
        parity.compare([-10.0, -20.0], [-10.0, -20.1], [10, 10], precision="float32")
    with pytest.raises(ParityError, match=r"rows differ on average by 0\.05 nats a token, 0\.02 are allowed for int8"):
        parity.compare([-10.0, -20.0], [-10.5, -20.5], [10, 10], precision="int8")
    with pytest.raises(ParityError):
        parity.compare([-10.0], [float("nan")], [10], precision="float32")
