"""Providers against real things: an exported model, and our own server by its address."""

import concurrent.futures
import dataclasses
import http.server
import threading

import pytest

from completion.engine import Engine
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.providers import EngineProvider, ServerProvider
from completion.search import Decoding
from tests import random_models
from tests.completion.server.conftest import served

PROMPT = "import os\n\n\nclass A:\n    def path(self, name):\n        self.na"
LINE = Case("a.py:1:1", "line", PROMPT, "me = name")


@pytest.fixture(scope="module")
def folder(export_onnx, small_codec):
    return export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2))


@pytest.fixture(scope="module")
def engine(folder) -> Engine:
    return Engine(str(folder), threads=1)


@pytest.fixture(scope="module")
def address(folder):
    with served("--model", str(folder), "--no_usage") as (_, address):
        yield f"{address}/v1"


def test_the_engine_and_a_server_of_it_give_the_same(engine, address):
    ours = EngineProvider(engine, "ours", decoding=Decoding(8)).answer(LINE)
    theirs = ServerProvider(address, "server", max_tokens=8).answer(LINE)
    assert ours.texts == theirs.texts
    assert (ours.provider, theirs.provider, ours.case, theirs.error) == ("ours", "server", LINE.id, None)
    assert ours.milliseconds > 0
    several = ServerProvider(address, "server", max_tokens=4, number=5).answer(LINE)
    assert len(several.texts) == 5


def test_every_draw_counts(engine):
    drawn = EngineProvider(engine, "ours", decoding=Decoding(1, num_answers=30, temperature=0.2, seed=1)).answer(LINE)
    assert len(drawn.texts) == 30
    assert len(set(drawn.texts)) < 30


def test_candidates_are_ranked_by_their_likelihood(engine, address):
    case = Case("b", "symbols", "import os\nos.", "path", candidates=("x", "path", "self"))
    found = EngineProvider(engine, "ours", decoding=Decoding(8)).answer(case)
    scores = dict(zip(case.candidates, engine.rank(case.request(), case.candidates), strict=True))
    assert found.texts == tuple(sorted(scores, key=scores.get, reverse=True))
    assert list(found.scores) == sorted(scores.values(), reverse=True)
    assert "not asked to choose" in ServerProvider(address, "server").answer(case).error


def test_a_model_that_does_not_fill_in_is_shown_no_suffix(export_onnx, small_codec):
    weights = random_models.weights(vocab_size=small_codec.vocab_size)
    engine = Engine(str(export_onnx(weights, infills=False)), threads=1)
    case = Case("c", "infilling", "x = ", "1", suffix="\ny = 2\n")
    ours = EngineProvider(engine, "ours", decoding=Decoding(4))
    assert ours.answer(case).texts == ours.answer(dataclasses.replace(case, suffix=None)).texts


def test_what_was_asked_before_makes_no_difference(engine, folder):
    beams = Decoding(8, beam_size=4, num_answers=4)
    ours = EngineProvider(engine, "ours", decoding=beams)
    begun = next(text for text in ours.answer(LINE).texts if len(text) > 1)
    further = dataclasses.replace(LINE, prompt=LINE.prompt + begun[:1])
    asked_before = ours.answer(further)
    alone = EngineProvider(Engine(str(folder), threads=1), "ours", decoding=beams).answer(further)
    assert asked_before.texts == alone.texts


def test_several_threads_get_the_answers_of_one(engine):
    ours = EngineProvider(engine, "ours", decoding=Decoding(8, beam_size=4, num_answers=4))
    cases = [dataclasses.replace(LINE, prompt=LINE.prompt + text) for text in ("", "a", "b", "self.", "x = ", "(")] * 4
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ours.answer, cases))
    assert [(one.texts, one.scores) for one in found] == [(one.texts, one.scores) for one in map(ours.answer, cases)]


def test_what_takes_too_long_is_an_error_of_the_case(engine):
    found = EngineProvider(engine, "ours", decoding=Decoding(8), timeout_s=0).answer(LINE)
    assert (found.texts, found.error) == ((), "no answer within 0 s")


def test_a_server_that_refuses_is_an_error_of_the_case(address):
    found = ServerProvider(address, "server", model="gpt").answer(LINE)
    assert found.error.startswith("status 404: no model 'gpt' here")


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers whatever the path says."""

    def do_POST(self):  # noqa: N802
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.path.split("/")[1]
        status, body = {
            "garbage": (200, b"<html>"),
            "other": (200, b'{"choices": [{"text": null, "index": 0}]}'),
            "none": (200, b'{"choices": []}'),
            "plain": (200, b'{"choices": [{"text": "x"}]}'),
            "short": (200, b"{"),
            "down": (500, b"it broke\nbadly"),
        }[kind]
        self.send_response(status)
        if kind == "short":
            self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("garbage", "not OpenAI's answer: JSONDecodeError"),
        ("other", "not OpenAI's answer: TypeError"),
        ("none", "not OpenAI's answer: ValueError 1 choices were asked for, and 0 came"),
        ("short", "no answer: IncompleteRead"),
        ("down", "status 500: it broke"),
    ],
)
def test_a_server_that_answers_garbage_is_an_error_of_the_case(path, message):
    assert asked_of_odd(path).error.startswith(message)


def test_choices_need_no_index():
    assert asked_of_odd("plain").texts == ("x",)


def asked_of_odd(path: str) -> Prediction:
    with http.server.HTTPServer(("127.0.0.1", 0), Odd) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = ServerProvider(f"http://127.0.0.1:{server.server_port}/{path}", "odd").answer(LINE)
        server.shutdown()
    return found


def test_no_server_is_an_error_of_the_case():
    found = ServerProvider("http://127.0.0.1:9/v1", "none", timeout_s=5).answer(LINE)
    assert found.error.startswith("no answer: ")
