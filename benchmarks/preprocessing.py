"""Measures preprocessing beside its baselines: a table for each question, with its targets and whether they are met.

Everything runs in processes of its own on `--workers` cores, with the input in the page cache; contestants take turns.
The first run makes the tree of installed packages and, with the network that pip is set up for, the environment of the
baselines; both stay in the work folder.

python -m benchmarks.preprocessing
python -m benchmarks.preprocessing --only documents size --runs 3
"""

import argparse
import dataclasses
import functools
import os
import pathlib
import sys
from collections.abc import Callable

from benchmarks import (
    chain_profile,
    documents_speed,
    measure,
    near_duplicates,
    near_duplicates_speed,
    parts,
    results,
    size_cost,
)
from benchmarks.inputs import Work


def _caching(work: Work) -> results.Section:
    # Only here, because it imports TensorFlow: half a gigabyte, and ten seconds before the other parts could begin.
    from benchmarks import caching

    return caching.section(dataclasses.replace(work, runs=work.fewer_runs))


PARTS: dict[str, Callable[[Work], results.Section]] = {
    "documents": documents_speed.section,
    "near_duplicates": near_duplicates_speed.section,
    "quality": near_duplicates.section,
    "size": size_cost.section,
    "caching": _caching,
    "profile": chain_profile.section,
}


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.preprocessing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--work_dir",
        metavar="DIR",
        type=pathlib.Path,
        default=measure.ROOT / "data" / "benchmarks",
        help="where the tree and the baselines' environment stay, and the runs happen: 5 GB (data/benchmarks)",
    )
    add("--only", metavar="NAME", nargs="+", choices=sorted(PARTS), default=list(PARTS), help=", ".join(PARTS))
    add("--runs", metavar="N", type=int, default=5, help="of each contestant; half as many of the slow (%(default)s)")
    add("--workers", metavar="N", type=int, default=2, help="processes, and cores that are used (%(default)s)")
    add("--write_results", action="store_true", help="keep the tables in benchmarks/RESULTS.md and RESULTS.json")
    arguments = parser.parse_args(argv)
    cores = len(os.sched_getaffinity(0))
    if not 1 <= arguments.workers <= cores:
        parser.error(f"--workers {arguments.workers}: this machine has {cores} cores")
    if arguments.runs < 1:
        parser.error(f"--runs {arguments.runs}: must be positive")
    return arguments


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if something could not be measured. A target that is missed is told, not an error."""
    arguments = _arguments(argv)
    work = Work(arguments.work_dir.absolute(), arguments.runs, arguments.workers)
    work.folder.mkdir(parents=True, exist_ok=True)
    # Processes that are started from here have the same cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.workers])
    return parts.measure_parts(
        {name: functools.partial(PARTS[name], work) for name in arguments.only},
        cores=arguments.workers,
        write_results=arguments.write_results,
    )


if __name__ == "__main__":
    sys.exit(main())
