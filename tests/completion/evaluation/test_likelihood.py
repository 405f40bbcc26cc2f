"""Teacher-forced figures: windows as training cuts them, scores as the graphs give them, ratios by hand."""

import dataclasses
import math

import numpy as np
import pytest

from completion import exported
from completion.evaluation import intervals, likelihood
from completion.evaluation.intervals import Interval
from completion.evaluation.likelihood import Scored, Window
from completion.held_out_files import HeldOut
from completion.runtime import Runtime
from preprocessing import contract
from tests import random_models
from tests.exported_models import TEXT

FILES = [
    HeldOut("ann/one/a.py", "a.py", TEXT + "# ▁ é\n"),
    HeldOut("ann/one/b.py", "b.py", TEXT[40:200]),
    HeldOut("bob/two/src/c.py", "src/c.py", "x = 1\n" + TEXT),
    HeldOut("bob/two/empty.py", "empty.py", ""),
]
INPUTS, TARGETS = 24, 16


def description(**more) -> exported.Description:
    nothing = dict.fromkeys((field.name for field in dataclasses.fields(exported.Description)), 0)
    return exported.Description(**{**nothing, "max_inputs": INPUTS, "max_forced": TARGETS, "delimited": False, **more})


class Numbers:
    """A codec of the docstring's tokens, each of two bytes."""

    def encode(self, text: str) -> list[int]:
        return [int(one) for one in text.split()]

    def piece_bytes(self) -> list[bytes]:
        return [b"", b"", *(b"ab" for _ in range(98))]


class Told:
    """A token model that gives each token a log-probability of its own, told by a function."""

    def __init__(self, logprob):
        self._logprob = logprob

    def logprobs(self, tokens):
        return [self._logprob(token) for token in tokens]


@pytest.fixture(scope="module", params=["", "lm", "delimited_lm"])
def runtime(request, export_onnx, small_codec) -> Runtime:
    """A model of two stacks, and both kinds of one row."""
    weights = random_models.weights(vocab_size=small_codec.vocab_size, alone=request.param, seed=3)
    return Runtime(export_onnx(weights, max_inputs=INPUTS, max_forced=TARGETS), threads=1)


@pytest.fixture
def windows(runtime, small_codec) -> list[Window]:
    return likelihood.draw(FILES, small_codec, runtime.description)


def test_the_example_of_the_windows():
    file = HeldOut("o/r/f.py", "f.py", "71 9 4 33 8 20 21 22")
    found = likelihood.draw([file], Numbers(), description(max_inputs=3, max_forced=2))
    assert set(found) == {Window("o/r", (71, 9, 4), (33, 8), 4), Window("o/r", (20, 21), (22, 1), 2)}


@pytest.mark.parametrize(("name", "path", "group"), [("f.py", "f.py", "f.py"), ("/a/f.py", "f.py", "/a")])
def test_a_file_without_a_repository(name, path, group):
    [found] = likelihood.draw([HeldOut(name, path, "71 9")], Numbers(), description())
    assert found == Window(group, (71,), (9, 1), 2)


@pytest.mark.parametrize("delimited", [False, True])
def test_windows_are_those_that_training_validates_on(delimited, small_codec, tmp_path):
    """But for the EOS at the ends of a delimited row, which stand for no text."""
    import gin
    import seqio
    import tensorflow as tf

    from code_t5.data import heldout, objectives

    (tmp_path / "code.model").write_bytes(small_codec.processor.serialized_model_proto())
    vocabulary = seqio.SentencePieceVocabulary(str(tmp_path / "code.model"), extra_ids=0)
    lengths = {"inputs": INPUTS, "targets": TARGETS}
    made = description(max_inputs=INPUTS - delimited, delimited=delimited)
    for file in FILES[:3]:
        rows = tf.data.Dataset.from_tensors({"targets": tf.constant(small_codec.encode(file.text), tf.int32)})
        gin.bind_parameter("code_t5.delimiter.append_eos", delimited)
        try:
            rows = heldout.fixed_windows(
                objectives.append_file_end(rows), lengths, {"targets": seqio.Feature(vocabulary, add_eos=False)}
            )
            expected = [
                (tuple(row["inputs"]), tuple(row["targets"]), int(row["targets_bytes"]))
                for row in rows.as_numpy_iterator()
            ]
        finally:
            gin.clear_config()
        if delimited:
            assert {row[0][-1] for row in expected} == {row[1][-1] for row in expected} == {contract.EOS_ID}
            last = expected.pop()
            expected = [(row[0][:-1], row[1][:-1], row[2]) for row in expected] + [(last[0][:-1], *last[1:])]
        found = likelihood.draw([file], small_codec, made)
        assert sorted((one.inputs, one.targets, one.text_bytes) for one in found) == sorted(expected)
        assert len(found) >= 2


def test_a_draw_is_of_all_windows_and_says_nothing_of_the_order_of_files(small_codec):
    every = likelihood.draw(FILES, small_codec, description())
    some = likelihood.draw(FILES, small_codec, description(), number=3)
    assert some == every[:3] == likelihood.draw(FILES[::-1], small_codec, description(), number=3)
    assert set(likelihood.draw(FILES, small_codec, description(), number=3, seed=1)) != set(some)
    assert len(likelihood.draw(FILES, small_codec, description(), number=10_000)) == len(every) == 8


def test_scores_are_those_of_the_comparison_with_the_original(runtime, windows):
    from code_t5.export import parity

    if runtime.description.delimited:
        inputs = [[*one.inputs, contract.EOS_ID] for one in windows]
    else:
        inputs = [list(one.inputs) for one in windows]
    expected = parity.onnx_scores(runtime._folder, inputs, [list(one.targets) for one in windows])
    found = likelihood.by_model(runtime, windows)
    assert found.nats.tolist() == pytest.approx([-one for one in expected], abs=1e-6)


