"""`python -m pipeline runs`: what was made and what is being made, with its figures; to compare, to tag, to remove.

It only reads records and what the stages wrote, so it works while results are being made, from any process.
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from pipeline import comparison, figures, records, removal, run_summary, runs_page
from pipeline.records import Record
from pipeline.run_summary import size

RESULTS = pathlib.Path("data/results")


class NotFoundError(LookupError):
    """No result, or more than one, is meant by a name."""


def add_commands(subparsers: Any) -> None:
    """Adds `runs` and its commands; each parsed command has `run`, which takes the arguments and gives the exit code.

    Args:
      subparsers: what `argparse.ArgumentParser.add_subparsers` gives.
    """
    runs = subparsers.add_parser("runs", help="what was made and what is being made: list, show, compare, tag, remove")
    commands = runs.add_subparsers(dest="runs_command", required=True, metavar="COMMAND")

    def command(name: str, run: Any, about: str, *, result: str | None = None) -> argparse.ArgumentParser:
        parser = commands.add_parser(name, help=about, description=about)
        parser.add_argument("--results", type=pathlib.Path, default=RESULTS, help="the folder of all results")
        if result:
            about = "a path, a digest or how one begins, or Stage/digest"
            parser.add_argument("names" if result == "+" else "name", nargs=result, metavar="RESULT", help=about)
        parser.set_defaults(run=lambda arguments: _answered(run, arguments))
        return parser

    parser = command(
        "list", _list, "every result: status, stage, digest, duration, size, key figures; errors by reason"
    )
    parser.add_argument("--stage", help="only this stage, such as TrainedModel")
    parser.add_argument("--status", choices=records.STATUSES)
    parser.add_argument("--experiment", help="only what this experiment asked for")
    parser.add_argument("--tag")
    parser.add_argument("--json", action="store_true", help="as a JSON list, for programs")
    command("show", _show, "all that is known of a result", result=1)
    parser = command("compare", _compare, "in what results differ, through all they were made of", result="+")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.svg", help="curves and figures as a drawing")
    parser = command("tag", _tag, "gives a result names", result=1)
    parser.add_argument("tags", nargs="+", metavar="TAG")
    parser = command("untag", _untag, "takes names from a result", result=1)
    parser.add_argument("tags", nargs="+", metavar="TAG")
    parser = command("remove", _remove, "removes results, never one that is being made; asks first", result="+")
    parser.add_argument("--force", action="store_true", help="also what finished results were made of")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser = command("page", _page, "writes an HTML page of all results and reports")
    parser.add_argument("--output", type=pathlib.Path, help="default: index.html in the folder of results")


def find(every: Sequence[Record], name: str) -> Record:
    """The result that is meant by a path, a digest or how one begins, or "Stage/digest".

    Example: "a1b2", "TrainedModel/a1b2", "results/TrainedModel/a1b2c3d4e5.log", "data/demo/model", a link to a result.

    Raises:
      NotFoundError: none, or several; they are listed.
    """
    path = pathlib.Path(name)
    path = path.resolve() if path.is_symlink() else path
    stage, digest = path.parent.name, path.name.partition(".")[0]
    meant = [one for one in every if digest and one.digest.startswith(digest) and stage in ("", one.stage)]
    whole = [one for one in meant if one.digest == digest]
    found = whole or meant
    if len(found) == 1:
        return found[0]
    if found:
        choices = "\n".join(f"  {one.name}" for one in found)
        raise NotFoundError(f"{name!r} may be any of {len(found)} results, give more of one:\n{choices}")
    last = "\n".join(f"  {one.name}" for one in reversed(every[-10:]))
    raise NotFoundError(f"no result is called {name!r}" + (f"; the last ones:\n{last}" if last else ": there are none"))


def _answered(run: Any, arguments: argparse.Namespace) -> int:
    """The exit code of a command; what is wrong with what was asked is said without a traceback."""
    bad: list[str] = []
    try:
        return run(arguments, records.all_records(arguments.results, bad=bad)) or 0
    except (NotFoundError, removal.InUseError, records.RecordError, ValueError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for one in bad:
            print(f"WARNING: {one}", file=sys.stderr)


def _list(arguments: argparse.Namespace, every: Sequence[Record]) -> None:
    chosen = [
        (one, records.status(arguments.results, one))
        for one in every
        if arguments.stage in (None, one.stage)
        and (arguments.experiment is None or arguments.experiment in one.experiments)
        and (arguments.tag is None or arguments.tag in one.tags)
    ]
    chosen = [(one, status) for one, status in chosen if arguments.status in (None, status)]
    rows = [run_summary.row(arguments.results, one, status=status) for one, status in chosen]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        print(f"No results in {arguments.results}" + (" that were asked for" if every else ""))
        return
    heads = ("stage", "digest", "experiments", "tags", "started", "took", "place", "size", "figures")
    lines = [[one["status"], *_cells(one)] for one in rows]
    widths = [max(len(line[number]) for line in [["status", *heads], *lines]) for number in range(len(heads) + 1)]
    for line in [["status", *heads], *lines]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
    for reason, number in run_summary.reasons(rows):
        print(f"{number} x {reason}")


def _cells(one: dict[str, Any]) -> list[str]:
    started = (one["started"] or run_summary.ABSENT)[:16].replace("T", " ")
    names = [", ".join(one[key]) for key in ("experiments", "tags")]
    took = run_summary.duration(one["seconds"])
    return [
        one["stage"],
        one["digest"],
        *names,
        started,
        took,
        one["place"],
        size(one["size_bytes"]),
        run_summary.key_figures(one),
    ]


def _show(arguments: argparse.Namespace, every: Sequence[Record]) -> None:
    record = find(every, arguments.name[0])
    one = run_summary.row(arguments.results, record)
    folder = figures.place_of(arguments.results, record)
    revision = str(record.code.get("revision", "unknown")) + (", and changes" if record.code.get("changed") else "")
    process = record.process
    print(f"{record.name}, version {record.version}: {one['status']}")
    facts = {
        "folder": folder if folder.exists() else f"{folder.with_suffix('')}, which is not there",
        "size": size(one["size_bytes"]), "experiments": ", ".join(record.experiments), "tags": ", ".join(record.tags),
        "started": record.started, "ended": record.ended, "took": run_summary.duration(one["seconds"]),
        "place": record.place,
        "process": process and f"{process.get('pid')} on {process.get('host')}, last heard of {process.get('beat')}",
        "environment": record.environment or "this one", "command": " ".join(record.command), "code": revision,
    }  # fmt: skip
    for name, value in facts.items():
        print(f"  {name:<12} {value or run_summary.ABSENT}")
    known = {other.name: other for other in every}
    made_of = list(comparison.chain(record, known).items())[1:]
    digests = [f"{name}  {other.digest if other else 'its record is not there'}" for name, other in made_of]
    parameters = comparison.flattened(record.parameters).items()
    _print("parameters", [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in parameters])
    _print("made of", digests)
    _print("figures", [f"{name}  {run_summary.shown(value)}" for name, value in one["figures"].items()])
    _print("files", [f"{path}  {size(figures.size_bytes(folder / path))}" for path in figures.files_of(folder)])
    if record.error:
        _print(f"error: {record.error.get('reason')}", record.error.get("last_lines", []))


def _print(head: str, lines: Sequence[str]) -> None:
    if lines:
        print("\n".join([head, *(f"  {line}" for line in lines)]))


def _compare(arguments: argparse.Namespace, every: Sequence[Record]) -> None:
    found = list({one.name: one for one in (find(every, name) for name in arguments.names)}.values())
    if len(found) < 2:
        raise ValueError(f"two results or more can be compared, {found[0].name} alone was given")
    known = {one.name: one for one in every}
    heads = [" ".join([one.name, *one.tags]) for one in found]
    differ = comparison.differences([comparison.parameters(one, known) for one in found])
    print(comparison.table(differ, heads) if differ else "no parameter differs: " + ", ".join(heads))
    came_out = [comparison.all_figures(arguments.results, one, known) for one in found]
    names = dict.fromkeys(name for one in came_out for name in one)
    if names:
        rows = {name: [one.get(name, run_summary.ABSENT) for one in came_out] for name in names}
        print("\n" + comparison.table(rows, heads))
    if arguments.plot:
        comparison.plot(arguments.plot, arguments.results, dict(zip(heads, found, strict=True)), known)
        print(f"\nThe plot: {arguments.plot}")


def _tag(arguments: argparse.Namespace, every: Sequence[Record]) -> None:
    record = find(every, arguments.name[0])
    with records.changing(records.path_of(arguments.results, record.stage, record.digest)) as now:
        now.tags = list(dict.fromkeys([*now.tags, *arguments.tags]))
    print(f"{record.name}: {', '.join(now.tags)}")


def _untag(arguments: argparse.Namespace, every: Sequence[Record]) -> None:
    record = find(every, arguments.name[0])
    with records.changing(records.path_of(arguments.results, record.stage, record.digest)) as now:
        unknown = [tag for tag in arguments.tags if tag not in now.tags]
        if unknown:
            raise ValueError(f"{record.name} has no tag {', '.join(unknown)}; it has: {', '.join(now.tags) or 'none'}")
        now.tags = [tag for tag in now.tags if tag not in arguments.tags]
    print(f"{record.name}: {', '.join(now.tags) or 'no tags'}")


def _remove(arguments: argparse.Namespace, every: Sequence[Record]) -> int:
    found = list({one.name: one for one in (find(every, name) for name in arguments.names)}.values())
    removal.check(arguments.results, found, every, force=arguments.force)
    sizes = [removal.size_bytes(arguments.results, one) for one in found]
    for one, of_bytes in zip(found, sizes, strict=True):
        print(f"{one.name}  {records.status(arguments.results, one)}  {size(of_bytes)}  {', '.join(one.tags)}".rstrip())
    if not arguments.yes:
        print(f"Remove {len(found)} result(s), {size(sum(sizes))}? [y/N] ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            print("nothing was removed")
            return 1
    freed = sum(removal.remove(arguments.results, one) for one in found)
    print(f"removed, {size(freed)} are free")
    return 0


def _page(arguments: argparse.Namespace, every: Sequence[Record]) -> None:
    output = arguments.output or arguments.results / "index.html"
    runs_page.write(output, arguments.results, [(one, run_summary.row(arguments.results, one)) for one in every])
    print(f"The page: {output}")
