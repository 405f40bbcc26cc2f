"""Measures training: speed beside t5's own loop and Hugging Face's T5, and what all that stands around the steps costs.

Trained is models/prefix_lm.gin on the demo's documents, in processes of their own that take turns; everything is made
where it is missing.

python -m benchmarks.training
python -m benchmarks.training --only speed --runs 5
"""

import argparse
import functools
import os
import pathlib
import sys
from collections.abc import Callable

from benchmarks import (
    inputs,
    measure,
    parts,
    results,
    training_costs,
    training_memory,
    training_speed,
    training_workers,
)
from benchmarks.training_data import TrainingData
from benchmarks.training_speed import Place
from benchmarks.training_variants import OURS

PARTS: dict[str, Callable[[Place], results.Section]] = {
    "speed": training_speed.section,
    "costs": training_costs.section,
    "workers": training_workers.section,
    "memory": training_memory.section,
}


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, data = parser.add_argument, measure.ROOT / "data"
    add("--work_dir", type=pathlib.Path, default=data / "benchmarks" / "objectives", help="data and models")
    add("--documents", type=pathlib.Path, default=data / "demo" / "documents", help="made where they are missing")
    add("--only", metavar="PART", nargs="+", choices=PARTS, default=list(PARTS), help=", ".join(PARTS))
    add("--runs", metavar="N", type=int, default=3, help="of each contestant of `speed` (%(default)s)")
    add("--write_results", action="store_true", help="keep the tables in benchmarks/RESULTS.md and RESULTS.json")
    arguments = parser.parse_args(argv)
    if arguments.runs < 1:
        parser.error(f"--runs {arguments.runs}: must be positive")
    work_dir = arguments.work_dir.absolute()
    try:
        made = TrainingData(work_dir, {"demo": arguments.documents.absolute()})
        data_dir = made.data_dir("demo", OURS, training_speed.VOCAB_SIZE)
    except (measure.BenchmarkError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    place = Place(data_dir, inputs.Work(work_dir, arguments.runs))
    return parts.measure_parts(
        {f"training_{name}": functools.partial(PARTS[name], place) for name in arguments.only},
        cores=len(os.sched_getaffinity(0)),
        write_results=arguments.write_results,
    )


if __name__ == "__main__":
    sys.exit(main())
