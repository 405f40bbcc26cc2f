"""The engine on a real exported model, with random weights: what it writes is held against the graphs themselves."""

import itertools
import threading

import numpy as np
import pytest

from completion import engine as engine_lib
from completion import exported, search
from completion.engine import Engine, _common
from completion.filters import Filters
from completion.requests import Request
from completion.runtime import Runtime
from completion.search import Decoding
from preprocessing import contract
from tests import random_models

BEFORE = "import os\n\n\nclass A:\n    def path(self, name):\n        self.na"


@pytest.fixture(scope="module")
def folder(export_onnx, small_codec):
    return str(export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2)))


@pytest.fixture
def engine(folder) -> Engine:
    return Engine(folder, threads=1)


def logprobs(engine: Engine, read: list[int], written: list[int]) -> np.ndarray:
    """Of each next token after `written`, from scratch; the last entry is that of the end of the line."""
    runtime = engine._runtime
    logits, _ = runtime.step(runtime.read([read]), np.array([[0, *written]]), None)
    found = search.log_softmax(logits[0, -1])
    return search.Ends(engine.layout.stop_ids(infilling=False, one_line=True), len(found)).fold(found)


def test_greedy_takes_the_likeliest_token_at_each_step(engine):
    rows = engine.layout.rows(Request(BEFORE))
    [found] = engine.complete(Request(BEFORE), Decoding(6))
    allowed = engine.layout.piece_order.ids(engine.layout.first_tokens(rows))
    written = list(rows.begun)
    for number, token in enumerate(found.tokens):
        expected = logprobs(engine, rows.read, written)
        if number == 0:
            assert token == max(allowed, key=lambda i: expected[i])
        else:
            assert token == expected.argmax()
            assert found.logprobs[number] == pytest.approx(expected[token], abs=1e-4)
        written.append(token)
    if found.ended:
        assert logprobs(engine, rows.read, written).argmax() == len(expected) - 1


def test_a_beam_as_wide_as_the_vocabulary_finds_the_best_of_two_tokens(engine):
    request = Request("", path="")
    rows = engine.layout.rows(request)
    size = engine._runtime.step(engine._runtime.read([rows.read]), np.array([[0]]), None)[0].shape[-1]
    [found] = engine.complete(request, Decoding(2, beam_size=size, length_bonus=0.0))
    first = logprobs(engine, rows.read, [])
    likeliest = np.argsort(-first[:-1])[:40]
    best = max([first[-1], *(first[i] + logprobs(engine, rows.read, [int(i)])[-1] for i in likeliest)])
    assert found.ended, "answers that end come first"
    assert sum(found.logprobs) == pytest.approx(best, abs=1e-4)


def test_answers_differ_and_the_best_comes_first(engine):
    found = engine.complete(Request(BEFORE), Decoding(4, beam_size=4, num_answers=4))
    assert len({one.text for one in found}) == len(found) > 1
    ended = [one for one in found if one.ended]
    assert found[: len(ended)] == ended
    assert [one.score for one in ended] == sorted((one.score for one in ended), reverse=True)


def test_draws_repeat_with_a_seed(engine):
    how = Decoding(6, num_answers=5, temperature=1.5, seed=4)
    first, again = (engine.complete(Request(BEFORE), how) for _ in range(2))
    assert first == again
    assert len(first) > 1
    [only] = engine.complete(Request(BEFORE), Decoding(6, temperature=1.0, top_k=1))
    assert only.tokens == engine.complete(Request(BEFORE), Decoding(6))[0].tokens
    [likely] = engine.complete(Request(BEFORE), Decoding(6, temperature=1.0, top_p=1e-9))
    assert likely.tokens == only.tokens


def test_typing_on_in_a_line_reads_nothing_again(engine):
    for end in range(4):
        engine.complete(Request(BEFORE + "me = x"[:end]), Decoding(3))
    assert engine.counts["reads"] == 1
    fresh = Engine(engine._runtime._folder, threads=1)
    [expected], [found] = (one.complete(Request(BEFORE + "me "), Decoding(3)) for one in (fresh, engine))
    assert (found.text, found.tokens) == (expected.text, expected.tokens)
    assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-4)
    engine.complete(Request(BEFORE + "me = x\n"), Decoding(3))
    assert engine.counts["reads"] == 2, "another line"


