"""The engine on a decoder alone, whose text and answer stand in one row."""

import numpy as np
import pytest

from completion import search
from completion.engine import Engine
from completion.requests import Request
from completion.runtime import Runtime
from completion.search import Decoding
from preprocessing import contract
from tests import random_models

BEFORE = "import os\n\n\nclass A:\n    def path(self, name):\n        self.na"


@pytest.fixture(scope="module", params=["lm", "delimited_lm"])
def folder(request, export_onnx, small_codec) -> str:
    weights = random_models.weights(vocab_size=small_codec.vocab_size, alone=request.param, seed=5)
    return str(export_onnx(weights))


@pytest.fixture
def engine(folder) -> Engine:
    return Engine(folder, threads=1)


def logprobs(runtime: Runtime, engine: Engine, read: list[int], written: list[int]) -> np.ndarray:
    """Of each next token after `written`, from scratch; the last entry is that of the end of the line."""
    text = runtime.read([read])
    logits, _ = runtime.step(text, np.array([[*text.before, *written]]), None)
    found = search.log_softmax(logits[0, -1])
    return search.Ends(engine.layout.stop_ids(infilling=False, one_line=True), len(found)).fold(found)


def test_what_is_read_is_the_row_that_mesh_tensorflow_reads(engine):
    rows = engine.layout.rows(Request(BEFORE))
    assert engine.codec.decode([i for i in rows.read if i != contract.EOS_ID]) == BEFORE.removesuffix(
        engine.codec.decode([rows.taken_back])
    )
    assert (rows.read[-1] == contract.EOS_ID) is engine.layout.delimited
    assert rows.begun == []


@pytest.mark.parametrize("how", [Decoding(5), Decoding(5, beam_size=3, num_answers=3)])
def test_answers_are_scored_as_from_scratch(engine, folder, how):
    runtime, request = Runtime(folder, threads=1), Request(BEFORE)
    rows = engine.layout.rows(request)
    allowed = engine.layout.piece_order.ids(engine.layout.first_tokens(rows))
    for found in engine.complete(request, how):
        assert found.tokens[0] in allowed
        for number in range(1, len(found.tokens)):
            expected = logprobs(runtime, engine, rows.read, list(found.tokens[:number]))
            token = found.tokens[number]
            assert found.logprobs[number] == pytest.approx(expected[token], abs=1e-4)
            if how.beam_size == 1:
                assert token == expected.argmax()


def test_typing_on_takes_in_what_is_new_where_each_token_sees_those_before_it_alone(engine, folder):
    taken, step = [], engine._runtime.step

    def counted(read, tokens, cache, **more):
        taken.append(tokens.shape[1])
        return step(read, tokens, cache, **more)

    engine._runtime.step = counted
    line, reads = "(self, x", set()
    for end in range(len(line)):
        taken.clear()
        engine._answers.clear()
        request = Request(BEFORE + line[:end])
        [found] = engine.complete(request, Decoding(3))
        [fresh] = Engine(folder, threads=1).complete(request, Decoding(3))
        assert found.tokens == fresh.tokens
        assert found.logprobs == pytest.approx(fresh.logprobs, abs=1e-4)
        read = engine.layout.rows(request).read
        if engine.layout.delimited:
            # All tokens of a text see each other: another one is another text.
            assert tuple(read) in reads or taken[0] == 1 + len(read)
            reads.add(tuple(read))
        elif end:
            assert taken[0] <= 3
    assert engine.counts["reads"] == max(1, len(reads))


def test_another_text_is_read_anew_and_the_first_is_kept(engine):
    other = "x = 1\n" * 9 + "y"
    typed_on = 2 + engine.layout.delimited
    for text, reads in ((BEFORE, 1), (other, 2), (BEFORE, 2), (other + " = name", typed_on), (BEFORE, typed_on)):
        engine._answers.clear()
        engine.complete(Request(text), Decoding(3))
        assert engine.counts["reads"] == reads, text


def test_what_stands_behind_the_cursor_is_read_and_the_line_is_written_again(engine, folder):
    request = Request(BEFORE, suffix="me = name\n")
    rows = engine.layout.rows(request)
    assert rows.begun
    [found] = engine.complete(request, Decoding(3))
    runtime = Runtime(folder, threads=1)
    read = runtime.read([rows.read])
    logits, _ = runtime.step(read, np.array([[*read.before, *rows.begun]]), None)
    allowed = engine.layout.piece_order.ids(engine.layout.first_tokens(rows))
    assert found.tokens[0] == max(allowed, key=lambda i: logits[0, -1, i])
    engine.complete(Request(BEFORE + "m", suffix="me = name\n"), Decoding(3))
    nothing_typed = Request(BEFORE.rpartition("\n")[0] + "\n", suffix="me = name\n")
    assert engine.layout.rows(nothing_typed)[:2] == (rows.read, [])
    [found] = engine.complete(nothing_typed, Decoding(3))
    [fresh] = Engine(folder, threads=1).complete(nothing_typed, Decoding(3))
    assert found.logprobs == pytest.approx(fresh.logprobs, abs=1e-4), "what was written before is forgotten"
    assert engine.counts["reads"] == 1, "the suffix is the same, and so is what is read"


def test_prompts_of_any_length_are_answered(engine):
    for text in ("", "x = 1\n" * 2000, "a" * 5000, "\n", "\r\n\t", "é😀\u2581\x10"):
        assert engine.complete(Request(text), Decoding(2))
        assert engine.complete(Request(text, suffix=text), Decoding(2))


def test_draws_and_the_choice_of_threads_work_too(folder):
    engine = Engine(folder)
    how = Decoding(4, num_answers=4, temperature=1.5, seed=4)
    assert engine.threads >= 1
    assert engine.complete(Request(BEFORE), how) == engine.complete(Request(BEFORE), how)
