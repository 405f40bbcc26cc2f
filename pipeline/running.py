"""`python -m pipeline run`: makes what an experiment asks for, with Luigi."""

import argparse
import contextlib
import pathlib
import shlex
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import luigi
from luigi.execution_summary import LuigiStatusCode

from pipeline import experiment, explaining, links, making, records, runs, salt
from pipeline.command import Stopped
from pipeline.environments import SetUpError
from pipeline.experiment import ExperimentError
from pipeline.gin_digest import GinError
from pipeline.plan import Planned, plan
from pipeline.progress import View
from pipeline.stages import ARGUMENTS, STAGES
from pipeline.tasks import Everything, task_of

# Exit statuses, as a shell gives them to what a signal ended.
INTERRUPTED, STOPPED = 128 + signal.SIGINT, 128 + signal.SIGTERM
_NOTHING_FAILED = (LuigiStatusCode.SUCCESS, LuigiStatusCode.SUCCESS_WITH_RETRY, LuigiStatusCode.NOT_RUN)
_ASK_AGAIN_S = 2.0


def add_commands(subparsers: "argparse._SubParsersAction") -> None:
    """Adds `run`; the parsed command has `run`, which takes the arguments and gives the exit status."""
    about = "makes what an experiment asks for; what is there already is found"
    stages = "\n".join(f"  {name:<16} {stage.about}" for name, stage in STAGES.items())
    parser = subparsers.add_parser(
        "run", help=about, description=about, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"stages, the earliest first:\n{stages}\n\nStopped or killed, the same command goes on.",
    )  # fmt: skip
    add = parser.add_argument
    add("--experiment", type=pathlib.Path, required=True, nargs="+", metavar="FILE", help="as experiments/demo.yaml")
    add("--results", type=pathlib.Path, default=runs.RESULTS, help="the folder of all results (%(default)s)")
    add("--until", choices=STAGES, metavar="STAGE", help="the last stage that is wanted")
    add("--dry_run", action="store_true", help="tell what would be made, and why")
    add("--workers", type=int, default=1, metavar="N", help="results that are made at a time (%(default)s)")
    add("--scheduler", metavar="HOST:PORT", help="a central scheduler (luigid), which several pipelines may share")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    results, view = arguments.results.absolute(), View()
    try:
        with _terminable():
            view.says("reading the experiment; a new gin configuration takes 15 s")
            try:
                plans = _plans(arguments, results)
            finally:
                view.clear()
            if arguments.dry_run:
                print(dry_run(plans, results))
                return 0
            return _make(plans, results, arguments, view)
    except (OSError, ExperimentError, GinError, SetUpError, records.RecordError, salt.SaltError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as stop:
        view.failed(KeyboardInterrupt("told to stop; the same command goes on"))
        return STOPPED if isinstance(stop, Stopped) else INTERRUPTED


def _plans(arguments: argparse.Namespace, results: pathlib.Path) -> dict[str, dict[str, Planned]]:
    """Name of an experiment -> stage -> result."""
    if arguments.workers < 1:
        raise ExperimentError(f"--workers {arguments.workers}: must be 1 or more")
    found: dict[str, dict[str, Planned]] = {}
    for path in arguments.experiment:
        for one in experiment.read(path, ARGUMENTS):
            if one.name in found:
                raise ExperimentError(f"{path}: another experiment is called {one.name}, too: name the file otherwise")
            found[one.name] = plan(one, STAGES, results, until=arguments.until)
    return found


def _make(
    plans: dict[str, dict[str, Planned]], results: pathlib.Path, arguments: argparse.Namespace, view: View
) -> int:
    # Experiments share what they have in common.
    every = list({(one.stage.name, one.digest): one for planned in plans.values() for one in planned.values()}.values())
    for one in every:
        if one.is_there():
            view.found(one)
    tasks = tuple(task_of(one, str(results), view) for one in every)
    _build(Everything(digests=" ".join(one.digest for one in every), tasks=tasks), arguments, view)
    for name, planned in plans.items():
        for one in planned.values():
            making.asked_for(one)
        for line in links.update(results, name, planned):
            print(f"WARNING: {line}", file=sys.stderr)
    missing = [one.name for one in every if not one.is_there()]
    if missing:
        print(f"error: not made: {', '.join(missing)}", file=sys.stderr)
        return 1
    for name, planned in plans.items():
        print(ending(name, planned, links.place(results, name)))
    return 0


def dry_run(plans: dict[str, dict[str, Planned]], results: pathlib.Path) -> str:
    """What would be made, and why.

    Example of a line: "make   Vocabulary 7a61e0b1d9: Vocabulary 0c5e8c8f3b and 7a61e0b1d9: vocab_size was 40, is 80"
    """
    lines: list[str] = []
    asked: dict[str, str] = {}
    for name, planned in plans.items():
        lines.append(f"{name}:")
        for one in planned.values():
            if one.is_there():
                lines.append(f"  found  {one.name}")
                continue
            if asked.setdefault(one.name, name) != name:
                lines.append(f"  shared {one.name}: with {asked[one.name]}")
                continue
            first, *more = explaining.why(one, results, planned).splitlines() or ["what it is made from is other"]
            lines.append(f"  make   {one.name}: {first}")
            lines += [f"         {line}" for line in more]
    return "\n".join(lines)


def ending(name: str, planned: dict[str, Planned], folder: pathlib.Path) -> str:
    """What is said when all is there: the report, and what can be done with it.

    Args:
      folder: of the experiment's links.
    """
    here = _from_here(folder)
    lines = [f"\n{name}: done; its results are in {shlex.quote(str(here))}"]
    if "Report" in planned and planned["Report"].log.exists():
        said = planned["Report"].log.read_text(encoding="utf-8", errors="replace")
        # When the report was made it was elsewhere.
        lines += said.replace(str(planned["Report"].incomplete), str(here / links.NAMES["Report"])).splitlines()
    for stage, what, words in (
        ("ExportedModel", "To type with it", "completion.server --model"),
        ("TrainedModel", "The curves", "tensorboard.main --logdir"),
    ):
        if stage in planned:
            python = _from_here(pathlib.Path(sys.executable))
            lines.append(f"{what}: {python} -m {words} {shlex.quote(str(here / links.NAMES[stage]))}")
    return "\n".join(lines)


def _from_here(path: pathlib.Path) -> pathlib.Path:
    here = pathlib.Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _build(everything: Everything, arguments: argparse.Namespace, view: View) -> None:
    """Makes what can be made; says nothing of what cannot, its task did."""
    where: dict[str, Any] = {"local_scheduler": True}
    if arguments.scheduler:
        where = _scheduler(arguments.scheduler)
    told = False
    while True:
        # What Luigi's own log tells, the view tells shorter.
        done = luigi.build(
            [everything], workers=arguments.workers, no_lock=True, log_level="CRITICAL", detailed_summary=True, **where
        )
        if not arguments.scheduler or everything.complete() or done.status not in _NOTHING_FAILED:
            return
        # A worker ends when the scheduler has given the rest to others: they may fail, or be gone.
        if not told:
            view.waits()
            told = True
        time.sleep(_ASK_AGAIN_S)


def _scheduler(address: str) -> dict[str, Any]:
    """Where a scheduler is, as Luigi wants it.

    Raises:
      ExperimentError: nothing answers there. Luigi would find that out in minutes.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise ExperimentError(
            f"--scheduler {address}: no scheduler answers there ({error}): start one with `luigid --port 8082`, and "
            "give HOST:PORT"
        ) from error
    return {"scheduler_host": host, "scheduler_port": int(port)}


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Makes SIGTERM an exception, so that what is being made is told to stop."""

    def stop(number: int, frame: object) -> None:
        raise Stopped("told to stop (SIGTERM)")

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
