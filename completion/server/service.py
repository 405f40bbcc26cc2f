"""What every kind of request comes down to: calls to the engine, in turns, with their figures kept."""

import asyncio
import collections
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.requests import Request as HttpRequest

from completion.engine import Engine, Suggestion
from completion.filters import Filters
from completion.requests import Request
from completion.search import Decoding
from completion.server.errors import ApiError
from completion.server.metrics import Metrics
from completion.server.turns import BusyError, GoneError, TooLateError, Turn, Turns
from completion.usage import Usage, UsageError

# The status that nginx logs where a client hung up: nobody reads it.
GONE = 499
# Suggestions whose fate may still be told; a client tells it within seconds.
_KEPT_SHOWN = 10_000
log = logging.getLogger("code_t5.server")


@dataclasses.dataclass(frozen=True)
class Call:
    """A call to the engine; see `Engine.complete`."""

    request: Request
    decoding: Decoding
    one_line: bool
    stop: tuple[str, ...] = ()
    filters: Filters | None = None
    distinct: bool = True


@dataclasses.dataclass
class _Answered:
    """A suggestion that was sent, as far as it is counted: its text is not kept.

    Attributes:
      events: what became of it, each told once. shown_id: of `Usage`.
    """

    characters: int
    lines: int
    milliseconds: float
    source: str
    events: set[str] = dataclasses.field(default_factory=set)
    shown_id: str | None = None


class Service:
    """An engine and what stands around it.

    Attributes:
      engine: that answers.
      name: of the model.
      turns: of the clients.
      metrics: for Prometheus.
    """

    def __init__(
        self, engine: Engine, *, name: str, turns: Turns, usage: Usage | None = None, log_prompts: bool = False
    ):
        """Takes an engine into service.

        Args:
          usage: where shown and accepted suggestions are counted; None for nowhere.
          log_prompts: whether the end of each prompt and each suggestion go to the log.
        """
        self.engine, self.name, self.turns = engine, name, turns
        self.metrics = Metrics(engine.counts, lambda: turns.inside)
        self._usage, self._log_prompts = usage, log_prompts
        self._answered: collections.OrderedDict[tuple[str, int], _Answered] = collections.OrderedDict()

    def _begin(self, calls: Sequence[Call], watch: Callable[[str], None] | None = None) -> Turn[list[list[Suggestion]]]:
        for call in calls:
            try:
                self.engine.layout.check(call.request)
            except ValueError as error:
                raise ApiError(400, str(error)) from error

        def work(cancelled: Callable[[], bool]) -> list[list[Suggestion]]:
            return [
                self.engine.complete(
                    call.request, call.decoding, one_line=call.one_line, stop=call.stop, filters=call.filters,
                    distinct=call.distinct, watch=watch, cancelled=cancelled,
                )
                for call in calls
            ]  # fmt: skip

        try:
            return self.turns.begin(work)
        except BusyError as error:
            raise ApiError(
                429,
                f"{self.turns.inside} requests wait already: ask again in a moment, and no more often than one types",
                headers={"Retry-After": "1"},
            ) from error

    async def answer(self, http: HttpRequest, calls: Sequence[Call]) -> list[list[Suggestion]]:
        """Suggestions for each call.

        Raises:
          ApiError: the model cannot do what is asked, the line is full, or it took too long.
        """
        found = await self._result(self._begin(calls), http.is_disconnected)
        self._log(calls, found)
        return found

    async def _result(self, turn: Turn, gone) -> list[list[Suggestion]]:
        try:
            return await turn.result(gone)
        except TooLateError as error:
            raise ApiError(
                503, f"not answered within {self.turns.timeout_s:g} s: ask for less, or when fewer others do"
            ) from error
        except GoneError as error:
            raise ApiError(GONE, "the client hung up") from error

    def stream(self, call: Call) -> AsyncIterator[str | Suggestion | ApiError]:
        """The text of one suggestion, in parts as it is written, and then the suggestion itself; an error ends it.

        The line is entered now, so that a full one is an error now. Where suggestions differ only in the end, as in a
        beam search, the whole text is one part.
        """
        loop, parts = asyncio.get_running_loop(), asyncio.Queue()
        turn = self._begin([call], watch=lambda text: loop.call_soon_threadsafe(parts.put_nowait, text))
        return self._parts(call, turn, parts)

    async def _parts(self, call: Call, turn: Turn, parts: asyncio.Queue) -> AsyncIterator[str | Suggestion | ApiError]:
        async def here() -> bool:
            return False  # a client that hangs up cancels this generator

        waiting = asyncio.ensure_future(self._result(turn, here))
        waiting.add_done_callback(lambda _: parts.put_nowait(None))
        sent = ""
        try:
            while (text := await parts.get()) is not None:
                if len(text) > len(sent):
                    yield text[len(sent) :]
                    sent = text
            found = waiting.result()
            self._log([call], found)
            for one in found[0][:1]:
                if len(one.text) > len(sent):
                    yield one.text[len(sent) :]
                yield one
        except ApiError as error:
            yield error
        finally:
            turn.leave()
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError, ApiError):
                await waiting

    def _log(self, calls: Sequence[Call], found: Sequence[Sequence[Suggestion]]) -> None:
        if self._log_prompts:
            for call, suggestions in zip(calls, found, strict=True):
                log.info("prompt ends %r, suggested %r", call.request.prompt[-80:], [one.text for one in suggestions])

    def remember(self, answer_id: str, texts: Sequence[str], *, source: str, started: float) -> None:
        """Keeps what is needed to count a suggestion when it is said to be shown."""
        milliseconds = (time.perf_counter() - started) * 1000
        for number, text in enumerate(texts):
            answered = _Answered(len(text), text.count("\n") + 1, milliseconds, source)
            self._answered[(answer_id, number)] = answered
        while len(self._answered) > _KEPT_SHOWN:
            self._answered.popitem(last=False)

    def event(self, kind: str, answer_id: str, number: int) -> None:
        """Counts what became of a suggestion, once: "shown", "accepted" or "dismissed"; whatever it was, it was shown.

        Raises:
          ApiError: it is not known.
        """
        key = (answer_id, number)
        answered = self._answered.get(key)
        if answered is None:
            raise ApiError(
                404,
                f"no suggestion {number} of the answer {answer_id!r} is known: the last {_KEPT_SHOWN:,} are, since the "
                "server started",
                param="completion_id",
            )
        new = {"shown", kind} - answered.events
        answered.events |= new
        for event in new:
            self.metrics.events.labels(event, answered.source).inc()
        if "accepted" in new:
            self.metrics.characters.labels(answered.source).inc(answered.characters)
        if self._usage is not None and new:
            try:
                self._keep(self._usage, kind, answered)
            except UsageError as error:  # completions go on without it
                log.warning("not counted on disk: %s", error)

    @staticmethod
    def _keep(usage: Usage, kind: str, answered: _Answered) -> None:
        if answered.shown_id is None:
            answered.shown_id = usage.shown(
                characters=answered.characters, lines=answered.lines, source=answered.source,
                milliseconds=answered.milliseconds,
            )  # fmt: skip
        if kind != "shown":
            (usage.accepted if kind == "accepted" else usage.dismissed)(answered.shown_id)