def test_typing_what_was_suggested_costs_nothing(engine):
    [first] = engine.complete(Request(BEFORE), Decoding(6))
    assert len(first.text) > 2
    steps = engine.counts["steps"]
    [left] = engine.complete(Request(BEFORE + first.text[:2]), Decoding(6))
    assert left.text == first.text[2:]
    assert engine.counts["steps"] == steps
    assert engine.counts["answers_kept"] == 1
    engine.complete(Request(BEFORE + "\u00e9"), Decoding(6))
    assert engine.counts["steps"] > steps, "something else was typed"


def test_kept_answers_are_bounded(engine, monkeypatch):
    monkeypatch.setattr(engine_lib, "_KEPT_CHARACTERS", 500)
    for number in range(9):
        engine.complete(Request(f"{number} = " + "x" * 90, suffix="y" * 6), Decoding(1))
    assert [before[0][0] for before in engine._answers] == list("45678"), "a hundred characters each"
    engine.complete(Request("z" * 600), Decoding(1))
    assert len(engine._answers) == 0, "what is larger than all is not kept"
    engine.complete(Request("x"), Decoding(1, temperature=1.0))
    assert len(engine._answers) == 0, "nor what is drawn anew each time"


def test_what_stands_behind_the_cursor_is_read(engine):
    request = Request(BEFORE, suffix="me = name\n")
    engine.complete(request, Decoding(3))
    read = engine.layout.rows(request).read
    assert read[-1] == contract.special_ids(engine.codec.vocab_size)["fill_middle"]
    assert engine.counts["reads"] == 1
    engine.complete(Request(BEFORE + "m", suffix="me = name\n"), Decoding(3))
    assert engine.counts["reads"] == 1, "the suffix is the same, and so is what is read"


def test_what_is_indented_is_not_indented_further(engine):
    for text in ("class A:\n    ", "class A:\n    def path(self):\n        ", "if x:\n\t", "a\n\n  "):
        found = engine.complete(Request(text), Decoding(5, beam_size=4, num_answers=4), one_line=False)
        assert not any(one.text[:1].isspace() or one.text == "" for one in found)
        rows = engine.layout.rows(Request(text), heal=False)
        expected = logprobs(engine, rows.read, rows.begun)
        best = max(engine._code_begins, key=lambda i: expected[i])
        [greedy] = engine.complete(Request(text), Decoding(1), one_line=False)
        assert greedy.tokens == (best,)
    [at_the_beginning] = engine.complete(Request("if x:\n"), Decoding(1), one_line=False)
    allowed = engine.layout.piece_order.continuing(engine.codec.encode("\n")[0])
    assert at_the_beginning.tokens[0] in engine.layout.piece_order.ids(allowed)


def test_an_answer_ends_before_a_stop_text(engine):
    [whole] = engine.complete(Request(BEFORE), Decoding(12), one_line=False)
    end = whole.text[5:7]
    steps = engine.counts["steps"]
    [found] = engine.complete(Request(BEFORE), Decoding(12), one_line=False, stop=("never", end))
    assert found.text == whole.text[: whole.text.find(end)]
    assert found.ended
    assert engine.counts["steps"] - steps < 12, "nothing is written past it"
    beams = engine.complete(Request(BEFORE), Decoding(12, beam_size=3, num_answers=3), one_line=False, stop=(end,))
    assert not any(end in one.text for one in beams)


def test_an_answer_is_told_while_it_is_written(engine):
    told: list[str] = []
    [found] = engine.complete(Request(BEFORE), Decoding(8), watch=told.append)
    assert told[-1] == found.text
    assert len(told) > 3
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(told))


def test_the_likeliest_tokens_of_each_place_are_told(engine):
    [found] = engine.complete(Request(BEFORE), Decoding(4, top_logprobs=3))
    assert [row[0] for row in found.top] == list(zip(found.tokens, found.logprobs, strict=False))
    assert all(len(row) == 3 and row[0][1] >= row[1][1] >= row[2][1] for row in found.top)


def test_nobody_waits(engine):
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(search.CancelledError):
        engine.complete(Request(BEFORE), cancelled=stopped.is_set)
    assert engine.complete(Request(BEFORE), Decoding(2)), "and it goes on answering"


def test_what_is_not_shown_is_counted(engine):
    found = engine.complete(Request(BEFORE), Decoding(6), filters=Filters(min_score=0.1))
    assert found == []
    assert engine.counts["low_score"] == 1


