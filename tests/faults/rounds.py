"""One round: a command is killed at a random moment, what it left is looked at, and it is run again."""

import contextlib
import dataclasses
import pathlib
import random
import shutil
import time

from tests.faults import processes
from tests.faults.stages import Stage, Undisturbed, content, wait_for_beginning

PLACES = ("before", "inside", "after")
# The share of kills that come before anything is written; in stages with TensorFlow none, which starts for so long.
_EARLY = 0.05


@dataclasses.dataclass(frozen=True)
class Round:
    """What happened.

    Attributes:
      stage: its name.
      victim: what was killed, one of `processes.VICTIMS`; "none" if the command had ended by itself.
      moment_s: when, in seconds after the start.
      place: one of PLACES: before it had written anything, while it worked, after it had ended.
      left: what was there after the kill, in words.
      rerun_s: how long the second run took.
      wrong: what breaks a law, in words; empty if all is well.
    """

    stage: str
    victim: str
    moment_s: float
    place: str
    left: str
    rerun_s: float
    wrong: list[str]


def kill_and_run_again(
    stage: Stage, undisturbed: Undisturbed, folder: pathlib.Path, *, victim: str, generator: random.Random
) -> Round:
    """Kills a stage at a random moment and runs it again.

    The laws: what looks finished after the kill is what an undisturbed run makes; the second run, started at once,
    ends well and leaves that and nothing else, byte for byte; no process of the first outlives it for long; where only
    a worker was killed, the command itself says so in one line, cleans up, and ends with status 1.

    Args:
      folder: to be made, for the output; removed if all is well.
      victim: one of `processes.VICTIMS`.
      generator: for the moment and the worker.
    """
    folder.mkdir(parents=True)
    out = folder / "out"
    wrong: list[str] = []
    with processes.running(stage.argv(out)) as first:
        # After its workers' last task a command still writes reports, plots, the manifest.
        share = generator.random() * (0.5 if victim == "worker" else 1)
        _wait_for_moment(first, stage, undisturbed, folder, share=share, is_early=generator.random() < _EARLY)
        victim = first.kill(victim, choose=generator.choice)
        moment_s = first.seconds
        status = first.wait()
        left = _left(folder)
        if status is None:
            wrong.append(f"hangs 120 s after {victim} was killed")
            first.end()
        elif status != 0 and victim == "none":
            wrong.append(f"ends with {status}: {first.stderr[-500:]}")
        elif status != 0 and victim == "worker":
            wrong += _wrong_after_death_of_worker(first, status, folder)
        is_finished = stage.looks_finished(out)
        if is_finished and _output(content(folder)) != _output(undisturbed.content):
            wrong.append("looks finished after the kill and is not what an undisturbed run makes")
        with processes.running(stage.argv(out)) as second:
            second_status = second.wait(timeout_s=600)
            rerun_s = second.seconds
        if second_status != (stage.status_again if is_finished else 0):
            wrong.append(f"the second run ends with {second_status}: {second.stderr[-500:]}")
        wrong += differences(content(folder), undisturbed.content)
        wrong += [f"outlives its command: {orphan}" for orphan in first.wait_until_gone() + second.wait_until_gone()]
    if status == 0 and victim != "worker":
        victim = "none"  # it ended before the signal came
    place = "after" if status == 0 else "inside" if victim == "worker" or left else "before"
    if not wrong:
        shutil.rmtree(folder)
    return Round(stage.name, victim, moment_s, place, left or "nothing", rerun_s, wrong)


def differences(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """How two folders differ, as `stages.content` gives them; a line for each path, ten at most."""
    lines = []
    for path in sorted(found.keys() | expected.keys()):
        if path not in found:
            lines.append(f"{path} is missing after the second run")
        elif path not in expected:
            lines.append(f"{path} is left over after the second run")
        elif found[path] != expected[path]:
            lines.append(f"{path} differs from that of an undisturbed run")
    return lines[:10]


def _wait_for_moment(
    command: processes.Running,
    stage: Stage,
    undisturbed: Undisturbed,
    folder: pathlib.Path,
    *,
    share: float,
    is_early: bool,
) -> None:
    """Waits for a share of the time in which the command writes or, where it is early, of the time before."""
    if is_early and not stage.has_tensorflow:
        time.sleep(share * undisturbed.begin_s)
        return
    wait_for_beginning(command, folder)
    until = time.monotonic() + share * (undisturbed.end_s - undisturbed.begin_s)
    while command.process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)


def _wrong_after_death_of_worker(command: processes.Running, status: int, folder: pathlib.Path) -> list[str]:
    wrong = []
    try:
        line = processes.error_line(command.stderr)
    except AssertionError as error:
        return [f"no clear error after the death of a worker: {error}"]
    if not line.startswith("error: a worker process died (signal 9) while "):
        wrong.append(f"not the error of a worker's death: {line}")
    if status != 1:
        wrong.append(f"ends with {status}, not 1, after the death of a worker")
    if any(folder.iterdir()):
        wrong.append(f"leaves {_left(folder)} after the death of a worker")
    return wrong


def _output(found: dict[str, str]) -> dict[str, str]:
    return {path: what for path, what in found.items() if path == "out" or path.startswith("out/")}


def _left(folder: pathlib.Path) -> str:
    """Example: `out.incomplete (14 files, 3.1 MB)`; "" where there is nothing."""
    words = []
    for path in sorted(folder.iterdir()):
        sizes = []
        for file in path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # workers may live a moment longer
                sizes += [file.stat().st_size] if file.is_file() else []
        words.append(f"{path.name} ({len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB)")
    return ", ".join(words)
