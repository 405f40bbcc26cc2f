"""Is this model better than that one, where, and by how much? One command, one page.

python -m completion.evaluate --model EXPORT --documents DOCUMENTS --output_dir RUN
python -m completion.evaluate --model new=EXPORT --model old=EXPORT2 --documents DOCUMENTS --suite line --output_dir RUN
python -m completion.evaluate --server big=http://host:8080/v1 --suite human_eval --human_eval FILE --output_dir RUN
python -m completion.evaluate --compare new=RUN old=RUN2 --output_dir BOTH

RUN/report.html is the page, results.json and report.md have the same figures, and RUN/SUITE/ every question and answer.
The same command goes on where it was interrupted.
"""

import argparse
import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

try:
    from completion import exported
    from completion.engine import Engine
    from completion.evaluation import results, sandbox, suites
    from completion.evaluation.asking import Asked, ask
    from completion.evaluation.baselines.by_name import Baselines
    from completion.evaluation.cases import CaseError
    from completion.evaluation.material import Material
    from completion.evaluation.report import page, wording
    from completion.evaluation.runs import RunError
    from completion.progress_line import ProgressLine
    from preprocessing.contract import DataContractError
except ImportError as error:
    raise SystemExit(
        f"error: evaluation needs the extras: pip install 'code_t5[completion,evaluation]' ({error})"
    ) from error

# A beam search as wide takes as long as so many greedy ones.
MOST_ANSWERS = 20
_NAME, _WIDTH = 24, 25
DEFAULT_SUITES = ("line", "symbols", "arguments", "examples")
ERRORS = (ValueError, OSError, ImportError, CaseError, RunError, DataContractError, sandbox.SandboxError)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m completion.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", action="append", default=[], metavar="[NAME=]DIR", help="an export; may be given several times")
    add("--server", action="append", default=[], metavar="NAME=URL", help="that speaks OpenAI's completions, up to /v1")
    add("--server_model", metavar="NAME", help="what servers are asked for")
    add("--output_dir", type=pathlib.Path, required=True, metavar="RUN", help="for answers and pages")
    add("--documents", type=pathlib.Path, metavar="DIR", help="made by preprocessing.run; cases are of its test split")
    add("--statistics", type=pathlib.Path, metavar="DIR", help="of these, by preprocessing.statistics; saves counting")
    add("--suite", nargs="+", action="extend", choices=list(suites.SUITES), metavar="SUITE",
        help=f"{', '.join(suites.SUITES)}; by default {', '.join(DEFAULT_SUITES)}")  # fmt: skip
    for name, suite in suites.SUITES.items():
        if suite.own_file:
            add(f"--{name}", type=pathlib.Path, metavar="FILE", help=f"the cases of the suite {name}")
    add("--cases", type=int, default=1000, metavar="N", help="of each suite at most (%(default)s)")
    add("--examples", type=int, default=40, metavar="N", help="drawn at random beside the curated ones (%(default)s)")
    add("--num_answers", type=int, default=5, metavar="N", help="of a model to a case, by beam search (%(default)s)")
    add("--samples", type=int, default=1, metavar="N", help="of each case that is run: 100 for pass@100 (%(default)s)")
    add("--timeout_s", type=float, default=60.0, metavar="S", help="for an answer (%(default)s)")
    add("--seed", type=int, default=0, help="of all that is drawn (%(default)s)")
    add("--threads", type=int, metavar="N", help="cases that a model answers at a time, on a core each (default all)")
    add("--no_baselines", action="store_true", help="leave out n-gram, popularity and copy")
    add("--allow_unsandboxed", action="store_true", help="run answers of models even where no sandbox can be made")
    add("--compare", nargs="+", default=[], metavar="[NAME=]RUN", help="finished runs, instead of asking anybody")
    arguments = parser.parse_args(argv)
    arguments.suite = list(dict.fromkeys(arguments.suite or DEFAULT_SUITES))
    for name, least, most in (
        *(("cases", 1, None), ("samples", 1, 1000), ("num_answers", 1, MOST_ANSWERS), ("examples", 0, None)),
        ("threads", 1, None),
    ):
        value = getattr(arguments, name)
        if value is not None and (value < least or (most is not None and value > most)):
            bounds = f"{least} or more" if most is None else f"{least} to {most}"
            parser.error(f"--{name} {value}: must be {bounds}")
    if not arguments.timeout_s > 0:
        parser.error(f"--timeout_s {arguments.timeout_s:g}: must be above 0")
    if bool(arguments.compare) == bool(arguments.model or arguments.server):
        parser.error("give --model or --server to ask them, or --compare with runs that are there")
    arguments.model = _named(parser, "--model", arguments.model)
    arguments.server = _named(parser, "--server", arguments.server)
    arguments.compare = _named(parser, "--compare", arguments.compare)
    for name, url in arguments.server.items():
        if not url.startswith(("http://", "https://")):
            parser.error(f"--server {name}={url}: expected an address such as http://localhost:8080/v1")
    own = arguments.output_dir.resolve()
    if any(pathlib.Path(run).resolve() == own for run in arguments.compare.values()):
        parser.error(f"--output_dir {arguments.output_dir} is one of the runs: its page would be written over")
    if both := sorted(arguments.model.keys() & arguments.server.keys()):
        parser.error(f"a model and a server are called {both[0]}: give one of them another name")
    if taken := sorted((arguments.model.keys() | arguments.server.keys()) & set(results.BASELINES)):
        parser.error(f"{taken[0]} is the name of a baseline: give another name")
    return arguments


