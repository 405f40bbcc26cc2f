"""What one experiment made, in one folder that can be looked at and sent away; the command of the stage Report.

python -m pipeline.report --title demo --output_dir OUT --documents DOCS --model MODEL_DIR --export EXPORT
  --predictions PRED --evaluation EVAL

What is not given is left out; what is missing or damaged in what is given is said in the report.

OUT/index.html    the page, which needs nothing but itself
OUT/report.md     the same as Markdown
OUT/evaluation/   the page of the evaluation and its figures
OUT/completions.jsonl  what the export writes to the prompts
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from pipeline import records, report_page, report_sections
from pipeline.report_evaluation import evaluation
from pipeline.report_page import Report, Section
from pipeline.report_prompts import prompts

PAGE, TABLES = "index.html", "report.md"
_ABOUT = {
    "tree": "of repositories",
    "documents": "made by preprocessing.run",
    "model": "a model directory, with its run.json",
    "export": "made by code_t5.main.export",
    "predictions": "for held-out sets, with their sets.json",
    "evaluation": "made by completion.evaluate",
    "prompts": "JSONL, that the export is asked to complete",
}


def make(output_dir: pathlib.Path, title: str, inputs: dict[str, Sequence[pathlib.Path]]) -> Report:
    """Makes the folder of a report, as a whole or not at all.

    Args:
      output_dir: a folder that is not there yet, or empty.
      inputs: a key of `_ABOUT` -> folders; of `prompts` a file.

    Raises:
      FileExistsError: something is at `output_dir`.
      ValueError: nothing of all that was given can be read.
      OSError: the folder cannot be written.
    """
    output_dir = output_dir.absolute()
    empty = output_dir.is_dir() and not output_dir.is_symlink() and not any(output_dir.iterdir())
    if os.path.lexists(output_dir) and not empty:
        raise FileExistsError(f"{output_dir} is there already: give another --output_dir, or delete it")
    output_dir.parent.mkdir(parents=True, exist_ok=True)
    made = pathlib.Path(tempfile.mkdtemp(prefix=f"{output_dir.name}.", suffix=".incomplete", dir=output_dir.parent))
    try:
        report = gather(title, inputs, made)
        for name, text in ((PAGE, report_page.page(report)), (TABLES, report_page.markdown(report))):
            (made / name).write_text(text, encoding="utf-8", newline="\n")
        made.chmod(0o755)  # mkdtemp's are for their owner alone
        made.rename(output_dir)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return report


def gather(title: str, inputs: dict[str, Sequence[pathlib.Path]], into: pathlib.Path) -> Report:
    """Reads all that is given; what belongs beside the page is copied into a folder.

    Raises:
      ValueError: nothing of it can be read.
      OSError: the copies cannot be written.
    """
    readers = {
        "tree": report_sections.tree,
        "documents": report_sections.documents,
        "model": report_sections.training,
        "export": report_sections.export,
        "predictions": report_sections.predictions,
        "evaluation": lambda folder: evaluation(folder, into),
        "prompts": lambda file: prompts(file, inputs["export"][0], into),
    }
    sections = [tell(folder) for name, tell in readers.items() for folder in inputs.get(name, ())]
    report = Report(title, records.now(), sections, strangers(sections))
    if not any(one.lines or one.links for one in sections):
        raise ValueError(f"nothing to report: {'; '.join(report.all_wrong)}")
    return report


def strangers(sections: Sequence[Section]) -> list[str]:
    """What parts of different experiments were put together, a sentence each.

    Example: an export says of which run its weights are; where the training is of another, they do not belong together.
    """
    places = {one.title: one.place for one in sections}
    known: dict[str, Any] = {name: value for one in sections for name, value in one.identity.items()}
    found = []
    trained_on = known.get("trained_on", [])
    if known.get("documents") and trained_on and known["documents"] not in trained_on:
        found.append(f"{places['Training']} was trained on other documents than {places['Documents']}")
    for title, made in (("Export", "exported_run"), ("Predictions", "predicted_run")):
        if known.get("run") and known.get(made) and known["run"] != known[made]:
            found.append(f"{places[title]} was made by another training than {places['Training']}")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--title", required=True, help="of the page, such as the experiment's name")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="a folder that is not there yet")
    for name, about in _ABOUT.items():
        nargs = "+" if name == "tree" else 1
        parser.add_argument(f"--{name}", type=pathlib.Path, nargs=nargs, default=(), metavar="PATH", help=about)
    arguments = parser.parse_args(argv)
    inputs = {name: getattr(arguments, name) for name in _ABOUT}
    if not any(inputs.values()):
        parser.error(f"give at least one of {', '.join(f'--{name}' for name in _ABOUT)}")
    if arguments.prompts and not arguments.export:
        parser.error("--prompts: give the --export that is to complete them")
    try:
        report = make(arguments.output_dir, arguments.title, inputs)
    except (OSError, ValueError) as error:
        print(f"error: {report_page.plain(str(error))}", file=sys.stderr)
        sys.exit(1)
    # What a terminal cannot show must not end a command whose work is done.
    sys.stdout.reconfigure(errors="backslashreplace")
    print(report_page.terminal(report, str(arguments.output_dir / PAGE)))


if __name__ == "__main__":
    main()
