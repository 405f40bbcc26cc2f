"""Several pipelines at once, and those that are stopped and killed, on a small experiment."""

import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from pipeline import records
from tests.pipeline.small_pipeline import STAGES, Pipeline, lines, until


@pytest.mark.slow
def test_what_two_processes_want_is_made_once(pipeline):
    processes = [pipeline.start(), pipeline.start()]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [error for _, error in said] == ["", ""]
    out = "".join(output for output, _ in said)
    assert [len(re.findall(rf"{stage} \w+: made in", out)) for stage in STAGES] == [1, 1, 1]


def unfinished(pipeline: Pipeline, stage: str) -> bool:
    return any((pipeline.results / stage).glob("*.log")) and len(pipeline.processes()) > 1


@pytest.mark.parametrize(
    ("number", "status", "workers"),
    [
        (signal.SIGTERM, 143, 1),
        pytest.param(signal.SIGTERM, 143, 2, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, 130, 2, marks=pytest.mark.slow),
    ],
)
def test_told_to_stop_it_leaves_nobody_behind_and_goes_on(pipeline, number, status, workers):
    process = pipeline.start("--workers", str(workers))
    until(lambda: unfinished(pipeline, "Documents"))
    # A terminal's Ctrl-C comes to all processes of the group, what ends a job to the first one.
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (status, "")
    assert output.endswith("told to stop; the same command goes on\n")
    assert pipeline.processes() == []
    assert records.status(pipeline.results, pipeline.record("Documents")) == "killed"
    assert lines(pipeline.run("--dry_run"))[1:3] == [
        "  found  FlccTree D", "  make   Documents D: was killed; begins again"
    ]  # fmt: skip
    assert pipeline.run().returncode == 0
    assert [one.status for one in pipeline.every()] == ["finished"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_it_ends_as_an_undisturbed_run(pipeline, tmp_path, seed):
    began = time.monotonic()
    assert pipeline.run().returncode == 0
    took, whole = time.monotonic() - began, pipeline.made()
    pipeline.results = tmp_path / "killed"
    draw = random.Random(seed)
    for number in range(6):
        process = pipeline.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=draw.uniform(took / 4, took))
        # The group of the pipeline: a stage's command is in another one, ends by itself, and has the result's lock
        # until then. Or all, as when the machine goes down.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for one in pipeline.processes() if number % 2 else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()
    assert pipeline.run().returncode == 0
    assert pipeline.made() == whole
    assert [one.status for one in pipeline.every()] == ["finished"] * 3
    assert not list(pipeline.results.glob("*/*.incomplete*"))


@pytest.mark.slow
def test_what_a_killed_pipeline_still_runs_is_waited_for(pipeline):
    def commands() -> list[psutil.Process]:
        return [one for one in pipeline.processes() if "preprocessing.run" in one.cmdline()]

    first = pipeline.start()
    until(commands)
    left = commands()
    for one in left:
        one.suspend()
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    second = pipeline.start()
    said = next(line for line in second.stdout if not line.endswith(("found\n", "by repository\n")))
    assert re.fullmatch(r"\[.*\] Documents \w+: another pipeline makes it, waiting\n", said)
    assert commands() == left
    for one in left:
        one.resume()
    output, errors = second.communicate(timeout=60)
    assert (second.returncode, errors) == (0, "")
    assert re.search(r"Documents \w+: made in", output)


@contextlib.contextmanager
def scheduler(folder: pathlib.Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    luigid = "import sys; from luigi.cmdline import luigid; luigid(sys.argv[1:])"
    words = [sys.executable, "-c", luigid, "--port", str(port), "--address", "127.0.0.1"]
    with (folder / "luigid.log").open("w") as log, subprocess.Popen(words, cwd=folder, stderr=log) as process:

        def answers() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                return True
            return False

        until(answers)
        yield f"127.0.0.1:{port}"
        process.terminate()


@pytest.mark.slow
def test_two_pipelines_share_a_central_scheduler(pipeline, tmp_path):
    pipeline.ask(600, 700)
    with scheduler(tmp_path) as address:
        processes = [pipeline.start("--scheduler", address, "--workers", workers) for workers in "12"]
        said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    out = "".join(output for output, _ in said)
    assert sorted(re.findall(r"(\w+) \w+: made in", out)) == ["Documents", "FlccTree", "Vocabulary", "Vocabulary"]
    done = [re.findall(r"^small vocab_size=(\d+): done", output, re.MULTILINE) for output, _ in said]
    assert done == [["600", "700"]] * 2


@pytest.mark.slow
def test_a_failure_with_a_central_scheduler_ends_the_run(pipeline, tmp_path):
    pipeline.ask(10)
    with scheduler(tmp_path) as address:
        assert [pipeline.run("--scheduler", address).returncode for _ in range(2)] == [1, 1]
    done = pipeline.run("--scheduler", address)
    assert done.returncode == 1
    assert f"error: --scheduler {address}: no scheduler answers there" in done.stderr
    assert pipeline.record("Vocabulary").status == "failed"
