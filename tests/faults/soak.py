"""Kills every stage at random moments, again and again: no kill may leave anything that is wrong.

python -m tests.faults.soak
python -m tests.faults.soak --rounds 100 --seed 7

First every stage is run undisturbed, on the Python packages of this environment. Then each round kills one, with
SIGKILL: all its processes, the main one alone, or one worker; and runs it again. The laws are in `rounds`. Takes 10
minutes on 2 cores and 2 GB in the folder for temporary files; exits with status 1 if a law was broken.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence

from tests.faults import processes, rounds
from tests.faults.stages import Stage, run_undisturbed, stages

# Enough for seconds of work in every stage.
MAX_MB = 20


def soak(made: pathlib.Path, *, num_rounds: int, seed: int) -> list[rounds.Round]:
    """Runs all stages once, then kills them; prints a line for each.

    Args:
      made: an empty folder.
    """
    table = stages(made, source=("--installed_packages",), max_mb=MAX_MB)
    undisturbed = {}
    for name, stage in table.items():
        undisturbed[name] = timing = run_undisturbed(stage, made)
        print(
            f"undisturbed  {name:<13}  writes after {timing.begin_s:5.1f} s, ends after {timing.end_s:5.1f} s",
            flush=True,
        )
    _say(f"\nround  {'stage':<13}  {'killed':<6}  {'at':>7}  {'moment':<6}  there after it; the second run")
    generator = random.Random(seed)
    plan: list[tuple[str, str]] = []
    while len(plan) < num_rounds:
        plan += _each_stage_once([stage for stage in table.values() if not stage.name.startswith("earlier")], generator)
    done = []
    for number, (name, victim) in enumerate(plan[:num_rounds]):
        one = rounds.kill_and_run_again(
            table[name],
            undisturbed[name],
            made / f"round-{number:03d}",
            victim=victim,
            generator=random.Random(f"{seed} {number}"),
        )
        done.append(one)
        outcome = "; ".join(one.wrong) or f"the same bytes, {one.rerun_s:.1f} s"
        print(
            f"{number:>5}  {name:<13}  {one.victim:<6}  {one.moment_s:>5.1f} s  {one.place:<6}  {one.left}; {outcome}",
            flush=True,
        )
    return done


def _say(line: str) -> None:
    print(line, flush=True)


def _each_stage_once(killed: Sequence[Stage], generator: random.Random) -> list[tuple[str, str]]:
    """Stages in random order, each with what is to be killed of it."""
    return [
        (stage.name, generator.choice(processes.VICTIMS if stage.has_workers else processes.VICTIMS[:2]))
        for stage in generator.sample(killed, len(killed))
    ]


def summary(done: Sequence[rounds.Round]) -> str:
    """A table: a row a stage, and one for all of them."""
    columns = (*rounds.PLACES, *processes.VICTIMS)
    lines = [f"{'stage':<13}  {'rounds':>6}  " + "".join(f"{column:>8}" for column in columns) + "   wrong"]
    for name in [*dict.fromkeys(one.stage for one in done), "all"]:
        here = [one for one in done if name in ("all", one.stage)]
        counts = collections.Counter([one.place for one in here] + [one.victim for one in here])
        cells = "".join(f"{counts[column]:>8}" for column in columns)
        lines.append(f"{name:<13}  {len(here):>6}  {cells}  {sum(bool(one.wrong) for one in here):>6}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=24, metavar="N", help="so many kills (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the stages, victims and moments (%(default)s)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    made = pathlib.Path(tempfile.mkdtemp(prefix="code_t5-soak-"))
    # What killed processes leave of Python's and TensorFlow's own temporary files goes with the rest.
    os.environ["TMPDIR"] = str(made / "tmp")
    (made / "tmp").mkdir()
    wrong = True
    try:
        done = soak(made, num_rounds=arguments.rounds, seed=arguments.seed)
        wrong = any(one.wrong for one in done)
    finally:
        if wrong:
            print(f"\nwhat went wrong is kept in {made}")
        else:
            shutil.rmtree(made)
    print(f"\n{summary(done)}\n\ntook {time.monotonic() - started:.0f} s, seed {arguments.seed}")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
