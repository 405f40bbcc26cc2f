"""Tabby's protocol, which its editor plugins speak: completions by segments, events, health.

https://tabby.tabbyml.com/api. Its completions share their path with OpenAI's: a body with `segments` is Tabby's. Fields
that Tabby has, or will have, and this server does not need are passed over.
"""

import os
import platform
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from completion.engine import Engine
from completion.filters import Filters
from completion.requests import Request
from completion.search import Decoding
from completion.server.service import Call

# A line of code is rarely longer.
MAX_NEW_TOKENS = 64
PAGE = "code_t5 page"


class Snippet(BaseModel):
    """A part of another file."""

    filepath: str
    body: str


class Segments(BaseModel):
    """What stands around the cursor."""

    prefix: str
    suffix: str | None = None
    filepath: str | None = None
    declarations: list[Snippet] | None = None
    relevant_snippets_from_changed_files: list[Snippet] | None = None
    relevant_snippets_from_recently_opened_files: list[Snippet] | None = None


class TabbyRequest(BaseModel):
    """A place in a file where a line is to be completed."""

    model_config = ConfigDict(json_schema_extra={"required": ["segments"]})

    segments: Segments
    language: str | None = None
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False)
    seed: int | None = Field(None, ge=0, lt=2**63)
    user: str | None = Field(None, description="Who asks: the server's own page says PAGE.")

    @property
    def source(self) -> str:
        """What its suggestions are counted under, one of `usage.SOURCES`."""
        return "page" if self.user == PAGE else "tabby"

    def call(self, engine: Engine, *, min_score: float | None) -> Call:
        """What the engine is asked; what the model was not trained for is left out, as Tabby's own server does."""
        parts = self.segments
        snippets = [
            *(parts.declarations or []),
            *(parts.relevant_snippets_from_changed_files or []),
            *(parts.relevant_snippets_from_recently_opened_files or []),
        ]
        with_files = engine.layout.context_budget > 0
        # What is blank says nothing about what is missing: the file is gone on with.
        has_suffix = engine.layout.infills and (parts.suffix or "").strip()
        request = Request(
            parts.prefix,
            parts.suffix if has_suffix else None,
            tuple((one.filepath, one.body) for one in snippets) if with_files else (),
            (parts.filepath or "") if with_files else "",
        )
        decoding = Decoding(MAX_NEW_TOKENS, temperature=self.temperature or 0.0, seed=self.seed)
        python = self.language in (None, "python")
        return Call(request, decoding, one_line=True, filters=Filters(min_score=min_score, python=python))


class TabbyChoice(BaseModel):
    """A suggestion."""

    index: int
    text: str


class TabbyResponse(BaseModel):
    """Suggestions, none where there is nothing to be shown."""

    id: str
    choices: list[TabbyChoice]


class Event(BaseModel):
    """What became of a suggestion."""

    type: Literal["view", "select", "dismiss"]
    completion_id: Annotated[str, Field(max_length=200)]
    choice_index: int = Field(0, ge=0, lt=1000)


# What each is counted as.
KINDS = {"view": "shown", "select": "accepted", "dismiss": "dismissed"}


class Version(BaseModel):
    """Of the program; the fields are Tabby's."""

    build_date: str
    build_timestamp: str
    git_sha: str
    git_describe: str


class HealthState(BaseModel):
    """The state of the server; the fields are Tabby's."""

    model: str
    device: str
    arch: str
    cpu_info: str
    cpu_count: int
    cuda_devices: list[str]
    version: Version


def health(name: str, version: str) -> HealthState:
    """The state of this server."""
    return HealthState(
        model=name, device="cpu", arch=platform.machine(), cpu_info=platform.processor() or platform.machine(),
        cpu_count=len(os.sched_getaffinity(0)), cuda_devices=[],
        version=Version(build_date="", build_timestamp="", git_sha="", git_describe=f"code_t5 {version}"),
    )  # fmt: skip
