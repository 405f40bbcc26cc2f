"""One report in three forms: a page, Markdown and a few lines for a terminal. Whatever data says is text in each."""

import dataclasses
import html
import re
from collections.abc import Sequence

from pipeline import plain_page

_WRONG = "Missing or damaged"
# Longer tables are folded on the page.
_MOST_ROWS = 20
_STYLE = """
main { max-width: 62rem; margin: 0 auto; } h3 { font-size: 1rem; margin: 1.25rem 0 .4rem; }
.wrong { border-left: .25rem solid var(--bad); padding-left: 1rem; } .wrong h2 { color: var(--bad); margin-top: 1rem; }
td:first-child { font-weight: 600; }
"""


@dataclasses.dataclass(frozen=True)
class Table:
    """Texts in rows, the first of each says what the row is of."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass
class Section:
    """What a part of an experiment says of itself, in texts that nobody has escaped yet.

    Attributes:
      title: "Training".
      place: the path that it was read from.
      lines: what matters; the terminal shows these alone.
      tables: all the rest.
      wrong: what is missing or damaged there, each with its path.
      links: text -> address within the report's folder; the addresses are names of ours, no data.
      identity: what tells which other parts belong to this one, see `report.strangers`.
    """

    title: str
    place: str
    lines: list[str] = dataclasses.field(default_factory=list)
    tables: list[Table] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)
    links: dict[str, str] = dataclasses.field(default_factory=dict)
    identity: dict[str, str | list[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Report:
    """All of it: `made` is when, ISO 8601; `wrong` is what no section alone can know."""

    title: str
    made: str
    sections: Sequence[Section]
    wrong: Sequence[str] = ()

    @property
    def all_wrong(self) -> list[str]:
        return [*(line for one in self.sections for line in one.wrong), *self.wrong]


def page(report: Report) -> str:
    """HTML that needs nothing but itself."""
    parts = [f"<h1>{_html(report.title)}</h1>", f"<p>Made {_html(report.made)}.</p>"]
    if report.all_wrong:
        found = plain_page.items([_html(line) for line in report.all_wrong])
        parts.append(f'<section class="wrong">\n<h2>{_WRONG}</h2>\n{found}\n</section>')
    for one in report.sections:
        parts += [f"<h2>{_html(one.title)}</h2>", f"<p>From <code>{_html(one.place)}</code></p>"]
        links = [f'<a href="{html.escape(address)}">{_html(text)}</a>' for text, address in one.links.items()]
        parts.append(plain_page.items([*links, *map(_html, one.lines)]))
        for table in one.tables:
            rows = [[_html(cell) for cell in row] for row in table.rows]
            shown = plain_page.table([plain(one) for one in table.head], rows)
            if len(rows) > _MOST_ROWS:
                parts.append(f"<details><summary>{_html(table.title)}, {len(rows)} rows</summary>\n{shown}\n</details>")
            else:
                parts += [f"<h3>{_html(table.title)}</h3>", shown]
    return plain_page.document(plain(report.title), parts, style=_STYLE)


def markdown(report: Report) -> str:
    """The same as Markdown, with tables as GitHub shows them."""
    parts = [f"# {_markdown(report.title)}", f"Made {_markdown(report.made)}."]
    if report.all_wrong:
        parts += [f"## {_WRONG}", "\n".join(f"- {_markdown(line)}" for line in report.all_wrong)]
    for one in report.sections:
        parts += [f"## {_markdown(one.title)}", f"From {_markdown(one.place)}"]
        links = [f"[{_markdown(text)}]({address})" for text, address in one.links.items()]
        parts.append("\n".join(f"- {line}" for line in [*links, *map(_markdown, one.lines)]))
        for table in one.tables:
            lines = [table.head, *table.rows]
            lines = ["| " + " | ".join(map(_markdown, line)) + " |" for line in lines]
            lines.insert(1, "| " + " | ".join(["---"] * len(table.head)) + " |")
            parts += [f"### {_markdown(table.title)}", "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def terminal(report: Report, address: str) -> str:
    """A few lines: of each section what matters, then what is wrong, then where the page is.

    Example: "documents    2,989 files of 113 repositories, 38.1 MB".
    """
    blocks = [(one.title.lower(), one.lines) for one in report.sections]
    blocks += [("missing", report.all_wrong), ("page", [address])]
    return "\n".join(
        [
            plain(report.title),
            *(
                f"{'' if number else name:<12} {plain(line)}"
                for name, lines in blocks
                for number, line in enumerate(lines)
            ),
        ]
    )


def plain(text: str) -> str:
    """A text on one line, in which nothing moves a cursor, turns the direction of writing or is half a character.

    Example: "a\\n\\x1b[2Jb" is "a \\\\x1b[2Jb", with the backslash as a character.
    """
    text = " ".join(str(text).split())
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _html(text: str) -> str:
    return html.escape(plain(text))


def _markdown(text: str) -> str:
    escaped = re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", plain(text))
    # What begins a list ("- a", "1. a") or is a rule ("---") would do so within ours.
    return re.sub(r"^(\d{0,9})([-+.)])(?=[-\s]|$)", r"\1\\\2", escaped)
