"""The frame of a page that asks the network for nothing and runs no script, and reads well on a phone and in the dark.

Texts are escaped by those who make the page: what is given here is markup.
"""

import base64
import hashlib
import html
from collections.abc import Sequence

_STYLE = """
:root { color-scheme: light dark; --ground: #fbfbfa; --raised: #fff; --text: #1d2023; --muted: #565d65;
  --line: #dcdfdc; --accent: #1c6b4a; --warm: #8a4b00; --bad: #a3271d; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171a; --raised: #1b1f23; --text: #e3e6e8; --muted: #a2aab2;
  --line: #30363c; --accent: #7fcaa5; --warm: #e8b36a; --bad: #f2998f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p, .muted { color: var(--muted); } a { color: var(--accent); } ul { padding-left: 1.2rem; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; overflow-wrap: normal; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--muted); font-weight: 600; }
@media (max-width: 66rem) {
  body { padding: 1rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; overflow-wrap: anywhere; }
  tr { margin: 0 0 .75rem; padding: .5rem .75rem; background: var(--raised); border: 1px solid var(--line);
    border-radius: .5rem; }
  td { border: 0; padding: .1rem 0; } td:empty { display: none; }
  td[data-head]::before { content: attr(data-head) ": "; color: var(--muted); }
}
"""


def document(title: str, parts: Sequence[str], *, style: str = "") -> str:
    """A whole page.

    Args:
      title: a text.
      parts: the markup within its `main`.
      style: CSS for this page alone, behind that of all pages.
    """
    style = _STYLE + style
    policy = f"default-src 'none'; style-src {_digest(style)}; base-uri 'none'; form-action 'none'"
    head = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>",
    ]
    return "\n".join([*head, *parts, "</main>\n</body>\n</html>\n"])


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, names: int = 1) -> str:
    """A table; on a phone each row is a card, and each cell a line with its head before it, an empty one none.

    Args:
      head: a text over each column.
      rows: markup.
      names: how many of the first cells say what the row is of, and need no head before them, as no cell does whose
        head is empty.
    """
    heads = [html.escape(one) for one in head]
    over = "".join(f'<th scope="col">{one}</th>' for one in heads)
    made = [f"<table>\n<thead><tr>{over}</tr></thead>\n<tbody>"]
    for row in rows:
        cells = (
            f"<td>{cell}</td>"
            if number < names or not heads[number]
            else f'<td data-head="{heads[number]}">{cell}</td>'
            for number, cell in enumerate(row)
        )
        made.append(f"<tr>{''.join(cells)}</tr>")
    return "\n".join([*made, "</tbody>\n</table>"])


def items(lines: Sequence[str]) -> str:
    """A list; nothing of none."""
    return "<ul>\n" + "\n".join(f"<li>{line}</li>" for line in lines) + "\n</ul>" if lines else ""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
