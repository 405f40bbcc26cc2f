"""The application: which path is answered by what."""

import asyncio
import importlib.metadata
import importlib.resources
import logging
import time
import uuid
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Body, FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Discriminator, Tag
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, Response, StreamingResponse

from completion.server import infill, metrics, openai, tabby
from completion.server.errors import RESPONSES, ApiError, error_response, validation_message
from completion.server.guard import Guard
from completion.server.service import Service

MAX_BODY_BYTES = 4_000_000
log = logging.getLogger("code_t5.server")


class Health(BaseModel):
    """That the server answers, and with what."""

    status: str
    model: str


def _kind(body: Any) -> str:
    has_segments = "segments" in body if isinstance(body, dict) else isinstance(body, tabby.TabbyRequest)
    return "tabby" if has_segments else "openai"


_Asked = Annotated[
    Annotated[openai.CompletionRequest, Tag("openai")] | Annotated[tabby.TabbyRequest, Tag("tabby")],
    Discriminator(_kind),
]


def make(
    service: Service,
    *,
    token: str | None = None,
    hosts: Iterable[str] | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
    min_score: float | None = None,
) -> metrics.Counted:
    """The application that answers with an engine.

    Args:
      token, hosts, max_body_bytes: see `guard.Guard`.
      min_score: of what is suggested to Tabby's plugins and on the page; None for any.
    """
    started_at = int(time.time())
    version = importlib.metadata.version("code_t5")
    app = FastAPI(title="code_t5", version=version, docs_url=None, redoc_url=None, responses=RESPONSES)
    _answer_errors(app)
    page = importlib.resources.files(__package__).joinpath("playground.html").read_text(encoding="utf-8")

    @app.post("/v1/completions", response_model=openai.Completion | tabby.TabbyResponse)
    async def completions(http: HttpRequest, asked: Annotated[_Asked, Body()]):
        """Completes code: OpenAI's completions, and Tabby's where the body has `segments`."""
        started = time.perf_counter()
        if isinstance(asked, tabby.TabbyRequest):
            call = asked.call(service.engine, min_score=min_score)
            [found] = await service.answer(http, [call])
            answer_id = f"cmpl-{uuid.uuid4().hex}"
            texts = [one.text for one in found]
            service.remember(answer_id, texts, source=asked.source, started=started)
            choices = [tabby.TabbyChoice(index=number, text=text) for number, text in enumerate(texts)]
            return tabby.TabbyResponse(id=answer_id, choices=choices)
        openai.check_model(asked.model, service.name)
        calls = asked.calls()
        if not asked.stream:
            return openai.completion(asked, await service.answer(http, calls), service.engine, name=service.name)
        if len(calls) > 1 or asked.n > 1:
            raise ApiError(400, "a stream is of one prompt and n 1: ask without stream for more", param="stream")
        events = openai.events(asked, service.stream(calls[0]), service.engine, name=service.name)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @app.get("/v1/models")
    async def models() -> openai.Models:
        """The model, in OpenAI's form."""
        return openai.Models(data=[openai.Model(id=service.name, created=started_at)])

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> openai.Model:
        """The model, if that is its name."""
        openai.check_model(name, service.name)
        return openai.Model(id=service.name, created=started_at)

    @app.post("/infill")
    async def fill_in(http: HttpRequest, asked: infill.InfillRequest) -> infill.InfillResponse:
        """Fills in at the cursor, in llama.cpp's form."""
        started = time.perf_counter()
        call = asked.call(service.engine)
        [found] = await service.answer(http, [call])
        return infill.response(service.engine, asked, call, found, name=service.name, started=started)

    @app.post("/v1/events")
    async def events(event: tabby.Event) -> None:
        """Counts what became of a suggestion."""
        await asyncio.to_thread(
            service.event, tabby.KINDS[event.type], event.completion_id, event.choice_index
        )  # fmt: skip

    @app.post("/v1/health", include_in_schema=False)  # as older plugins ask
    @app.get("/v1/health")
    async def state() -> tabby.HealthState:
        """The state of the server, in Tabby's form."""
        return tabby.health(service.name, version)

    @app.get("/health")
    async def health() -> Health:
        """That the server answers; never asks for the token."""
        return Health(status="ok", model=service.name)

    @app.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def figures() -> Response:
        """Figures for Prometheus."""
        return Response(service.metrics.text(), media_type=metrics.CONTENT_TYPE)

    @app.get("/", response_class=HTMLResponse)
    async def playground() -> str:
        """A page to try it on: type code, and see it completed."""
        return page

    _forget_422(app)
    guarded = Guard(app, token=token, max_body_bytes=max_body_bytes, hosts=hosts)
    return metrics.Counted(guarded, service.metrics)


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(_, error: ApiError):
        return error_response(error.status, str(error), param=error.param, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def not_valid(_, error: RequestValidationError):
        message, field = validation_message(error)
        return error_response(400, message, param=field)

    @app.exception_handler(HTTPException)
    async def http_error(request: HttpRequest, error: HTTPException):
        message = {404: f"nothing at {request.url.path}", 405: f"not by {request.method}"}.get(error.status_code)
        return error_response(error.status_code, message or str(error.detail), headers=error.headers)

    @app.exception_handler(Exception)
    async def fault(_, error: Exception):
        # The traceback is in the log; what was sent is not.
        return error_response(500, f"a fault of the server ({type(error).__name__}); its log says more")


def _forget_422(app: FastAPI) -> None:
    """What does not go with the document is answered with 400, as OpenAI does; FastAPI would describe a 422."""
    described = app.openapi()
    for path in described["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    described["paths"]["/v1/completions"]["post"]["responses"]["200"]["content"]["text/event-stream"] = {"schema": {}}
