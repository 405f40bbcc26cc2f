"""Measures completions: our engine beside CTranslate2, Hugging Face's T5 and a SavedModel, and key by key.

The models have random weights, which takes as long as with learnt ones; the prompts are held-out code.

python -m benchmarks.completion
python -m benchmarks.completion --only engines --sizes small
"""

import argparse
import functools
import os
import pathlib
import sys
from collections.abc import Callable, Mapping

from benchmarks import completion_editor, completion_prompts, completion_speed, measure, parts, results
from benchmarks.completion_models import Models

PARTS: Mapping[str, Callable[..., results.Section]] = {
    "engines": completion_speed.section,
    "editor": completion_editor.section,
}


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.completion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, data = parser.add_argument, measure.ROOT / "data"
    add("--work_dir", type=pathlib.Path, default=data / "benchmarks" / "completion", help="exported models")
    add("--documents", type=pathlib.Path, default=data / "demo" / "documents", help="whose test split is completed")
    add("--only", metavar="PART", nargs="+", choices=PARTS, default=list(PARTS), help=", ".join(PARTS))
    add("--sizes", metavar="SIZE", nargs="+", default=["small", "base"], help="of gin_configs/sizes")
    add("--places", metavar="N", type=int, default=15, help="where a completion is asked for (%(default)s)")
    add("--write_results", action="store_true", help="keep the tables in benchmarks/RESULTS.md and RESULTS.json")
    arguments = parser.parse_args(argv)
    try:
        models = Models(arguments.work_dir.absolute(), arguments.documents.absolute())
        places = completion_prompts.places(arguments.documents, models.codec, arguments.places)
    except (measure.BenchmarkError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return parts.measure_parts(
        {
            f"completion_{name}": functools.partial(PARTS[name], models, places, sizes=arguments.sizes)
            for name in arguments.only
        },
        cores=len(os.sched_getaffinity(0)),
        write_results=arguments.write_results,
    )


if __name__ == "__main__":
    sys.exit(main())