def test_prompts_of_any_length_are_answered(engine):
    for text in ("", "x = 1\n" * 20_000, "a" * 5000, "\n", "\r\n\t", "é😀\u2581\x10"):
        assert engine.complete(Request(text), Decoding(2))
        assert engine.complete(Request(text, suffix=text), Decoding(2))


def test_a_model_is_not_asked_for_what_it_was_not_trained_for(export_onnx, small_codec):
    weights = random_models.weights(vocab_size=small_codec.vocab_size)
    engine = Engine(str(export_onnx(weights, infills=False)), threads=1)
    with pytest.raises(ValueError, match="has a suffix, but this model was not trained to fill in"):
        engine.complete(Request("x", suffix=""))
    with pytest.raises(ValueError, match="has files, but this model was trained without other files"):
        engine.complete(Request("x", files=(("a.py", "y"),)))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: (path / "export.json").unlink(), "no exported model in .* it has no export.json"),
        (lambda path: (path / "decoder.onnx").unlink(), "is not whole: it has no decoder.onnx"),
        (lambda path: (path / "decoder.onnx").write_bytes(b"x" * 99), "decoder.onnx has 99 bytes, .* were written"),
        (lambda path: (path / "export.json").write_text("{"), "export.json is damaged"),
        (lambda path: (path / "export.json").write_text('{"format": "onnx"}'), "export.json is damaged"),
    ],
)
def test_a_damaged_export_is_named(export_onnx, small_codec, damage, message):
    folder = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size))
    damage(folder)
    with pytest.raises(exported.ExportError, match=message):
        Engine(str(folder), threads=1)


def test_other_bytes_of_the_same_length_are_seen(export_onnx, small_codec):
    folder = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size))
    path = folder / exported.VOCABULARY
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(exported.ExportError, match="is not the model's own vocabulary"):
        Engine(str(folder), threads=1)
    folder = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size), format="ctranslate2")
    with pytest.raises(exported.ExportError, match="is an export for ctranslate2: the engine runs"):
        Runtime(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_new_tokens": 0}, "must be 1 or more"),
        ({"temperature": -1}, "temperature 0 or more"),
        ({"top_k": 0}, "top_k must be 1 or more"),
        ({"top_p": 0.0}, "top_p more than 0"),
        ({"beam_size": 2, "temperature": 1.0}, "a beam search draws nothing"),
        ({"num_answers": 2}, "2 answers would all be the same"),
        ({"top_logprobs": 2, "beam_size": 2}, "top_logprobs must be 0 or more, and 0 in a beam search"),
    ],
)
def test_decoding_refuses_values_that_do_not_go_together(values, message):
    with pytest.raises(ValueError, match=message):
        Decoding(**values)


@pytest.mark.parametrize("text", [BEFORE, "import os\nos.", "os.", "", "x = 1\n    "])
def test_candidates_are_ranked_by_what_the_whole_line_would_be(engine, text):
    names = ["path", "name", "na", "x", "a_very_long_name", "path"]
    found = engine.rank(Request(text), names)
    assert found[0] == pytest.approx(found[-1], abs=1e-4)
    prompt = text if "\n" in text[1:] else "\n\n" + text
    for name, nats in zip(names, found, strict=True):
        rows = engine.layout.rows(Request(prompt + name), heal=False)
        line = [*engine.codec.encode(prompt + name)[len(rows.read) :]]
        assert rows.begun == line
        runtime = engine._runtime
        logits, _ = runtime.step(runtime.read([rows.read]), np.array([[0, *line]]), None)
        after = search.log_softmax(logits[0])
        expected = sum(after[i, token] for i, token in enumerate(line))
        ends = np.logaddexp.reduce(after[len(line), engine._name_ends])
        assert ends < 0
        # All have the tokens in common that all lines begin with: they are not counted.
        common = len(_common([engine.layout.rows(Request(prompt + one), heal=False).begun for one in names]))
        expected -= sum(after[i, token] for i, token in enumerate(line[:common]))
        assert nats == pytest.approx(expected + ends, abs=1e-3)


def test_a_name_that_goes_on_is_not_the_shorter_one(engine):
    pieces = engine.codec.piece_bytes()
    for token in engine._name_ends[1:]:
        assert not pieces[token][:1].isalnum()
        assert pieces[token][:1] != b"_"
    with pytest.raises(ValueError, match="candidates are names, one or more, without newlines"):
        engine.rank(Request("x"), [])