def test_a_token_is_right_where_so_few_are_likelier(runtime, windows):
    found = likelihood.by_model(runtime, windows[:4])
    for window, right in zip(windows, found.right, strict=False):
        ranks = []
        for number, token in enumerate(window.targets):
            delimiter = [contract.EOS_ID] * runtime.description.delimited
            read = runtime.read([[*window.inputs, *delimiter]])
            logits, _ = runtime.step(read, np.array([[*read.before, *window.targets[:number]]]), None)
            ranks.append(np.argsort(-logits[0, -1]).tolist().index(token))
        assert right.tolist() == [sum(rank < k for rank in ranks) for k in likelihood.TOP]


def test_figures_by_hand():
    windows = [Window("a", (5,), (6, 7, 1), 3), Window("b", (5,), (6,), 1)]
    scored = Scored(np.array([6.0, 2.0]), np.array([[0, 1, 3], [1, 1, 1]]), 0.5)
    found = likelihood.figures(windows, scored)
    assert (found.windows, found.tokens, found.text_bytes, scored.windows_per_second) == (2, 4, 4, 4.0)
    # Of two repositories each resample has the one twice, the other twice, or both.
    assert found.top == {1: Interval(25.0, 0.0, 100.0), 3: Interval(50.0, 100 / 3, 100.0), 5: Interval(100, 100, 100)}
    assert dataclasses.astuple(found.perplexity) == pytest.approx([math.exp(2)] * 3)
    assert dataclasses.astuple(found.bits_per_byte) == pytest.approx([2 / math.log(2)] * 3)
    row = found.row()
    assert row["top_1"] == {"mean": 25.0, "low": 0.0, "high": 100.0}
    assert (row["tokens"], row["bytes"], row["perplexity"]) == (4, 4, pytest.approx(7.389056))
    assert row["bits_per_byte"]["mean"] == pytest.approx(2.885390)


def test_the_example_of_the_figures():
    found = likelihood.figures([Window("a", (5,), (6, 7), 4)], Scored(np.array([4.0]), None, 1.0))
    assert found.bits_per_byte == Interval(pytest.approx(1.442695), None, None)
    assert found.perplexity == Interval(pytest.approx(7.389056), None, None)
    assert found.top is None
    assert found.row()["top_5"] is None


def test_intervals_are_those_of_single_tokens_drawn_by_repository():
    """As many targets of each window as there are, one value each: what `intervals.of_means` makes of them."""
    chance = np.random.default_rng(0)
    sizes = chance.integers(1, 9, 30)
    groups = [f"r{number}" for number in chance.integers(0, 7, 30)]
    values = [chance.random(size) for size in sizes]
    windows = [Window(group, (5,), (6,) * size, 1) for group, size in zip(groups, sizes, strict=True)]
    nats = np.array([value.sum() for value in values])
    found = likelihood.figures(windows, Scored(nats, None, 1.0), seed=3).perplexity
    expected = intervals.of_mean(np.concatenate(values), groups=np.repeat(groups, sizes), seed=3)
    assert dataclasses.astuple(found) == pytest.approx([math.exp(one) for one in dataclasses.astuple(expected)])


def test_another_model_is_scored_on_the_same_targets(windows, small_codec):
    """One that gives each token 1 / 256 needs 8 bits a token, whatever stands before it."""
    said = []
    scored = likelihood.by_token_model(Told(lambda _: -math.log(256)), windows, say=lambda *done: said.append(done))
    found = likelihood.figures(windows, scored)
    assert found.perplexity.mean == pytest.approx(256)
    assert found.bits_per_byte.mean == pytest.approx(8 * found.tokens / found.text_bytes)
    assert found.tokens == sum(len(one.targets) for one in windows)
    assert said[-1] == (len(windows), len(windows))
    by_token = likelihood.by_token_model(Told(lambda token: -float(token)), windows)
    assert by_token.nats.tolist() == [float(sum(one.targets)) for one in windows]


@pytest.mark.parametrize("logprob", [-math.inf, math.nan, 0.5])
def test_what_is_no_log_probability_is_named(logprob):
    window = Window("ann/one", (5,), (6, 7), 2)
    with pytest.raises(
        ValueError, match=rf"Told.logprobs gave {logprob} for token 7 of ann/one: a model of text gives"
    ):
        likelihood.by_token_model(Told(lambda token: logprob if token == 7 else -1.0), [window])
    # Of what is only read nothing is asked.
    window = Window("ann/one", (7,), (6,), 2)
    assert likelihood.by_token_model(Told(lambda token: logprob if token == 7 else -1.0), [window]).nats == [1.0]


def test_wrong_use_is_named(small_codec):
    with pytest.raises(
        ValueError, match="no windows to score: there are no files, or none has a token besides its end"
    ):
        likelihood.draw(FILES[3:], small_codec, description())
    window = Window("ann/one", (5,), (6, 7), 2)
    with pytest.raises(ValueError, match="1 windows, and scores of 2: give those that were scored"):
        likelihood.figures([window], Scored(np.array([1.0, 2.0]), None, 1.0))

    class Short:
        def logprobs(self, tokens):
            return [-1.0] * (len(tokens) - 1)

    with pytest.raises(ValueError, match=r"Short.logprobs gave \(2,\) numbers for 3 tokens"):
        likelihood.by_token_model(Short(), [window])
