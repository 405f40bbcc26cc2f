"""Runs commands in processes of their own: wall time, core time and peak memory over all processes of a command."""

import dataclasses
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence

ROOT = pathlib.Path(__file__).parents[1]
SAMPLE_S = 0.1


class BenchmarkError(RuntimeError):
    """Something could not be measured: a command failed, or what it left is not what was to be compared."""


@dataclasses.dataclass(frozen=True)
class Measurement:
    """One run of a command.

    Attributes:
      seconds: wall time from starting the process to its end.
      peak_mb: the largest sum of proportional set sizes (PSS) over its processes, in 10^6 bytes. A page that k
        processes share counts 1/k in each, so the sum counts every page once, mapped files included. Sampled every
        0.1 s: a peak that is shorter than that may be missed.
      core_seconds: time of all cores together, from the same samples: up to 0.1 s of each process are missing.
      output: what it printed.
    """

    seconds: float
    peak_mb: float
    core_seconds: float
    output: str = ""


def run(command: Sequence[str | os.PathLike], *, environment: Mapping[str, str] | None = None) -> Measurement:
    """Runs a command from the repository root and waits for it.

    Args:
      environment: variables to add to this process's.

    Raises:
      BenchmarkError: its exit status is not 0; the last lines of its error output are in the message.
    """
    words = [os.fspath(word) for word in command]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        with _Watch(process.pid) as watch:
            try:
                output, _ = process.communicate()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        seconds = time.perf_counter() - started
        if process.returncode:
            errors.seek(0)
            last = "\n".join(errors.read().splitlines()[-20:])
            raise BenchmarkError(f"exit status {process.returncode} of {' '.join(words)}\n{last}")
    return Measurement(seconds, watch.peak / 1e6, sum(watch.core_seconds.values()), output)


def interleaved(
    contestants: Mapping[str, Callable[[], Measurement]], runs: int, *, say: Callable[[str], None] = print
) -> dict[str, list[Measurement]]:
    """Measures each contestant `runs` times, in turns: a, b, a, b, so that a slow minute of the machine meets them all.

    What the run before wrote is on the disk before the next begins, outside the time that is measured.

    Example: `interleaved({"ours": f, "theirs": g}, 2)` calls f, g, f, g.
    """
    found: dict[str, list[Measurement]] = {name: [] for name in contestants}
    for number in range(runs):
        for name, contestant in contestants.items():
            os.sync()
            measurement = contestant()
            found[name].append(measurement)
            say(
                f"  {name}, run {number + 1} of {runs}: {measurement.seconds:.2f} s, "
                f"{measurement.core_seconds:.1f} core s, {measurement.peak_mb:,.0f} MB"
            )
    return found


def median_seconds(measurements: Sequence[Measurement]) -> float:
    return statistics.median(measurement.seconds for measurement in measurements)


def median_core_seconds(measurements: Sequence[Measurement]) -> float:
    return statistics.median(measurement.core_seconds for measurement in measurements)


def peak_mb(measurements: Sequence[Measurement]) -> float:
    """The largest of all runs."""
    return max(measurement.peak_mb for measurement in measurements)


class _Watch:
    """A thread that looks at all processes of a session while its `with` block runs.

    Attributes:
      peak: bytes, the largest sum of their proportional set sizes.
      core_seconds: process id -> what it had used when it was last seen.
    """

    def __init__(self, session: int):
        self.peak = 0
        self.core_seconds: dict[int, float] = {}
        self._session = session
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Watch":
        self._thread.start()
        return self

    def __exit__(self, *exception) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            processes = _processes_of(self._session)
            self.core_seconds.update(processes)
            self.peak = max(self.peak, sum(map(_proportional_set_size, processes)))
            if self._ended.wait(SAMPLE_S):
                return


def _processes_of(session: int) -> dict[int, float]:
    """Process id -> core seconds. A session also holds what a fork server started, where a tree would lose it."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                # After the name, which may hold anything: state, parent, process group, session, ...; proc(5).
                fields = pathlib.Path(entry.path, "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                found[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def _proportional_set_size(process: int) -> int:
    """Bytes; 0 for a process that has ended."""
    try:
        rollup = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:")), 0)
