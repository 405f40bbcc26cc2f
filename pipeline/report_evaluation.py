"""An evaluation in a section of a report: its figures with their intervals, and a copy of its page."""

import decimal
import pathlib
from collections.abc import Iterator
from typing import Any

from pipeline import report_sections
from pipeline.report_page import Section, Table

FOLDER = "evaluation"
_RESULTS = "results.json"
# What is copied, and what a link to it says; an evaluation has one page.
_PAGES = {"report.html": "The page of the evaluation", "index.html": "The page of the evaluation"}
_COPIED = {**_PAGES, "report.md": "The same as Markdown", _RESULTS: "All its figures, as JSON"}


def evaluation(folder: pathlib.Path, into: pathlib.Path) -> Section:
    """The section; the page and the figures are copied as they are.

    Args:
      into: the folder of the report, in which a folder `evaluation` is made.

    Raises:
      OSError: the copies cannot be written.
    """
    section = report_sections.read("Evaluation", folder / _RESULTS, _tell, command="python -m completion.evaluate")
    for name, about in _COPIED.items():
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            section.wrong.append(f"{folder / name} cannot be read: {error.strerror}")
            continue
        (into / FOLDER).mkdir(exist_ok=True)
        (into / FOLDER / name).write_bytes(data)
        section.links[about] = f"{FOLDER}/{name}"
    if not any(f"{FOLDER}/{name}" in section.links.values() for name in _PAGES):
        section.wrong.append(
            f"{folder} has no {next(iter(_PAGES))}: make the page again with `python -m completion.evaluate`"
        )
    return section


def _tell(section: Section, found: Any, path: pathlib.Path) -> None:
    if found["schema"] != 1:
        raise ValueError(f"of schema {found['schema']!r}, this program reads 1")
    section.wrong += [f"{path}: {note}" for note in found["about"].get("partial") or ()]
    for suite in found["suites"]:
        labels = {one["key"]: one["label"] for one in suite["measures"]}
        first = next(iter(labels))
        for one in suite["providers"]:
            figure = _figure(one["total"]["figures"].get(first))
            partial = "" if one["complete"] else ", partial"
            section.lines.append(f"{suite['title']}, {one['name']}: {labels[first]} {figure}{partial}")
        section.tables.append(_totals(suite, labels))
        if suite.get("likelihood"):
            section.tables.append(_likelihood(suite))
        section.wrong += [f"{path}: {line}" for line in _wrong(suite)]
    about = {name: value for name, value in found["about"].items() if name not in ("partial", "versions")}
    section.tables.append(report_sections.facts("What ran", {**about, **(found["about"].get("versions") or {})}))


def _totals(suite: dict[str, Any], labels: dict[str, str]) -> Table:
    rows = [
        [
            one["name"],
            *(_figure(one["total"]["figures"].get(key)) for key in labels),
            f"{one['total']['errors']:,} of {one['total']['cases']:,}",
        ]
        for one in suite["providers"]
    ]
    title = f"{suite['title']}: percent of {suite['cases']:,} cases, with 95 % intervals"
    return Table(title, ("provider", *labels.values(), "without answer"), rows)


def _likelihood(suite: dict[str, Any]) -> Table:
    rows = [
        [name, _figure(one.get("bits_per_byte"), digits=3), _figure(one.get("perplexity"), digits=2)]
        for name, one in suite["likelihood"].items()
    ]
    return Table(f"{suite['title']}: what was written, to each", ("provider", "bits per byte", "perplexity"), rows)


def _wrong(suite: dict[str, Any]) -> Iterator[str]:
    bad = suite.get("bad_rows") or []
    if bad:
        yield f"{suite['title']}: broken rows left out: {len(bad):,}, such as {report_sections.short(bad[0])}"
    for one in suite["providers"]:
        where, total = f"{suite['title']}, {one['name']}", one["total"]
        if not one["complete"]:
            yield f"{where}: partial; {total['errors']:,} of {total['cases']:,} cases without an answer count as wrong"
        for failed in one.get("failed") or ():
            yield f"{where}: {failed['cases']:,} cases failed: {report_sections.short(failed['reason'])}"


def _figure(found: Any, *, digits: int = 1) -> str:
    """A figure with its interval: "14.1 (11.0 to 17.2)"; "-" of none."""
    if found is None:
        return "-"
    if not isinstance(found, dict):
        return _number(found, digits)
    mean = _number(found["mean"], digits)
    if found.get("low") is None:
        return mean
    return f"{mean} ({_number(found['low'], digits)} to {_number(found['high'], digits)})"


def _number(value: float, digits: int) -> str:
    # As the evaluation's own page rounds, halves away from zero: the two stand side by side.
    return str(decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP))
