"""Where the time of a command goes, by function of ours.

A timer interrupts the program every few milliseconds. The time since the last interruption is put down to the
innermost function of this repository that is on the stack, so that a call into Arrow, numpy or the system counts for
the line of ours that made it. (An interruption that arrives during a call in C is answered after it; therefore the
time that passed is added up, not the number of interruptions.) Unlike a tracing profiler this takes next to nothing.

python -m benchmarks.profiling preprocessing.run --input_dir FLCC --output_dir DOCUMENTS --workers 1
"""

import collections
import contextlib
import importlib
import io
import json
import pathlib
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

ROOT = pathlib.Path(__file__).parents[1]
INTERVAL_S = 0.002


def profile(call: Callable[[], object], *, rooms: tuple[str, ...] = ("preprocessing",)) -> dict[str, float]:
    """Calls `call` in this thread.

    Args:
      rooms: the folders of this repository whose functions are counted.

    Returns:
      Function, such as "filters.accept", -> seconds, the longest first; "elsewhere" for what no function of these
      rooms was on the stack of.
    """
    seconds: collections.Counter[str] = collections.Counter()
    folders = {f"{ROOT / room}/": room for room in rooms}
    last = time.perf_counter()

    def interrupted(_, frame: FrameType | None) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[_innermost(frame, tuple(folders))] += now - last
        last = now

    before = signal.signal(signal.SIGALRM, interrupted)
    signal.setitimer(signal.ITIMER_REAL, INTERVAL_S, INTERVAL_S)
    try:
        last = time.perf_counter()
        call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return dict(seconds.most_common())


def _innermost(frame: FrameType | None, folders: tuple[str, ...]) -> str:
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(folders):
            # "Workers.run.<locals>.next" is part of "Workers.run".
            return f"{pathlib.Path(file).stem}.{frame.f_code.co_qualname.partition('.<')[0]}"
        frame = frame.f_back
    return "elsewhere"


def main() -> None:
    """Runs a module's `main` with the arguments after its name, and prints the seconds as JSON."""
    program = importlib.import_module(sys.argv[1])
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        seconds = profile(lambda: program.main(sys.argv[2:]))
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
