"""OpenAI's completions, by its own client and by hand; what is written is the engine's own answer."""

import json
import re

import openai
import pytest

from completion.engine import Engine
from completion.requests import Request
from completion.search import Decoding

PROMPT = "import os\n\n\nclass A:\n    def path(self, name):\n        self.na"


@pytest.fixture(scope="module")
def engine(model) -> Engine:
    return Engine(str(model), threads=1)


@pytest.fixture(scope="module")
def theirs(server):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_openais_client_gets_what_the_engine_writes(theirs, engine):
    found = theirs.completions.create(model="random", prompt=PROMPT, temperature=0, max_tokens=6)
    [expected] = engine.complete(Request(PROMPT), Decoding(6), one_line=False)
    [choice] = found.choices
    assert (choice.text, choice.index, choice.finish_reason) == (expected.text, 0, "length")
    assert found.usage.completion_tokens == 6
    assert found.usage.prompt_tokens == len(engine.codec.encode(PROMPT))
    assert found.model == "random"


def test_openais_client_reads_a_stream(theirs, engine):
    for more in ({}, {"stop": ["\n"]}, {"best_of": 3}):
        parts = list(
            theirs.completions.create(
                model="random", prompt=PROMPT, temperature=0, max_tokens=9, stream=True,
                stream_options={"include_usage": True}, **more,
            )
        )  # fmt: skip
        whole = theirs.completions.create(model="random", prompt=PROMPT, temperature=0, max_tokens=9, **more)
        texts = [part.choices[0].text for part in parts if part.choices]
        assert "".join(texts) == whole.choices[0].text
        assert parts[-1].usage.completion_tokens > 0
        assert parts[-2].choices[0].finish_reason == whole.choices[0].finish_reason
        if not more:
            assert len([text for text in texts if text]) > 3, "it comes in parts"


def test_as_many_answers_as_are_asked_for(theirs):
    found = theirs.completions.create(model="random", prompt=[PROMPT, "x = "], n=4, max_tokens=3, seed=1)
    again = theirs.completions.create(model="random", prompt=[PROMPT, "x = "], n=4, max_tokens=3, seed=1)
    assert [one.index for one in found.choices] == list(range(8))
    assert [one.text for one in found.choices] == [one.text for one in again.choices]
    assert len({one.text for one in found.choices}) > 4
    best = theirs.completions.create(model="random", prompt=PROMPT, n=1, best_of=6, max_tokens=3, seed=1)
    assert len(best.choices) == 1


def test_logprobs_are_of_the_tokens_of_the_text(theirs, engine):
    found = theirs.completions.create(model="random", prompt=PROMPT, temperature=0, max_tokens=5, logprobs=2)
    [choice] = found.choices
    [expected] = engine.complete(Request(PROMPT), Decoding(5), one_line=False)
    table = choice.logprobs
    assert table.token_logprobs == pytest.approx(expected.logprobs[: len(table.tokens)], abs=1e-4)
    assert all(max(row.values()) == row[token] for row, token in zip(table.top_logprobs, table.tokens, strict=True))
    assert table.text_offset[0] == 0
    # The first token may begin before the cursor, the last end behind a stop text: those between are the text.
    for start, end, token in zip(table.text_offset[1:], [*table.text_offset[2:], None], table.tokens[1:], strict=True):
        assert choice.text[start:end] == token
    without = theirs.completions.create(model="random", prompt=PROMPT, temperature=0, max_tokens=5)
    assert without.choices[0].logprobs is None
    assert without.choices[0].text == choice.text


def test_an_answer_ends_before_a_stop_text(theirs):
    whole = theirs.completions.create(model="random", prompt=PROMPT, temperature=0, max_tokens=12).choices[0].text
    end = whole[4:6]
    found = theirs.completions.create(model="random", prompt=PROMPT, temperature=0, max_tokens=12, stop=end).choices[0]
    assert found.text == whole[: whole.find(end)]
    assert found.finish_reason == "stop"


def test_a_suffix_is_filled_in_before(theirs, engine):
    found = theirs.completions.create(model="random", prompt=PROMPT, suffix="\n    pass\n", temperature=0, max_tokens=4)
    [expected] = engine.complete(Request(PROMPT, "\n    pass\n"), Decoding(4), one_line=False)
    assert found.choices[0].text == expected.text


def test_models_are_listed(theirs):
    assert [one.id for one in theirs.models.list()] == ["random"]
    assert theirs.models.retrieve("random").id == "random"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt' here: this server has 'random'"):
        theirs.models.retrieve("gpt")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "prompt: Field required"),
        ({"prompt": [1, 2]}, 400, "prompt: expected a text or a list of texts, not token ids"),
        ({"prompt": []}, 400, "prompt"),
        ({"prompt": "x", "n": 10_000}, 400, "n: Input should be less than or equal to 16"),
        ({"prompt": "x", "max_tokens": 100_000}, 400, "max_tokens: Input should be less than or equal to 1024"),
        ({"prompt": "x", "echo": True}, 400, "echo: not supported: the answer is what follows the prompt"),
        ({"prompt": "x", "logit_bias": {"5": 1}}, 400, "logit_bias: not supported"),
        ({"prompt": "x", "frequency_penalty": 1}, 400, "frequency_penalty: not supported"),
        ({"prompt": "x", "max_new_tokens": 5}, 400, "max_new_tokens is no field that this server knows"),
        ({"prompt": "x", "n": 3, "best_of": 2}, 400, "best_of 2 is less than n 3"),
        ({"prompt": "x", "logprobs": 1, "n": 2, "temperature": 0}, 400, "logprobs are not kept in a beam search"),
        ({"prompt": "x", "logprobs": 6}, 400, "logprobs: Input should be less than or equal to 5"),
        ({"prompt": "x", "stop": [""]}, 400, "stop"),
        ({"prompt": "x", "model": "gpt"}, 404, "no model 'gpt' here: this server has 'random'"),
        ({"prompt": "x", "n": 2, "stream": True}, 400, "a stream is of one prompt and n 1"),
        ({"prompt": "x\ud800"}, 400, r"prompt has half a character at 1 \(U\+D800 alone\)"),
        ({"prompt": "x", "suffix": "\udc00"}, 400, "suffix has half a character at 0"),
        ([], 400, "the body is to be a JSON object"),
    ],
)
def test_what_is_wrong_is_said(client, body, status, message):
    answer = client.post("/v1/completions", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert re.match(message, answer.json()["error"]["message"])
    assert client.get("/health").json() == {"status": "ok", "model": "random"}


@pytest.mark.parametrize("body", [b"{", b'{"prompt": "\xff"}', b"\xff\xfe", b"", b'"x"', b"[" * 100_000, b"NaN"])
def test_what_is_no_json_is_refused(client, body):
    answer = client.post("/v1/completions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
