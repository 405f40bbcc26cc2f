"""llama.cpp's `POST /infill`, which its plugins for Vim and VS Code speak.

https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md. The text before the cursor is `input_prefix`
and behind it `prompt`, the line as far as it is typed.
"""

import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from completion.engine import Engine, Suggestion
from completion.requests import Request
from completion.search import Decoding
from completion.server.openai import MAX_STOP, MAX_STOPS, MAX_TOKENS
from completion.server.service import Call


class ExtraFile(BaseModel):
    """A part of another file."""

    filename: str
    text: str


class InfillRequest(BaseModel):
    """What is asked; options of llama.cpp that mean nothing here are named below and passed over, others refused."""

    model_config = ConfigDict(extra="forbid")

    input_prefix: str = ""
    input_suffix: str | None = None
    prompt: str = ""
    input_extra: list[ExtraFile] | None = None
    n_predict: int = Field(64, ge=-1, le=MAX_TOKENS, description="-1 for as many as may be, 0 to read ahead alone.")
    temperature: float = Field(0.0, ge=0, le=2, allow_inf_nan=False)
    top_k: int = Field(40, ge=0, le=100_000, description="0 for all.")
    top_p: float = Field(0.95, gt=0, le=1, allow_inf_nan=False)
    seed: int = Field(-1, ge=-1, lt=2**63)
    stop: Annotated[list[Annotated[str, Field(min_length=1, max_length=MAX_STOP)]], Field(max_length=MAX_STOPS)] = []
    stream: Literal[False] = False

    # Passed over.
    model: str | None = None
    samplers: list[str] | None = None
    cache_prompt: bool | None = None
    n_indent: int | None = None
    t_max_prompt_ms: int | None = None
    t_max_predict_ms: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    response_fields: list[str] | None = None
    id_slot: int | None = None

    def call(self, engine: Engine) -> Call:
        """What the engine is asked; files are left out where the model was trained without."""
        files = tuple((one.filename, one.text) for one in self.input_extra or [])
        with_files = engine.layout.context_budget > 0
        request = Request(self.input_prefix + self.prompt, self.input_suffix, files if with_files else ())
        sampling = {"top_k": self.top_k or None, "top_p": self.top_p} if self.temperature else {}
        seed = None if self.seed < 0 else self.seed
        most = MAX_TOKENS if self.n_predict < 0 else max(1, self.n_predict)
        decoding = Decoding(most, temperature=self.temperature, seed=seed, **sampling)
        one_line = "\n" in self.stop
        stop = tuple(one for one in self.stop if not (one_line and one.startswith("\n")))
        return Call(request, decoding, one_line, stop)


class Timings(BaseModel):
    """How much was read and written, and how long all of it took."""

    prompt_n: int
    prompt_ms: float
    prompt_per_second: float
    predicted_n: int
    predicted_ms: float
    predicted_per_second: float


class InfillResponse(BaseModel):
    """The text to be put at the cursor."""

    content: str
    stop: Literal[True] = True
    stop_type: Literal["eos", "limit"]
    model: str
    tokens_predicted: int
    tokens_evaluated: int
    truncated: bool = False
    timings: Timings


def response(
    engine: Engine, asked: InfillRequest, call: Call, found: list[Suggestion], *, name: str, started: float
) -> InfillResponse:
    """The answer to a request that came at `started`, by `time.perf_counter`; no text where none was asked for."""
    one, read = found[0], engine.tokens_read(call.request)
    seconds = max(time.perf_counter() - started, 1e-6)
    written = len(one.tokens) if asked.n_predict else 0
    timings = Timings(
        prompt_n=read, prompt_ms=0.0, prompt_per_second=0.0, predicted_n=written, predicted_ms=seconds * 1000,
        predicted_per_second=written / seconds,
    )  # fmt: skip
    return InfillResponse(
        content=one.text if asked.n_predict else "", stop_type="eos" if one.ended else "limit", model=name,
        tokens_predicted=written, tokens_evaluated=read, timings=timings,
    )  # fmt: skip
