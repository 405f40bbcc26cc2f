"""One HTML page of the statistics: nothing in it comes from anywhere else, so it can be mailed or put anywhere."""

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from preprocessing import contract
from preprocessing.statistics_plots import INK, PAPER, UNKNOWN, Drawn

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1c; --paper: #fefefe; --faint: #6a6a70; --line: #d9d9de; --card: #f6f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e8ea; --paper: #17181b; --faint: #a0a0a8; --line: #3a3b40; --card: #1f2024 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: .5rem 0 }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
p, figcaption, summary { max-width: 44rem }
.faint, figcaption { color: var(--faint); font-size: .9rem }
code { overflow-wrap: anywhere; font-size: .9em }
.plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)) }
figure { margin: 0; padding: .75rem; background: var(--card); border-radius: .5rem }
figure svg { display: block; width: 100%; height: auto; color: var(--ink) }
.table { width: fit-content; max-width: 100%; max-height: 32rem; overflow: auto;
  border: 1px solid var(--line); border-radius: .5rem }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th { position: sticky; top: 0; background: var(--card); padding: 0 }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: .4rem .6rem;
  width: 100%; text-align: inherit; cursor: pointer }
th[aria-sort=ascending] button::after { content: " \\2191" }
th[aria-sort=descending] button::after { content: " \\2193" }
.text { text-align: left }
td.text { white-space: normal; overflow-wrap: break-word; max-width: 26rem }
.long { min-width: 15rem }
tr:last-child td { border-bottom: 0 }
"""

# A click sorts by that column, numbers downwards first; another click turns the order round.
_SCRIPT = """
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
  const head = button.parentNode, column = head.cellIndex, body = head.closest("table").tBodies[0];
  const text = head.classList.contains("text");
  const down = head.hasAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : !text;
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => text ? row.cells[column].textContent : Number(row.cells[column].dataset.value);
  const rows = [...body.rows].map(row => [key(row), row]);
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
  body.append(...rows.map(([, row]) => row));
});
"""


def page(summary: Mapping[str, Any], drawn: Iterable[Drawn]) -> str:
    """The page.

    Args:
      summary: the content of `summary.json`.
      drawn: the plots.

    Returns:
      HTML. All names out of the data are escaped.
    """
    parameters, versions = summary["parameters"], summary["versions"]
    made_by = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    figures = "\n".join(
        f'<figure role="group" aria-label="{html.escape(plot.title)}">{for_page(plot)}'
        f"<figcaption>{html.escape(plot.caption)}</figcaption></figure>"
        for plot in drawn
    )
    sections = [
        _section("Splits", _splits(summary), f"Tokens are {parameters['tokens']}. {_UNPARSABLE.format(**parameters)}"),
        f'<h2>Plots</h2><div class="plots">\n{figures}\n</div>',
        *_tables(summary),
    ]
    body = "\n".join(sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Statistics of documents</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Statistics of documents</h1>\n"
        f'<p class="faint">Of the documents with the digest <code>{html.escape(summary["documents_digest"])}</code>; '
        f"made by {html.escape(made_by)}.</p>\n{body}\n<script>{_SCRIPT}</script></body></html>\n"
    )


_UNPARSABLE = (
    "Unparsable files are not Python {python}, mostly Python 2: they are in the documents, but their imports and "
    "symbols are not counted."
)


def for_page(plot: Drawn) -> str:
    """A plot's SVG as a part of a page: in the page's colours, with ids that no other plot has.

    Example: `<g id="axes_1">` in the plot "drops" becomes `<g id="drops-axes_1">`.
    """
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub("<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace(INK, "currentColor").replace(PAPER, "none")
    svg = re.sub(r'\bid="', f'id="{plot.name}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{plot.name}-", svg)
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', svg, count=1).strip()


def _splits(summary: Mapping[str, Any]) -> str:
    names = ("repositories", "files", "bytes", "lines", "tokens", "unparsable", "symbols", "uses", "calls")
    totals = {split: {**summary["splits"][split], **summary["symbols"][split]} for split in contract.SPLITS}
    return table(["split", *names], [[split, *(totals[split][name] for name in names)] for split in totals])


def _tables(summary: Mapping[str, Any]) -> Iterable[str]:
    splits = {split: totals for split, totals in summary["splits"].items() if totals["files"]}
    drops = [[reason, files, contract.DROP_REASONS.get(reason, "")] for reason, files in summary["drops"].items()]
    drops = sorted((row for row in drops if row[1]), key=lambda row: -row[1])
    yield _section("Dropped files", table(["reason", "files", "meaning"], drops))
    names = ("files", "bytes", "repositories")
    rows = [[row["license"] or UNKNOWN, row["split"], *(row[name] for name in names)] for row in summary["licenses"]]
    rows.sort(key=lambda row: -row[3])
    yield _section("Licences", table(["licence", "split", *names], rows))
    names = ("files", "bytes", "lines", "tokens", "unparsable")
    rows = [
        [row["repository"], split, row["license"] or UNKNOWN, *(row[name] for name in names)]
        for split in splits
        for row in summary["largest_repositories"][split]
    ]
    rows.sort(key=lambda row: -row[4])
    more = "The 100 largest of each split; all of them are in repositories.parquet."
    yield _section("Repositories", table(["repository", "split", "licence", *names], rows), more)
    names = ("repositories", "files", "imports")
    for split in splits:
        top = summary["top_libraries"][split]
        rows = [[row["library"], kind, *(row[name] for name in names)] for kind in top for row in top[kind]]
        rows.sort(key=lambda row: -row[2])
        more = "What repositories import of themselves is left out; all is in libraries.parquet and imports.parquet."
        yield _section(f"Libraries imported in {split}", table(["library", "kind", *names], rows), more)
    names = ("repositories", "files", "uses", "calls")
    for split in splits:
        rows = [
            [f"{row['module']}.{row['attribute']}", *(row[name] for name in names)]
            for row in summary["top_symbols"][split]
        ]
        more = "The symbols that most repositories use; all of them are in symbols.parquet."
        yield _section(f"Symbols used in {split}", table(["symbol", *names], rows), more)


def _section(title: str, content: str, note: str = "") -> str:
    note = f'<p class="faint">{html.escape(note)}</p>' if note else ""
    return f"<h2>{html.escape(title)}</h2>{note}\n{content}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """A table that a click on a head sorts; a column is numbers if its first row has one there.

    Example: `table(["name", "files"], [["a<b", 1200]])` has the cells `a&lt;b` and `1,200`.
    """
    if not rows:
        return '<p class="faint">None.</p>'
    text = [isinstance(cell, str) for cell in rows[0]]
    styles = [' class="text"' if is_text else "" for is_text in text]
    head = "".join(
        f'<th scope="col"{style}><button type="button">{html.escape(name)}</button></th>'
        for name, style in zip(heads, styles, strict=True)
    )
    lines = [f'<div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>']
    lines += [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows]
    return "\n".join([*lines, "</tbody></table></div>"])


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f'<td data-value="{value}">{value:,}</td>'
    return f'<td class="text{" long" if len(value) > 30 else ""}">{html.escape(value)}</td>'
