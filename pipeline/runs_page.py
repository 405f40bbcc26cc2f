"""The page of all results and reports: one HTML file that asks the network for nothing and runs no script."""

import html
import os
import pathlib
import urllib.parse
from collections.abc import Sequence
from typing import Any

from pipeline import figures, plain_page, records, run_summary
from pipeline.records import Record

_REPORTED = ("Report", "Evaluation")
_STYLE = """
[data-head=started], [data-head=took], [data-head=size] { white-space: nowrap; }
[data-head=status] { overflow-wrap: anywhere; min-width: 8rem; }
.running { color: var(--warm); } .finished { color: var(--accent); } .failed, .killed { color: var(--bad); }
.tag { border: 1px solid var(--line); border-radius: .4rem; padding: 0 .35rem; white-space: nowrap; }
"""
_HEADS = ("stage", "digest", "status", "experiments", "tags", "started", "took", "place", "size", "figures")


def page(output: pathlib.Path, results: pathlib.Path, rows: Sequence[tuple[Record, dict[str, Any]]]) -> str:
    """The page.

    Args:
      output: where it will stand; links are relative to its folder.
      rows: each record, with what `run_summary.row` says of it.
    """
    newest_first = list(reversed(rows))
    reports = [
        (record, report)
        for record, _ in newest_first
        if record.stage in _REPORTED and (report := report_of(results, record)) is not None
    ]
    parts = [
        "<h1>Results</h1>",
        f"<p>{len(rows)} of them, {len(reports)} with a report; as of {records.now()}.</p>",
        "<h2>Reports</h2>",
        plain_page.items([_report(output, record, report) for record, report in reports]) or "<p>None yet.</p>",
        "<h2>All results</h2>",
        plain_page.table(_HEADS, [_line(output, results, record, row) for record, row in newest_first], names=2)
        if rows
        else "<p>None yet.</p>",
        *_failed([row for _, row in rows]),
    ]
    return plain_page.document("Results", parts, style=_STYLE)


def write(output: pathlib.Path, results: pathlib.Path, rows: Sequence[tuple[Record, dict[str, Any]]]) -> None:
    """Writes the page whole, or not at all; see `page`."""
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f"{output.name}.{os.getpid()}.incomplete")
    beside.write_text(page(output, results, rows), encoding="utf-8", errors="backslashreplace")
    beside.replace(output)


def report_of(results: pathlib.Path, record: Record) -> pathlib.Path | None:
    """The page that a finished result holds: report.html or index.html, or else the first one; None of none."""
    folder = records.folder_of(results, record)
    pages = sorted(folder.glob("*.html"), key=lambda path: (path.name not in ("report.html", "index.html"), path.name))
    return pages[0] if pages else None


def _report(output: pathlib.Path, record: Record, report: pathlib.Path) -> str:
    names = " ".join([*record.experiments, *record.tags])
    started = (record.started or "")[:16].replace("T", " ")
    return f"{_link(output, report, record.name)} {html.escape(names)} <span class=muted>{html.escape(started)}</span>"


def _line(output: pathlib.Path, results: pathlib.Path, record: Record, row: dict[str, Any]) -> list[str]:
    folder = figures.place_of(results, record)
    code = f"<code>{html.escape(record.digest)}</code>"
    status = f'<span class="{row["status"]}">{row["status"]}</span>'
    if record.error:
        status += f"<br>{html.escape(str(record.error.get('reason')))}"
    tags = " ".join(f"<span class=tag>{html.escape(tag)}</span>" for tag in record.tags)
    return [
        html.escape(record.stage),
        _link(output, folder, code, markup=True) if folder.exists() else code,
        status,
        html.escape(", ".join(record.experiments)),
        tags,
        html.escape((record.started or "")[:16].replace("T", " ")),
        run_summary.duration(row["seconds"]),
        html.escape(record.place),
        run_summary.size(row["size_bytes"]),
        html.escape(run_summary.key_figures(row)),
    ]


def _failed(rows: Sequence[dict[str, Any]]) -> list[str]:
    found = run_summary.reasons(rows)
    lines = [f"{number} × {html.escape(str(reason))}" for reason, number in found]
    return ["<h2>Why some failed</h2>", plain_page.items(lines)] if lines else []


def _link(output: pathlib.Path, to: pathlib.Path, text: str, *, markup: bool = False) -> str:
    relative = pathlib.PurePath(os.path.relpath(to.absolute(), output.absolute().parent)).as_posix()
    # "a:b" alone would be an address of the scheme "a".
    address = "./" + urllib.parse.quote(relative)
    return f'<a href="{html.escape(address)}">{text if markup else html.escape(text)}</a>'
