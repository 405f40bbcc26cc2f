"""What do our objective and our vocabulary gain? The same model trained for the same time, with ours and with others.

Each training is a run of t5's own program, stopped by the clock. One at a time: a finished run leaves a small record
in benchmarks/runs/, and is not repeated on any machine; a stopped one goes on from its last checkpoint. Tables and plot
are made from the records. All of it takes hours: `--max_runs 1` makes the next run only.

python -m benchmarks.objectives --only objectives --max_runs 1
python -m benchmarks.objectives --only long
python -m benchmarks.objectives --only table --write_results
"""

import argparse
import contextlib
import dataclasses
import fcntl
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks import curves, measure, objective_tables, pipeline_fill, results, run_records, training_runs
from benchmarks.measure import BenchmarkError
from benchmarks.training_data import TrainingData
from benchmarks.training_variants import (
    DEEP,
    LONG,
    PACKED,
    PREDECESSOR_VOCABULARY,
    SHALLOW,
    STOCK,
    WITH_INFILLING,
    Settings,
    Variant,
)

PARTS = ("fill", "objectives", "tokenizers", "infilling", "decoders", "long", "table")
COMPARED: dict[str, tuple[Variant, ...]] = {
    "objectives": (STOCK, PACKED),
    "tokenizers": (PREDECESSOR_VOCABULARY, PACKED),
    "infilling": (WITH_INFILLING,),
    "decoders": (DEEP, SHALLOW),
}
# Of each contestant, whatever --seeds says.
ONE_SEED = ("infilling", "decoders")
# A long run that is interrupted loses what came after its last checkpoint: so many minutes at most.
LONG_POINT_MINUTES = 10


def planned(arguments: argparse.Namespace, part: str) -> list[Settings]:
    """The runs of a part, in their order: all contestants of a seed before the next seed.

    The first seeds can be compared when only they are there.
    """
    if part == "long":
        points = max(4, round(arguments.long_minutes / LONG_POINT_MINUTES))
        settings = Settings(LONG, 0, arguments.long_minutes, points=points, data="whole", evaluate=True)
        return [dataclasses.replace(settings, vocab_size=arguments.vocab_size, lines=arguments.lines)]
    seeds = range(1 if part in ONE_SEED else arguments.seeds)
    return [
        # The predecessor's vocabulary is compared in bits per byte alone: lines end inside its pieces.
        Settings(
            variant,
            seed,
            arguments.minutes,
            vocab_size=arguments.vocab_size,
            lines=0 if variant == PREDECESSOR_VOCABULARY else arguments.lines,
        )
        for seed in seeds
        for variant in COMPARED[part]
    ]


def make_runs(
    wanted: Sequence[Settings], data: TrainingData, *, most: int | None, train: Callable = training_runs.run
) -> int:
    """Makes the runs that have no record yet, one after the other.

    Args:
      most: stop after so many; None for all.
      train: what makes one.

    Returns:
      How many are still missing.
    """
    # Two parts may want the same run.
    missing = list({s.digest: s for s in wanted if run_records.find(s) is None}.values())
    for settings in missing[:most]:
        train(settings, data)
    return len(missing) - len(missing[:most])


@contextlib.contextmanager
def only_one(folder: pathlib.Path) -> Iterator[None]:
    """Holds the work folder's lock: two trainings at once would both be measured wrongly.

    Raises:
      BenchmarkError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BenchmarkError(f"another process is at work in {folder}: wait for its end") from error
        yield


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Of the command line; for [] the defaults."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.objectives",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    data = measure.ROOT / "data"
    add("--only", metavar="PART", nargs="+", choices=PARTS, default=list(PARTS), help=", ".join(PARTS))
    add("--minutes", type=float, default=10.0, help="of training, each run but the long one (%(default)g)")
    add("--long_minutes", type=float, default=120.0, help="of the long run's training (%(default)g)")
    add("--seeds", type=int, default=3, help="of each contestant (%(default)s)")
    add("--max_runs", type=int, metavar="N", help="make at most N runs that are missing (all)")
    add("--vocab_size", type=int, default=8000, help="pieces, the same for all (%(default)s)")
    add("--lines", type=int, default=500, help="held-out lines to complete after a run (%(default)s)")
    add("--windows", type=int, default=1000, help="examples to measure the fill on (%(default)s)")
    add("--work_dir", type=pathlib.Path, default=data / "benchmarks" / "objectives", help="data and models: 5 GB")
    add("--documents", type=pathlib.Path, default=data / "demo" / "documents", help="made where they are missing")
    add("--whole_documents", type=pathlib.Path, default=data / "whole" / "documents", help="for the long run")
    add("--write_results", action="store_true", help="keep tables in benchmarks/RESULTS.md and the plot beside it")
    arguments = parser.parse_args(argv)
    for name in ("minutes", "long_minutes", "seeds", "max_runs", "windows"):
        if getattr(arguments, name) is not None and getattr(arguments, name) <= 0:
            parser.error(f"--{name} {getattr(arguments, name)}: must be positive")
    return arguments


def sections(arguments: argparse.Namespace) -> dict[str, results.Section]:
    """The tables of all records that are there; a comparison that lacks a contestant is left out."""
    found = {}
    for part, make in (
        ("objectives", objective_tables.objectives),
        ("tokenizers", objective_tables.tokenizers),
        ("infilling", objective_tables.infilling),
        ("decoders", objective_tables.decoders),
        ("long", objective_tables.long_run),
    ):
        records = [record for settings in planned(arguments, part) if (record := run_records.find(settings))]
        if part == "infilling":
            # The long run was trained to fill in as well, and is the better model.
            records = [r for s in planned(arguments, "long") if (r := run_records.find(s))] or records
        if {record["settings"]["variant"]["name"] for record in records} >= {v.name for v in COMPARED.get(part, ())}:
            found[f"training_{part}"] = make(records)
    return {name: section for name, section in found.items() if section}


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if something could not be measured, or runs are missing."""
    arguments = parse(argv)
    cores, commit = len(os.sched_getaffinity(0)), results.commit()
    work_dir = arguments.work_dir.absolute()
    given = {"demo": arguments.documents.absolute(), "whole": arguments.whole_documents.absolute()}
    data = TrainingData(work_dir, given)
    try:
        found, left = {}, 0
        if arguments.only != ["table"]:
            with only_one(work_dir):
                if "fill" in arguments.only:
                    found["training_fill"] = pipeline_fill.section(data, arguments.vocab_size, arguments.windows)
                wanted = [
                    s for part in arguments.only if part not in ("fill", "table") for s in planned(arguments, part)
                ]
                left = make_runs(wanted, data, most=arguments.max_runs)
        found |= sections(arguments)
        if arguments.write_results and found:
            results.write(found, commit=commit, cores=cores)
        records = [
            record
            for part in ("objectives", "tokenizers", "infilling")
            for settings in planned(arguments, part)
            if (record := run_records.find(settings))
        ]
        target = curves.TARGET if arguments.write_results else work_dir / curves.TARGET.name
        if records:
            target.parent.mkdir(parents=True, exist_ok=True)
            print(f"plot: {curves.plot(records, target)}")
    except (BenchmarkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for section in found.values():
        print(f"\n{section}\n")
    if left:
        print(f"{left} runs are still to be made: run the same command again")
    return 1 if left else 0


if __name__ == "__main__":
    # So that a training does not live on without us, and without the lock.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
