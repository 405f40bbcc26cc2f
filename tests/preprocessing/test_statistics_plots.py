import xml.etree.ElementTree

import pytest

from preprocessing import statistics_plots
from preprocessing.statistics_tables import TRAIN_USES

SPLITS = ("train", "validation", "test")


def summary(**changes) -> dict:
    """As of a dataset of nothing."""
    return {
        "bins": [1, 2, 4],
        "files_by_bytes": {split: [0, 0, 0] for split in SPLITS},
        "files_by_lines": {split: [0, 0, 0] for split in SPLITS},
        "tokens_by_rank": {split: [] for split in SPLITS},
        "licenses": [],
        "drops": {"empty": 0},
        "splits": {split: {"repositories": 0} for split in SPLITS},
        "top_libraries": {split: {"third party": [], "standard library": []} for split in SPLITS},
        "uses_by_rank": {split: [] for split in SPLITS},
        "overlap": {
            split: {"train_uses_at_least": [0, *TRAIN_USES], "symbols": [0] * 11, "uses": [0] * 11}
            for split in SPLITS[1:]
        },
        **changes,
    }


def texts(svg: str) -> list[str]:
    return [element.text for element in xml.etree.ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def drawn(tmp_path, **changes) -> dict[str, list[str]]:
    """The texts of each plot."""
    return {plot.name: texts(plot.svg) for plot in statistics_plots.draw(summary(**changes), tmp_path)}


def test_of_nothing_every_plot_says_so(tmp_path):
    found = drawn(tmp_path)
    assert list(found) == list(statistics_plots.PLOTS)
    assert all("nothing to show" in words for words in found.values())
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {f"{name}.{ending}" for name in found for ending in ("png", "svg")}


@pytest.fixture
def only(monkeypatch):
    """Drawing all of them takes seconds."""
    plots = statistics_plots.PLOTS
    return lambda *names: monkeypatch.setattr(statistics_plots, "PLOTS", {name: plots[name] for name in names})


def test_names_are_drawn_as_they_are(tmp_path, only):
    only("licenses", "drops")
    evil = "<b>&$x_2$\\frac"
    found = drawn(tmp_path, licenses=[{"split": "train", "license": evil, "bytes": 4_000_000}], drops={evil: 1234})
    assert evil in found["licenses"]
    assert "4.0" in found["licenses"]
    assert evil in found["drops"]
    assert "1,234" in found["drops"]


def test_more_licences_than_bars_are_put_together(tmp_path, only):
    only("licenses")
    rows = [{"split": "train", "license": f"L{i}", "bytes": (30 - i) * 1_000_000} for i in range(20)]
    words = drawn(tmp_path, licenses=rows)["licenses"]
    assert [name for name in words if name.startswith("L") and name != "Licences"] == [f"L{i}" for i in range(14)]
    assert "others" in words
    assert f"{sum(30 - i for i in range(14, 20))}.0" in words


def test_each_split_that_has_something_is_in_the_legend(tmp_path, only):
    only("file_sizes")
    counts = {"train": [0, 3, 1], "validation": [0, 0, 0], "test": [1, 0, 0]}
    found = drawn(tmp_path, files_by_bytes=counts, files_by_lines=counts)
    assert "train" in found["file_sizes"]
    assert "test" in found["file_sizes"]
    assert "validation" not in found["file_sizes"]


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [(0, "", "0"), (999, "", "999"), (20_000, "", "20k"), (1_500_000, "B", "1.5 MB"), (10, "B", "10 B")],
)
def test_short_numbers(number, unit, text):
    assert statistics_plots.short(number, unit=unit) == text
