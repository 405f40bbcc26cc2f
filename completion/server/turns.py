"""One engine, many clients: they take turns, wait in a line of bounded length, and leave it when nobody listens."""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from completion.search import CancelledError

T = TypeVar("T")
# How often it is seen whether somebody still waits.
_LOOK_S = 0.05


class BusyError(Exception):
    """The line is full."""


class TooLateError(Exception):
    """It took longer than it may."""


class GoneError(Exception):
    """Nobody waits for the answer any more."""


class Turn(Generic[T]):
    """A place in the line.

    Attributes:
      future: of the result.
    """

    def __init__(self, future: concurrent.futures.Future, stopped: threading.Event, deadline: float):
        self.future = future
        self._stopped = stopped
        self._deadline = deadline

    def leave(self) -> None:
        """Gives up: what waits is not begun, what runs stops at its next step."""
        self._stopped.set()
        self.future.cancel()

    async def result(self, gone: Callable[[], Awaitable[bool]]) -> T:
        """Waits for the result.

        Args:
          gone: asked now and then whether the client has hung up.

        Raises:
          TooLateError: it takes too long.
          GoneError: `gone` said so.
        """
        waiting = asyncio.wrap_future(self.future)
        # What fails after it was given up is nobody's error.
        waiting.add_done_callback(lambda future: future.cancelled() or future.exception())
        try:
            while not (await asyncio.wait({waiting}, timeout=_LOOK_S))[0]:
                if time.monotonic() > self._deadline:
                    raise TooLateError
                if await gone():
                    raise GoneError
            return waiting.result()
        except CancelledError as error:
            raise GoneError from error
        finally:
            self.leave()


class Turns:
    """The line.

    Attributes:
      timeout_s: for waiting and being served.
    """

    def __init__(self, *, most_waiting: int, timeout_s: float):
        """Makes an empty line.

        Args:
          most_waiting: how many may wait, beside the one that is served.
        """
        self.timeout_s = timeout_s
        self._most = most_waiting + 1
        self._inside = 0
        self._lock = threading.Lock()
        self._worker = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    @property
    def inside(self) -> int:
        """How many wait or are served."""
        return self._inside

    def begin(self, work: Callable[[Callable[[], bool]], T]) -> Turn[T]:
        """Takes a place.

        Args:
          work: is given a function that says whether to stop; runs in a thread of its own, nothing beside it.

        Raises:
          BusyError: there is none left.
        """
        stopped = threading.Event()
        with self._lock:
            if self._inside >= self._most:
                raise BusyError
            self._inside += 1
        future = self._worker.submit(self._serve, work, stopped)
        future.add_done_callback(self._left)
        return Turn(future, stopped, time.monotonic() + self.timeout_s)

    @staticmethod
    def _serve(work, stopped: threading.Event):
        if stopped.is_set():
            raise CancelledError
        return work(stopped.is_set)

    def _left(self, _: concurrent.futures.Future) -> None:
        with self._lock:
            self._inside -= 1
