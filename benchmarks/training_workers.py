"""Does a trainer wait for its input, with none, one and two data workers on the same machine?"""

import contextlib
import os
import pathlib
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator

from benchmarks import inputs, measure, training_processes, training_runs
from benchmarks.results import Section
from benchmarks.training_processes import Course, Shape
from benchmarks.training_speed import Place

SHAPE = Shape("tiny", 128, 4, 150)
WORKERS = (0, 1, 2)
_SKIPPED = 20
_SERVER = inputs.module("code_t5.main.datagen_server")


def section(place: Place) -> Section:
    """One run for each number of workers; about four minutes."""
    found = {}
    for count in WORKERS:
        with service(count, place.work.empty("service")) as address:
            environment = {"DATA_SERVICE": address} if address else {}
            found[count] = training_processes.ours(
                SHAPE, place.data_dir, place.model_dir("workers"), environment=environment,
                more={"benchmarks.Clock.repeats": "0"},
            )  # fmt: skip
    return table(found)


@contextlib.contextmanager
def service(workers: int, folder: pathlib.Path) -> Iterator[str | None]:
    """The address of a dispatcher with so many workers on this machine; None for no workers."""
    if not workers:
        yield None
        return
    folder.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    started = []
    try:
        started.append(_start(["dispatcher", "--port", address.rpartition(":")[2]], folder / "dispatcher.log"))
        for number in range(workers):
            words = ["worker", "--dispatcher", address, "--address", "127.0.0.1"]
            started.append(_start(words, folder / f"worker{number}.log"))
        yield address
    finally:
        for process in started:
            process.kill()
            process.wait()


def _start(words: list[str], log: pathlib.Path) -> subprocess.Popen:
    """Starts a server, and waits until it says that it is there."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_SERVER, *words], cwd=measure.ROOT, env={**os.environ, **training_runs.ENVIRONMENT}, stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    while f"{words[0]} at " not in (said := log.read_text(errors="replace")):
        if process.poll() is not None:
            raise measure.BenchmarkError(f"the data service's {words[0]} ended\n{said}")
        time.sleep(0.2)
    return process


def table(found: dict[int, Course]) -> Section:
    """The section of what was measured: number of workers -> a run."""
    rows, raw = [], {}
    for count, course in found.items():
        steps = course.clock["steps"][_SKIPPED:]
        share = sum(step[2] for step in steps) / sum(step[1] for step in steps)
        speed = course.steps_per_second(skipped=_SKIPPED)
        wait = statistics.median(step[2] for step in steps) * 1000
        rows.append([str(count) if count else "none: in the trainer", f"{speed:.2f}", f"{wait:.1f}", f"{share:.1%}"])
        raw[str(count)] = {"steps_per_second": speed, "share_waiting": share, "median_wait_ms": wait}
    return Section(
        title="Training: waiting for input",
        about=(
            f"models/prefix_lm.gin, {SHAPE}, after the first {_SKIPPED} steps. The workers of the data service run on "
            "the same cores as the trainer, so they can take nothing off it here; what is seen is what the service "
            "itself costs."
        ),
        columns=["data workers", "steps/s", "wait of a step, ms (median)", "share of the time"],
        rows=rows,
        raw=raw,
    )
