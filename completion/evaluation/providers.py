"""Who answers cases: our engine, and any server that speaks OpenAI's completions. Baselines are in `baselines`."""

import dataclasses
import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Protocol

from completion.engine import Engine
from completion.evaluation.cases import Case, Prediction
from completion.search import CancelledError, Decoding

# The environment variable with the key of a server.
KEY = "OPENAI_API_KEY"
# How several samples of a case are drawn: the best temperature for many, and the share of the distribution (Chen and
# others, 2021, section 3.3).
SAMPLE_TEMPERATURE, SAMPLE_TOP_P = 0.8, 0.95


class Provider(Protocol):
    """Answers cases.

    Attributes:
      name: in tables, and in its file of predictions.
    """

    name: str

    def answer(self, case: Case) -> Prediction:
        """Texts for a case, the best first; what goes wrong is told in the prediction, not raised."""


class EngineProvider:
    """An exported model; candidates are ranked by their likelihood.

    A model that was not trained to fill in is not shown what stands behind the cursor. Several threads may ask.
    """

    def __init__(
        self, engine: Engine, name: str, *, decoding: Decoding, max_block_tokens: int | None = None,
        stop: Sequence[str] = (), timeout_s: float = 60.0,
    ):  # fmt: skip
        """Takes an engine.

        Args:
          max_block_tokens: of answers of several lines; None for as many as of a line.
          stop: texts before the first of which answers of several lines end.
          timeout_s: for an answer; one that takes longer is an error of its case.
        """
        self.name = name
        self._engine, self._decoding, self._stop, self._timeout_s = engine, decoding, tuple(stop), timeout_s
        # One of each thread that asks.
        self._local = threading.local()
        self._of_block = dataclasses.replace(decoding, max_new_tokens=max_block_tokens or decoding.max_new_tokens)

    def answer(self, case: Case) -> Prediction:
        """See `Provider`."""
        started = time.perf_counter()
        request = case.request()
        if not self._engine.layout.infills:
            request = dataclasses.replace(request, suffix=None)
        if not hasattr(self._local, "engine"):
            self._local.engine = self._engine.twin()
        engine = self._local.engine
        # What was asked before must not matter.
        engine.forget()
        try:
            if case.candidates:
                scores = engine.rank(request, case.candidates)
                order = sorted(range(len(scores)), key=lambda i: -scores[i])
                texts, found = (tuple(values[i] for i in order) for values in (case.candidates, scores))
            else:
                suggestions = engine.complete(
                    request, self._decoding if case.one_line else self._of_block, one_line=case.one_line,
                    stop=() if case.one_line else self._stop,
                    distinct=not self._decoding.temperature,  # of drawn ones each counts
                    cancelled=lambda: time.perf_counter() - started > self._timeout_s,
                )  # fmt: skip
                texts, found = tuple(one.text for one in suggestions), tuple(sum(one.logprobs) for one in suggestions)
        except CancelledError:
            return _prediction(case, self.name, started, error=f"no answer within {self._timeout_s:g} s")
        except ValueError as error:
            return _prediction(case, self.name, started, error=str(error))
        return _prediction(case, self.name, started, texts, found)


class ServerProvider:
    """A server that speaks OpenAI's `POST /v1/completions`; its key is in the environment, see `KEY`."""

    def __init__(
        self, url: str, name: str, *, model: str | None = None, max_tokens: int = 64, number: int = 1,
        timeout_s: float = 60.0, stop: Sequence[str] = (), seed: int = 0,
    ):  # fmt: skip
        """Takes an address.

        Args:
          url: up to "/v1", "http://localhost:8012/v1".
          model: that is asked for; None for none.
          number: of answers to a case; more than one are drawn, as `SAMPLE_TEMPERATURE` says.
        """
        self.name = name
        self._url, self._model, self._timeout_s = url.rstrip("/"), model, timeout_s
        self._max_tokens, self._number, self._stop, self._seed = max_tokens, number, tuple(stop), seed

    def answer(self, case: Case) -> Prediction:
        """See `Provider`."""
        started = time.perf_counter()
        if case.candidates:
            return _prediction(case, self.name, started, error="a server is not asked to choose among candidates")
        body = {"prompt": case.prompt, "max_tokens": self._max_tokens, "n": self._number}
        if self._number == 1:
            body["temperature"] = 0
        else:
            body |= {"temperature": SAMPLE_TEMPERATURE, "top_p": SAMPLE_TOP_P, "seed": self._seed}
        if case.suffix is not None:
            body["suffix"] = case.suffix
        if stop := ["\n"] if case.one_line else list(self._stop):
            body["stop"] = stop
        if self._model is not None:
            body["model"] = self._model
        try:
            found = self._asked(body)
            choices = sorted(enumerate(found["choices"]), key=lambda one: one[1].get("index", one[0]))
            texts = tuple(choice["text"] for _, choice in choices)
            if not all(isinstance(text, str) for text in texts):
                raise TypeError("a choice's text is none")
            if len(texts) < self._number:
                raise ValueError(f"{self._number} choices were asked for, and {len(texts)} came")
        except urllib.error.HTTPError as error:
            return _prediction(case, self.name, started, error=f"status {error.code}: {_said(error)}")
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or f"{type(error).__name__} {error}".strip()
            return _prediction(case, self.name, started, error=f"no answer: {why}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _prediction(case, self.name, started, error=f"not OpenAI's answer: {type(error).__name__} {error}")
        return _prediction(case, self.name, started, texts)

    def _asked(self, body: dict) -> dict:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(f"{self._url}/completions", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
            return json.loads(answer.read())


def _said(error: urllib.error.HTTPError) -> str:
    """What a server says of an error, one line of it."""
    text = error.read(2000).decode("utf-8", "replace")
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip().partition("\n")[0][:200]


def _prediction(
    case: Case,
    name: str,
    started: float,
    texts: tuple[str, ...] = (),
    scores: tuple[float, ...] = (),
    *,
    error: str | None = None,
) -> Prediction:
    milliseconds = (time.perf_counter() - started) * 1000
    return Prediction(case.id, case.suite, name, texts, scores, milliseconds, error)
