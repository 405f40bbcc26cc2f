"""Data that means harm does none, and the page is whole: all of its parts, and what it refuses."""

import ast
import copy
import fnmatch
import html.parser
import http.server
import json
import pathlib
import threading

import pytest

from completion.evaluation.report import page
from tests.completion.evaluation.report.opened_page import focused, found, opened, unfold, written

HARM = (
    "</script><img src=x onerror=\"window.harm='img'\"><script>window.harm='script'</script><!--'\"`${harm}{{script}}"
)
# Where names are keys, and what they are names of is data.
NAMED = {"figures", "answers", "confusions", "calibration", "likelihood", "plots", "providers"}


def hostile(value, *, named: int = 0):
    """Every string of results with HARM behind it, and every name that is a key."""
    if isinstance(value, str):
        return value + HARM
    if isinstance(value, list):
        return [hostile(one) for one in value]
    if isinstance(value, dict):
        return {
            key + HARM * bool(named): hostile(
                one,
                named=named - 1 if named else (2 if key == "slices" else key in NAMED) if isinstance(one, dict) else 0,
            )
            for key, one in value.items()
        }
    return value


class Counted(http.server.BaseHTTPRequestHandler):
    """Gives one page, and keeps who asks for what."""

    page, asked = b"", []

    def do_GET(self):  # noqa: N802
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_):
        pass


def test_hostile_data_does_no_harm_and_nothing_leaves_the_page(browser, results, tmp_path):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counted) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        changed = hostile(results)
        # An image that would fetch and run something, if it were read as part of the page.
        for suite in changed["suites"]:
            for name in suite["plots"]:
                suite["plots"][name] = (
                    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="window.harm=1">'
                    f'<script>parent.harm=1</script><image href="{here}/image" width="9" height="9"/></svg>'
                )
        for example in changed["examples"]:
            example["about"] += f'<img src="{here}/about"><link rel="stylesheet" href="{here}/style">'
        path = pathlib.Path(written(changed, tmp_path).removeprefix("file://"))
        Counted.page = path.read_bytes()
        Counted.asked.clear()
        opened(browser, here)
        unfold(browser)
        assert found(browser) == "1 to 20 of 60 examples"
        assert browser.text("#suite-0 h2") == "Line completion" + HARM
        assert browser.text("article h3") == changed["examples"][0]["id"]
        assert browser.run("return document.querySelectorAll('.sortable tbody tr').length") == 12
        browser.press("j" * 45)
        assert focused(browser).startswith("example-")
        assert browser.run("return window.harm ?? null") is None
        assert browser.run("return document.querySelectorAll('img:not(.plot), object, iframe').length") == 0
        assert browser.run("return document.scripts.length") == 2
        # What the page does not do by itself, it could not do either.
        tried = """
            const script = document.createElement("script");
            script.textContent = "window.harm = 'inline'";
            document.body.append(script);
            const image = new Image();
            image.src = arguments[0] + "/tried";
            return fetch(arguments[0] + "/tried").then(() => "it went", () => "stopped")"""
        assert browser.run(tried, here) == "stopped"
        assert browser.run("return window.harm ?? null") is None
        assert (
            browser.run("""return performance.getEntriesByType("resource").map((one) => one.name)
            .filter((name) => !name.startsWith("data:") && !name.endsWith("/tried"))""")
            == []
        )
        assert Counted.asked == ["/"]
        server.shutdown()


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_hostile_data_is_one_text_in_the_page(results):
    plain, harmed = Tags(), Tags()
    plain.feed(page.html(results))
    harmed.feed(page.html(hostile(results)))
    assert harmed.tags == plain.tags


def test_the_data_in_the_page_is_the_data(results):
    changed = hostile(results)
    text = page.html(changed).split('id="data">', 1)[1].split("</script>", 1)[0]
    assert json.loads(text)["results"] == changed


def test_no_data_is_read_as_html():
    folder = pathlib.Path(page.__file__).parent
    for path in folder.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
        ):
            assert word not in text, f"{path.name} has {word}"


def test_all_parts_of_the_page_are_installed():
    folder = pathlib.Path(page.__file__).parent
    (line,) = [
        line
        for line in (folder.parents[2] / "setup.py").read_text(encoding="utf-8").splitlines()
        if line.strip().startswith('"completion.evaluation.report":')
    ]
    patterns = ast.literal_eval("{" + line.strip() + "}")["completion.evaluation.report"]
    parts = [path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".py"]
    assert {"page.html", "page.css", "tables.js"} < set(parts)
    assert [name for name in parts if not any(fnmatch.fnmatch(name, one) for one in patterns)] == []


def test_results_of_another_schema_are_refused(results):
    with pytest.raises(ValueError, match="expected results of schema 1, got 2"):
        page.html({**results, "schema": 2})


def test_a_figure_that_is_no_number_is_refused(results):
    changed = copy.deepcopy(results)
    changed["suites"][0]["providers"][0]["seconds"] = float("nan")
    with pytest.raises(ValueError, match="a figure of the results is no number"):
        page.html(changed)


def test_the_page_and_the_tables_are_written_beside_the_results(results, tmp_path):
    changed = copy.deepcopy(results)
    changed["examples"][0]["expected"] = "lone \ud800 surrogate"
    (tmp_path / "results.json").write_text(json.dumps(changed))
    assert page.write(tmp_path) == tmp_path / "report.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.md", "results.json"]
    assert "lone \\ud800 surrogate" in (tmp_path / "report.md").read_text(encoding="utf-8")
    before = (tmp_path / "report.html").read_bytes()
    (tmp_path / "results.json").write_text(json.dumps({**changed, "schema": 0}))
    with pytest.raises(ValueError, match="schema"):
        page.write(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == before
