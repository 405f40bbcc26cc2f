import html.parser
import re
import xml.etree.ElementTree

import pytest

from preprocessing import statistics, statistics_page, statistics_plots
from tests.preprocessing import small_documents


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    statistics.make_statistics(small_documents.make(folder), folder / "statistics")
    return folder / "statistics"


@pytest.fixture(scope="module")
def page(made) -> str:
    return (made / "statistics.html").read_text(encoding="utf-8")


class Elements(html.parser.HTMLParser):
    """All start tags of a page, and the texts of its cells."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def test_nothing_comes_from_elsewhere(page):
    elements = Elements(page)
    assert elements.open == []
    assert {tag for tag, _ in elements.tags}.isdisjoint({"img", "link", "iframe", "object", "embed", "image"})
    for _, attributes in elements.tags:
        assert attributes.keys().isdisjoint({"src", "srcset", "action", "background"})
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith("#")
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"\w+://[^\s\"'<]*", page)) <= namespaces
    assert "@import" not in page
    assert set(re.findall(r"url\((.)", page)) <= {"#"}


def test_names_out_of_the_data_are_text(page):
    elements = Elements(page)
    assert sum(tag == "script" for tag, _ in elements.tags) == 1
    assert small_documents.EVIL in elements.cells
    assert "<i>" in elements.cells
    assert "évil.one" in elements.cells
    assert "<script>alert" not in page


def test_ids_are_unique_and_references_find_them(page):
    elements = Elements(page)
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 50
    assert set(re.findall(r'(?:href="|url\()#([\w-]+)', page)) <= set(ids)


def test_every_plot_is_on_it_and_takes_its_colours(page):
    figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(figures) == len(statistics_plots.PLOTS)
    for figure in figures:
        svg = figure[figure.index("<svg") : figure.index("</svg>") + 6]
        xml.etree.ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))
        assert statistics_plots.INK not in svg
        assert statistics_plots.PAPER not in svg
        assert "currentColor" in svg
        assert "#000000" not in svg
        assert "#ffffff" not in svg


def test_the_page_is_made_of_the_summary_alone(made, page, tmp_path):
    summary = statistics.read_summary(made)
    assert statistics_page.page(summary, statistics_plots.draw(summary, tmp_path)) == page
    for path in (made / "plots").iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_a_table():
    cells = Elements(statistics_page.table(["name", "files"], [["a<b>", 1200], ["&lt;", 3]])).cells
    assert cells == ["a<b>", "1,200", "&lt;", "3"]
    assert '<td data-value="1200">1,200</td>' in statistics_page.table(["files"], [[1200]])
    assert statistics_page.table(["name"], []) == '<p class="faint">None.</p>'
