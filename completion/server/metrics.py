"""Figures for Prometheus: requests, how long they took, who waits, and what became of suggestions."""

import collections
import time
from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds. A suggestion within 0.15 s is felt to come at once.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 30.0)

disable_created_metrics()


class Metrics:
    """Attributes:

    requests: by path and status.
    seconds: by path, of those that were answered.
    events: of suggestions, "shown", "accepted", "dismissed", by source.
    characters: of suggestions that were accepted, by source.
    """

    def __init__(self, counts: collections.Counter, inside: Callable[[], int]):
        """Makes a set of figures of its own.

        Args:
          counts: of the engine.
          inside: how many wait or are served.
        """
        self._registry = CollectorRegistry()
        more = {"namespace": "code_t5", "registry": self._registry}
        self.requests = Counter("requests", "Requests by path and status.", ["path", "status"], **more)
        self.seconds = Histogram("request_seconds", "Seconds to an answer.", ["path"], buckets=_BUCKETS, **more)
        self.events = Counter("suggestions", "What became of suggestions.", ["event", "source"], **more)
        self.characters = Counter("accepted_characters", "Characters of accepted suggestions.", ["source"], **more)
        self._counts, self._inside = counts, inside
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def collect(self) -> Iterable[Metric]:
        """What is read off the engine when it is asked for."""
        yield GaugeMetricFamily("code_t5_inside", "Requests that wait or are served.", value=self._inside())
        engine = CounterMetricFamily("code_t5_engine", "The engine's own counts.", labels=["what"])
        for what, number in sorted(self._counts.items()):
            engine.add_metric([what], number)
        yield engine

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)


class Counted:
    """An ASGI application around another, which counts its requests.

    They are counted by the pattern of the path that answers them; all that nothing answers are "other".
    """

    def __init__(self, app, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope, receive, send):
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def counted_send(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted_send)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(path, status).inc()
            if status == 200:
                self._metrics.seconds.labels(path).observe(time.perf_counter() - started)
