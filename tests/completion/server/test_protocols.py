"""Tabby's and llama.cpp's forms, events and figures."""

import httpx
import pytest

from completion.engine import Engine
from completion.filters import Filters
from completion.requests import Request
from completion.search import Decoding
from completion.usage import Usage
from tests.completion.server.conftest import served

PREFIX = "import os\n\n\nclass A:\n    def path(self, name):\n        self.na"


@pytest.fixture(scope="module")
def engine(model) -> Engine:
    return Engine(str(model), threads=1)


def tabby(client, prefix=PREFIX, **more) -> dict:
    answer = client.post("/v1/completions", json={"language": "python", "segments": {"prefix": prefix, **more}})
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown_prefix(client) -> tuple[str, dict]:
    """A prefix to which something is suggested, filters and all, and the answer."""
    for end in ("me = ", "", "\n        x", "\n    def ", "\n# "):
        found = tabby(client, PREFIX + end)
        if found["choices"]:
            return PREFIX + end, found
    raise AssertionError("the random model suggests nothing that is shown")


def test_tabbys_form_gives_what_the_engine_suggests(client, engine):
    prefix, found = shown_prefix(client)
    [expected] = engine.complete(Request(prefix), Decoding(64), filters=Filters())
    assert found["choices"] == [{"index": 0, "text": expected.text}]
    assert found["id"].startswith("cmpl-")
    with_suffix = tabby(client, prefix, suffix="\n    pass\n", filepath="a.py", git_url="x", edit_history=None)
    expected = engine.complete(Request(prefix, "\n    pass\n"), Decoding(64), filters=Filters())
    assert [one["text"] for one in with_suffix["choices"]] == [one.text for one in expected]


def test_what_became_of_a_suggestion_is_counted_once(client, count, model, tmp_path):
    _, found = shown_prefix(client)
    names = [f'code_t5_suggestions_total{{event="{event}",source="tabby"}}' for event in ("shown", "accepted")]
    characters = 'code_t5_accepted_characters_total{source="tabby"}'
    before = [count(name) for name in (*names, characters)]
    for kind in ("view", "select", "view", "select"):
        answer = client.post("/v1/events", json={"type": kind, "completion_id": found["id"], "choice_index": 0})
        assert answer.status_code == 200
    after = [count(name) for name in (*names, characters)]
    size = len(found["choices"][0]["text"])
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1, size]


def test_usage_on_disk_has_what_the_figures_have(model, tmp_path):
    path = tmp_path / "usage.sqlite"
    with served("--model", str(model), "--usage", str(path)) as (_, address), httpx.Client(base_url=address) as client:
        _, found = shown_prefix(client)
        _, other = shown_prefix(client)
        for answer, kind in ((found, "view"), (found, "select"), (other, "dismiss")):
            client.post("/v1/events", json={"type": kind, "completion_id": answer["id"]}).raise_for_status()
    summary = Usage(path).summary().total
    assert (summary.shown, summary.accepted, summary.dismissed) == (2, 1, 1)
    assert summary.accepted_characters == len(found["choices"][0]["text"])


def test_an_event_of_nothing_is_an_error(client):
    answer = client.post("/v1/events", json={"type": "view", "completion_id": "cmpl-x"})
    assert answer.status_code == 404
    assert "no suggestion 0 of the answer 'cmpl-x' is known" in answer.json()["error"]["message"]
    assert client.post("/v1/events", json={"type": "seen", "completion_id": "x"}).status_code == 400


def test_llama_cpps_form_gives_what_the_engine_writes(client, engine):
    head, line = PREFIX.rsplit("\n", 1)
    body = {"input_prefix": head + "\n", "prompt": line, "input_suffix": "\n    pass\n", "n_predict": 5}
    found = client.post("/infill", json={**body, "samplers": ["top_k"], "cache_prompt": True, "n_indent": 8}).json()
    [expected] = engine.complete(Request(PREFIX, "\n    pass\n"), Decoding(5), one_line=False)
    assert found["content"] == expected.text
    assert found["tokens_predicted"] == len(expected.tokens)
    assert found["stop_type"] == ("eos" if expected.ended else "limit")
    ahead = client.post("/infill", json={**body, "n_predict": 0}).json()
    assert (ahead["content"], ahead["tokens_predicted"]) == ("", 0), "llama.vim has a text read before it asks"
    answer = client.post("/infill", json={**body, "nonsense": 1})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "nonsense is no field that this server knows: leave it out"


def test_health_is_told_in_both_forms(client):
    assert client.get("/health").json() == {"status": "ok", "model": "random"}
    for answer in (client.get("/v1/health"), client.post("/v1/health")):
        assert answer.json()["model"] == "random"
        assert answer.json()["cuda_devices"] == []


def test_figures_say_what_was_asked_and_how_long_it_took(client, count):
    before = count('code_t5_requests_total{path="/infill",status="200"}')
    client.post("/infill", json={"prompt": "x", "n_predict": 1}).raise_for_status()
    assert count('code_t5_requests_total{path="/infill",status="200"}') == before + 1
    assert count('code_t5_request_seconds_count{path="/infill"}') == before + 1
    client.get("/no/such/path")
    assert count('code_t5_requests_total{path="other",status="404"}') > 0
    assert count('code_t5_engine_total{what="requests"}') > 0


def test_the_page_needs_nothing_from_elsewhere(client):
    page = client.get("/").text
    assert "<textarea" in page
    assert "http://" not in page
    assert "https://" not in page
