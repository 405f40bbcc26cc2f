"""`python -m pipeline explain`: what a digest stands for, and why a result is not the one that is there."""

import argparse
import pathlib
import sys
from collections.abc import Mapping

from pipeline import records, runs, salt
from pipeline.plan import Planned


def add_commands(subparsers: "argparse._SubParsersAction") -> None:
    """Adds `explain`; the parsed command has `run`, which takes the arguments and gives the exit status."""
    about = "what a result's digest stands for; of two, where they begin to differ"
    parser = subparsers.add_parser("explain", help=about, description=about)
    parser.add_argument(
        "--results", type=pathlib.Path, default=runs.RESULTS, help="the folder of all results (%(default)s)"
    )
    parser.add_argument("name", metavar="RESULT", help="a path, a digest or how one begins, or Stage/digest")
    parser.add_argument("other", metavar="OTHER", nargs="?", help="another one of the same stage")
    parser.set_defaults(run=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    names = [name for name in (arguments.name, arguments.other) if name is not None]
    folders = [_results(name, arguments.results) for name in names]

    def find(stage: str, digest: str) -> salt.Record | None:
        return next(filter(None, (records.find(folder, stage, digest) for folder in folders)), None)

    try:
        one, *others = (
            runs.find(records.all_records(folder, bad=[]), name).to_json()
            for name, folder in zip(names, folders, strict=True)
        )
        print(salt.difference(one, others[0], find) if others else salt.explain(one, find))
    except (runs.NotFoundError, records.RecordError, salt.SaltError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _results(name: str, given: pathlib.Path) -> pathlib.Path:
    """The folder of results that a path is in; the given one for what is no path."""
    path = pathlib.Path(name).resolve()
    return path.parents[1] if path.with_name(f"{path.name.partition('.')[0]}.json").exists() else given


def why(planned: Planned, results: pathlib.Path, others: Mapping[str, Planned]) -> str:
    """Why a result is to be made.

    Args:
      others: stage -> all that is planned with it.

    Example: "Vocabulary 0c5e8c8f3b and 7a61e0b1d9: vocab_size was 4000, is 8000"
    """
    path = records.path_of(results, planned.stage.name, planned.digest)
    if path.exists():
        before = records.read(path)
        status = records.status(results, before)
        if status == records.RUNNING:
            return "is being made by another process"
        how = "goes on from there" if planned.stage.resumes and planned.incomplete.exists() else "begins again"
        reason = f": {before.error['reason']}" if before.error else ""
        what = {records.FINISHED: "was removed", records.FAILED: "failed", records.KILLED: "was killed"}[status]
        return f"{what}{reason}; {how}"

    def find(stage: str, digest: str) -> salt.Record | None:
        one = others.get(stage)
        return one.record if one is not None and one.digest == digest else records.find(results, stage, digest)

    earlier = [
        one
        for one in records.all_records(results, bad=[])
        if one.stage == planned.stage.name and planned.experiment in one.experiments
    ]
    if not earlier:
        return "was never made"
    return "\n".join(salt.difference(earlier[-1].to_json(), planned.record, find).splitlines()[1:])
