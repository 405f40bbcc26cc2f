"""How good is the demo's model beside the baselines, and how long does it take to find out?

Runs `python -m completion.evaluate` anew, whole, and keeps its figures. After `make demo`:

python -m benchmarks.evaluation --write_results
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

from benchmarks import measure, parts, results
from benchmarks.measure import BenchmarkError
from completion.evaluation.report import wording

SUITES = ("line", "symbols", "arguments", "examples")
# Seconds for 1,000 line completions of a model.
MOST_SECONDS = 180


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The results of an evaluation with nothing of an earlier one.

    Raises:
      BenchmarkError: it failed.
    """
    shutil.rmtree(arguments.work_dir, ignore_errors=True)
    command = [
        sys.executable, "-m", "completion.evaluate", "--model", f"model={arguments.model}", "--documents",
        str(arguments.documents), "--output_dir", str(arguments.work_dir), "--cases", str(arguments.cases),
        "--suite", *SUITES,
    ]  # fmt: skip
    if subprocess.run(command, cwd=measure.ROOT, check=False).returncode:
        raise BenchmarkError("the evaluation failed; it said why above")
    return json.loads((arguments.work_dir / "results.json").read_text(encoding="utf-8"))


def of_suite(suite: dict[str, Any]) -> results.Section:
    """The totals of all providers, and how fast they answer."""
    rows = [
        [
            one["name"],
            *(wording.figure(one["total"]["figures"].get(measure_["key"])) for measure_ in suite["measures"]),
            f"{one['per_second']:,.1f}",
        ]
        for one in suite["providers"]
    ]
    return results.Section(
        f"Evaluation of the demo's model: {suite['title']}",
        f"{suite['about']} {suite['cases']:,} cases; percent, with 95 % intervals of resampled repositories. A second: "
        "answers, a model's on all cores; learning is not counted.",
        ["provider", *(measure_["label"] for measure_ in suite["measures"]), "a second"],
        rows,
        _targets(suite),
        {"cases": suite["cases"], "providers": [_kept(one) for one in suite["providers"]]},
    )


def _kept(provider: dict[str, Any]) -> dict[str, Any]:
    """What RESULTS.json keeps: no slices, which would be longer than all else there."""
    return {name: provider[name] for name in ("name", "seconds", "per_second", "median_milliseconds", "total")}


def _targets(suite: dict[str, Any]) -> tuple[results.Target, ...]:
    if suite["name"] != "line":
        return ()
    [model] = [one for one in suite["providers"] if one["name"] == "model"]
    seconds = model["seconds"] * 1000 / suite["cases"]
    what = f"1,000 line completions of the model in under {MOST_SECONDS} s"
    return (results.Target(what, f"{seconds:.0f} s", seconds < MOST_SECONDS),)


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, data = parser.add_argument, measure.ROOT / "data"
    add("--model", type=pathlib.Path, default=data / "demo" / "export", help="an export (%(default)s)")
    add("--documents", type=pathlib.Path, default=data / "demo" / "documents", help="of which it is (%(default)s)")
    add("--work_dir", type=pathlib.Path, default=data / "benchmarks" / "evaluation", help="made anew")
    add("--cases", type=int, default=1000, metavar="N", help="of each suite (%(default)s)")
    add("--write_results", action="store_true", help="keep the tables in benchmarks/RESULTS.md and RESULTS.json")
    arguments = parser.parse_args(argv)
    try:
        found = run(arguments)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return parts.measure_parts(
        {f"evaluation_{suite['name']}": (lambda suite=suite: of_suite(suite)) for suite in found["suites"]},
        cores=len(os.sched_getaffinity(0)),
        write_results=arguments.write_results,
    )


if __name__ == "__main__":
    sys.exit(main())
