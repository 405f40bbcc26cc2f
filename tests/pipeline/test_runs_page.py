"""The page of all results: nothing foreign in it, nothing from the network, links that lead somewhere."""

import html.parser
import re
import urllib.parse

import pytest

from pipeline import records, run_summary, runs_page
from pipeline.records import Record
from tests.pipeline.test_runs import ask, keep

FOREIGN = '<script>alert("&")</script>'


class Seen(html.parser.HTMLParser):
    """The tags, links and texts of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.links, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.texts.append(data)


def results_of(tmp_path):
    results = tmp_path / "the results"
    keep(results, "Report", "f1#x", folder={"a.html": "", "report.html": "page"}, tags=[FOREIGN], experiments=["dev"])
    keep(results, "Evaluation", "e1", folder={"results.json": "{}"})
    keep(results, "TrainedModel", "a1", status="failed", error={"reason": FOREIGN, "last_lines": []})
    keep(results, "TrainedModel", "a2", status="failed", error={"reason": FOREIGN, "last_lines": []})
    return results


@pytest.mark.parametrize("place", ["the results/index.html", "elsewhere/page.html"])
def test_the_page_links_what_is_there_by_relative_paths(tmp_path, place):
    results = results_of(tmp_path)
    output = tmp_path / place
    assert ask(results, "page", "--output", str(output)) == 0
    seen = Seen(output.read_text(encoding="utf-8"))
    paths = [(output.parent / urllib.parse.unquote(link)).resolve() for link in seen.links]
    assert all(link.startswith("./") and "#" not in link for link in seen.links)
    assert paths == [
        results / "Report" / "f1#x" / "report.html",
        results / "Report" / "f1#x",
        results / "Evaluation" / "e1",
    ]
    assert [path.name for path in output.parent.glob("*.incomplete")] == []


def test_what_records_say_is_text_and_the_page_needs_no_network(tmp_path):
    results = results_of(tmp_path)
    assert ask(results, "page") == 0
    text = (results / "index.html").read_text(encoding="utf-8")
    seen = Seen(text)
    assert "script" not in seen.tags
    assert seen.texts.count(FOREIGN) == 3  # a tag, and the reason of both
    assert f"2 × {FOREIGN}" in seen.texts
    assert re.findall(r"https?://|url\(|@import", text) == []
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert text.count("<tr>") == 5


def test_a_report_is_the_page_of_that_name_or_the_first(tmp_path):
    keep(tmp_path, "Report", "ab", folder={"b.html": "", "c.html": ""})
    (record,) = records.all_records(tmp_path)
    folder = tmp_path / "Report" / "ab"
    assert runs_page.report_of(tmp_path, record) == folder / "b.html"
    (folder / "index.html").touch()
    assert runs_page.report_of(tmp_path, record) == folder / "index.html"
    assert runs_page.report_of(tmp_path, Record("Report", "none")) is None


def test_an_empty_folder_has_a_page_too(tmp_path):
    assert ask(tmp_path, "page") == 0
    assert (tmp_path / "index.html").read_text(encoding="utf-8").count("None yet.") == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_500_000, "1.5 MB"), (2e12, "2.0 TB"), (1e16, "10,000.0 TB")],
)
def test_sizes(value, expected):
    assert run_summary.size(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(None, "-"), (65.4, "0:01:05"), (90_000, "1 day, 1:00:00")])
def test_durations(value, expected):
    assert run_summary.duration(value) == expected
