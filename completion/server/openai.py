"""OpenAI's `POST /v1/completions` and `GET /v1/models`, as far as they go for a model that completes code.

https://platform.openai.com/docs/api-reference/completions. `max_tokens` is 64 where it is not given. A stop text that
is a newline asks for one line: all ways to end it are then weighed together. With temperature 0, `best_of` (or `n`)
above 1 is a beam search of so many.
"""

import collections
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from completion.engine import Engine, Suggestion
from completion.requests import Request
from completion.search import Decoding
from completion.server.errors import ApiError
from completion.server.service import Call

MAX_TOKENS, MAX_ANSWERS, MAX_PROMPTS, MAX_STOPS, MAX_STOP = 1024, 16, 64, 16, 256
_Stop = Annotated[str, Field(min_length=1, max_length=MAX_STOP)]


class CompletionRequest(BaseModel):
    """What is asked; fields that are not here are refused."""

    model_config = ConfigDict(extra="forbid")

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MAX_PROMPTS)] = Field(
        description="The text before the cursor, or several."
    )
    suffix: str | None = Field(None, description="The text after it, for models that were trained to fill in.")
    model: str | None = Field(None, description="One of /v1/models.")
    max_tokens: int = Field(64, ge=1, le=MAX_TOKENS)
    temperature: float = Field(1.0, ge=0, le=2, allow_inf_nan=False)
    top_p: float = Field(1.0, gt=0, le=1, allow_inf_nan=False)
    n: int = Field(1, ge=1, le=MAX_ANSWERS)
    best_of: int | None = Field(None, ge=1, le=MAX_ANSWERS, description="Write so many and give the n best.")
    stop: _Stop | Annotated[list[_Stop], Field(max_length=MAX_STOPS)] | None = None
    logprobs: int | None = Field(None, ge=0, le=5)
    stream: bool = False
    stream_options: dict[Literal["include_usage"], bool] | None = None
    seed: int | None = Field(None, ge=0, lt=2**63)
    echo: Literal[False] | None = Field(None, description="Not supported: the answer is what follows the prompt.")
    presence_penalty: Literal[0, 0.0] | None = Field(None, description="Only 0.")
    frequency_penalty: Literal[0, 0.0] | None = Field(None, description="Only 0.")
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = Field(None, description="Only {}.")
    user: str | None = Field(None, description="Not used.")

    @field_validator("echo", mode="before")
    @classmethod
    def _no_echo(cls, value: Any) -> Any:
        if value:
            raise ValueError("not supported: the answer is what follows the prompt; put the prompt before it yourself")
        return value

    @field_validator("presence_penalty", "frequency_penalty", "logit_bias", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        if value:
            raise ValueError("not supported: leave it out, or give 0 (of logit_bias, {})")
        return value

    @field_validator("prompt", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if isinstance(value, list) and any(isinstance(one, int | list) for one in value):
            raise ValueError("expected a text or a list of texts, not token ids: the vocabulary is the server's own")
        return value

    @model_validator(mode="after")
    def _go_together(self) -> "CompletionRequest":
        if self.best_of is not None and self.best_of < self.n:
            raise ValueError(f"best_of {self.best_of} is less than n {self.n}: write at least as many as are given")
        if self.logprobs is not None and not self.temperature and self._written > 1:
            raise ValueError("logprobs are not kept in a beam search: leave them out, or give n and best_of 1")
        return self

    @property
    def _written(self) -> int:
        return max(self.n, self.best_of or 1)

    @property
    def prompts(self) -> list[str]:
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    @property
    def stops(self) -> tuple[str, ...]:
        return tuple([self.stop] if isinstance(self.stop, str) else self.stop or ())

    def calls(self) -> list[Call]:
        """A call for each prompt."""
        decoding = Decoding(
            max_new_tokens=self.max_tokens,
            beam_size=1 if self.temperature else self._written,
            num_answers=self._written,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            top_logprobs=self.logprobs or 0,
        )
        one_line = "\n" in self.stops
        stop = tuple(one for one in self.stops if not (one_line and one.startswith("\n")))
        return [Call(Request(prompt, self.suffix), decoding, one_line, stop, distinct=False) for prompt in self.prompts]


class Logprobs(BaseModel):
    """Of each token: its text, its log-probability, the likeliest ones in its place, and where it begins."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class Choice(BaseModel):
    """An answer, or in a stream a part of one."""

    index: int
    text: str
    logprobs: Logprobs | None = None
    finish_reason: Literal["stop", "length"] | None


class TokenCounts(BaseModel):
    """Tokens that were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """All answers to a request."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenCounts | None = None


class Model(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "code_t5"


class Models(BaseModel):
    """All that can be asked: one."""

    object: Literal["list"] = "list"
    data: list[Model]


def check_model(asked: str | None, name: str) -> None:
    """Raises ApiError where another model is asked for."""
    if asked is not None and asked != name:
        raise ApiError(404, f"no model {asked!r} here: this server has {name!r}", param="model")


def completion(asked: CompletionRequest, found: list[list[Suggestion]], engine: Engine, *, name: str) -> Completion:
    """The answer to a request that is not streamed."""
    choices, written = [], 0
    for suggestions in found:
        written += sum(len(one.tokens) for one in suggestions)
        for one in suggestions[: asked.n]:
            logprobs = None if asked.logprobs is None else _logprobs(one, engine, asked.logprobs)
            choices.append(
                Choice(index=len(choices), text=one.text, logprobs=logprobs, finish_reason=_finish_reason(one))
            )
    read = sum(engine.tokens_read(call.request) for call in asked.calls())
    return Completion(**_frame(name), choices=choices, usage=_counts(read, written))


async def events(asked: CompletionRequest, parts: AsyncIterator, engine: Engine, *, name: str) -> AsyncIterator[str]:
    """The answer to a request that is streamed: server-sent events, the last of them `[DONE]`."""
    frame = _frame(name)

    def event(*choices: Choice, **more) -> str:
        return f"data: {Completion(**frame, choices=list(choices), **more).model_dump_json()}\n\n"

    async for part in parts:
        if isinstance(part, ApiError):
            message = {"message": str(part), "type": "server_error", "param": part.param, "code": part.status}
            yield f"data: {json.dumps({'error': message})}\n\n"
            return
        if isinstance(part, str):
            yield event(Choice(index=0, text=part, finish_reason=None))
            continue
        logprobs = None if asked.logprobs is None else _logprobs(part, engine, asked.logprobs)
        yield event(Choice(index=0, text="", logprobs=logprobs, finish_reason=_finish_reason(part)))
        if (asked.stream_options or {}).get("include_usage"):
            read = engine.tokens_read(asked.calls()[0].request)
            yield event(usage=_counts(read, len(part.tokens)))
    yield "data: [DONE]\n\n"


def _frame(name: str) -> dict[str, Any]:
    return {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": name}


def _counts(read: int, written: int) -> TokenCounts:
    return TokenCounts(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def _finish_reason(one: Suggestion) -> Literal["stop", "length"]:
    return "stop" if one.ended else "length"


def _logprobs(one: Suggestion, engine: Engine, number: int) -> Logprobs:
    """Of the tokens of which something is in the text."""
    # The model's tables are padded: ids past the vocabulary have no text.
    pieces = collections.defaultdict(bytes, enumerate(engine.codec.piece_bytes()))
    # What was typed before the cursor and written again is no part of the answer's text.
    skip, at, spans = len(one.typed_again.encode()), 0, []
    for token in one.tokens:
        spans.append((max(0, at - skip), pieces[token]))
        at += len(spans[-1][1])
    whole = one.text.encode()
    spans = [span for span in spans if span[0] < len(whole)]
    return Logprobs(
        tokens=[_readable(piece) for _, piece in spans],
        token_logprobs=list(one.logprobs[: len(spans)]),
        top_logprobs=[
            {_readable(pieces[token]): logprob for token, logprob in row} for row in one.top[: len(spans)]
        ] if number else None,
        text_offset=[len(whole[:start].decode(errors="ignore")) for start, _ in spans],
    )  # fmt: skip


def _readable(piece: bytes) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "bytes:" + repr(piece)[2:-1]  # as OpenAI writes parts of characters
