"""The page of an evaluation: one HTML file that holds everything and asks the network for nothing.

It is made of results.json alone, so it can be made again, of old results too. The data lies in the page as JSON and is
drawn by the scripts beside this file, as text and never as HTML. A Content-Security-Policy allows the page its own
script and style, by their digests, and images that are part of it; all else is forbidden, whatever the data says.
"""

import base64
import hashlib
import html as markup
import importlib.resources
import json
import os
import pathlib
import re
from typing import Any

from completion import whole_file
from completion.evaluation.report import markdown, wording

RESULTS, PAGE, TABLES = "results.json", "report.html", "report.md"
SCHEMA = 1
# In this order: each uses what stands in those before it as soon as it runs.
_SCRIPTS = ("tables.js", "highlight.js", "examples.js")


def html(results: dict[str, Any]) -> str:
    """The page.

    Args:
      results: what results.json holds.

    Raises:
      ValueError: the results are of another schema, or a number among them is none.
    """
    if results.get("schema") != SCHEMA:
        raise ValueError(f"expected results of schema {SCHEMA}, got {results.get('schema')!r}: make them again")
    data = {
        "results": results,
        "missing": wording.missing(results),
        "compared": [wording.compared(suite) for suite in results["suites"]],
    }
    style, script = _file("page.css"), "\n".join(map(_file, _SCRIPTS))
    policy = (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": markup.escape(f"{results['about']['model']}: evaluation"),
        "style": style,
        "data": _embedded(data),
        "script": script,
    }
    # In one go: what stands in the data is no place to fill.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _file("page.html"))


def write(folder: str | os.PathLike) -> pathlib.Path:
    """Makes report.html and report.md of the results.json of a folder, beside it, each as a whole or not at all.

    Returns:
      The path of the page.

    Raises:
      FileNotFoundError: there is no results.json.
      ValueError: as in `html`.
    """
    folder = pathlib.Path(folder)
    results = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    for name, text in ((TABLES, markdown.markdown(results)), (PAGE, html(results))):
        whole_file.write(folder / name, text)
    return folder / PAGE


def _file(name: str) -> str:
    return (importlib.resources.files("completion.evaluation.report") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: dict[str, Any]) -> str:
    """JSON within which no tag or comment of HTML can begin or end.

    Example: {"a": "</script>"} is {"a":"\\u003c/script\\u003e"}.
    """
    try:
        text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(f"a figure of the results is no number, where null was expected: {error}") from error
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text