def _named(parser: argparse.ArgumentParser, option: str, values: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE, or VALUE, which is then called as its folder."""
    found: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or "/" in name:
            name, rest = pathlib.Path(value).resolve().name, value
        if name in found:
            parser.error(f"{option}: two are called {name}: give NAME={rest}")
        if not re.fullmatch(r"[\w.+-]+", name):
            parser.error(f"{option}: {name!r} is no name: letters, digits and . + - _")
        found[name] = rest
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    arguments = parse(argv)
    out: pathlib.Path = arguments.output_dir
    interrupted = False
    try:
        out.mkdir(parents=True, exist_ok=True)
        if arguments.compare:
            found = results.gather({name: pathlib.Path(path) for name, path in arguments.compare.items()})
        else:
            interrupted = _ask(arguments, out)
            found = results.gather({"": out})
        results.write(out / page.RESULTS, found)
        written = page.write(out)
    except (*ERRORS, exported.ExportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(table(found))
    print(f"The page: {written}")
    return 130 if interrupted else int(bool(wording.missing(found)))


def table(found: dict[str, Any]) -> str:
    """The totals for a terminal; what is missing follows.

    Example: a line of it is "model                   14.1 (11.0 to 17.2)      38.0 (35.2 to 41.1)".
    """
    lines = []
    for suite in found["suites"]:
        lines += ["", f"{suite['title']}, {suite['cases']:,} cases"]
        lines.append(f"{'':<{_NAME}}" + "".join(f"{measure['label']:<{_WIDTH}}" for measure in suite["measures"]))
        for provider in suite["providers"]:
            figures = (provider["total"]["figures"].get(measure["key"]) for measure in suite["measures"])
            lines.append(
                f"{provider['name'] + ('' if provider['complete'] else ' (partial)'):<{_NAME}}"
                + "".join(f"{wording.figure(one):<{_WIDTH}}" for one in figures)
            )
    lines += ["", *(f"partial: {one['text']}" for one in wording.missing(found))]
    return "\n".join(line.rstrip() for line in lines)


def _ask(arguments: argparse.Namespace, out: pathlib.Path) -> bool:
    """Asks every suite and keeps what was asked of whom; whether that was interrupted."""
    # Before anything is written: a command that cannot begin leaves a run as it is.
    engines = {name: Engine(path, threads=1) for name, path in arguments.model.items()}
    partial: list[str] = []
    made = {
        "model": ", ".join((*arguments.model, *arguments.server)),
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": arguments.seed,
        "documents": str(arguments.documents or ""),
        "command": "python -m completion.evaluate " + shlex.join(sys.argv[1:]),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("code_t5", "onnxruntime", "numpy")},
        },
    }
    results.write(out / results.RUN, {"about": made, "partial": ["it was stopped; the same command goes on"]})
    line = ProgressLine()
    try:
        ask_all(arguments, engines, out, partial, line.say)
    except KeyboardInterrupt:
        partial.append("it was interrupted; the same command goes on")
        return True
    finally:
        line.end()
        results.write(out / results.RUN, {"about": made, "partial": partial})
    return False


def ask_all(
    arguments: argparse.Namespace,
    engines: dict[str, Engine],
    out: pathlib.Path,
    partial: list[str],
    say: Callable[[str], None],
) -> None:
    """Asks every suite; what one of them lacks is told in `partial`, and the others are asked all the same."""
    files = {name: getattr(arguments, name) for name, suite in suites.SUITES.items() if suite.own_file}
    material = Material(
        arguments.documents, statistics=arguments.statistics, seed=arguments.seed, say=say,
        files={name: path for name, path in files.items() if path is not None},
    )  # fmt: skip
    first = next(iter(engines.values()), None)
    baselines = None
    if arguments.documents is not None and not arguments.no_baselines:
        baselines = Baselines(material, first.codec if first else None, first.description.vocabulary if first else "")
    asked = Asked(
        engines, {name: (url, arguments.server_model) for name, url in arguments.server.items()}, baselines,
        num_answers=arguments.num_answers, samples=arguments.samples, timeout_s=arguments.timeout_s,
        at_once=arguments.threads or len(os.sched_getaffinity(0)),
    )  # fmt: skip
    for name in arguments.suite:
        number = arguments.examples if name == "examples" else arguments.cases
        try:
            partial += ask(name, out, material, asked, number, allow_unsandboxed=arguments.allow_unsandboxed, say=say)
        except ERRORS as error:
            partial.append(f"{name}: {error}")


if __name__ == "__main__":
    sys.exit(main())
