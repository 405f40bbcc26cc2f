"""Times a part of a process: on the clock, and of all cores together."""

import os
import time


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self):
        self._seconds, self._core_seconds = time.perf_counter(), _core_seconds()

    def read(self) -> dict[str, float]:
        """`seconds`, and `core_seconds`: what this process has used since then, and those it has waited for."""
        return {
            "seconds": round(time.perf_counter() - self._seconds, 3),
            "core_seconds": round(_core_seconds() - self._core_seconds, 3),
        }


def _core_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
