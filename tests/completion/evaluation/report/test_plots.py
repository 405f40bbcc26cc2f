"""Plots: the same text each time, parts of a page that do no harm to each other, and what is written in them."""

import re
import sys
import xml.etree.ElementTree

import pytest

from completion.evaluation import calibration
from completion.evaluation.report import plots

pytest.importorskip("matplotlib", reason="plots need matplotlib: pip install 'code_t5[evaluation]'")

KINDS = ("keyword", "name", "nothing")
MATRIX = [[5, 0, 1], [0, 1234, 17], [0, 0, 0]]
SVG = "{http://www.w3.org/2000/svg}"


def figure(mean: float, low: float | None = None, high: float | None = None) -> dict:
    return {"mean": mean, "low": low, "high": high}


def calibrated(*confidences: float) -> dict:
    made = calibration.binned(confidences, [True] * len(confidences))
    return {"bins": [vars(one) for one in made.bins], "expected_error": made.expected_error}


def made() -> list[str]:
    return [
        plots.confusion_matrix(KINDS, MATRIX, "model"),
        plots.reliability({"model": calibrated(0.1, 0.55, 0.95), "$n$-gram <3>": calibrated(0.3)}),
        plots.bars({"model": figure(14.1, 11.0, 17.2), "copy": figure(0.0)}, "exact match, %"),
    ]


def texts(svg: str) -> list[str]:
    return [one.text.strip() for one in xml.etree.ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_same_text_each_time():
    assert made() == made()
    assert not re.search(r"20\d\d-\d\d-\d\d|<metadata|<\?xml|<!DOCTYPE", "".join(made()))


def test_no_id_is_in_two_plots_and_every_address_is_there():
    ids = [re.findall(r'\bid="([^"]+)"', svg) for svg in made()]
    every = [one for of_plot in ids for one in of_plot]
    assert len(every) == len(set(every)) > 50
    for svg, own in zip(made(), ids, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) <= set(own)


def test_a_plot_has_the_readers_ink_and_no_background():
    for svg in made():
        root = xml.etree.ElementTree.fromstring(svg)
        assert root.tag == f"{SVG}svg"
        assert root.get("role") == "img"
        style, drawing = re.match(r"<svg [^>]*><style>(.*?)</style>(.*)", svg, re.DOTALL).groups()
        # Nothing but the root of an image is spoken of, which inline no `<svg>` is.
        assert re.findall(r"[^{};@]+(?={color)", style) == ["svg:root", "svg:root"]
        assert "<style" not in drawing
        assert "currentColor" in drawing
        assert plots._INK not in drawing
        colours = set(re.findall(r"#[0-9a-f]{6}\b", drawing))
        assert colours <= {*plots.COLOURS, plots._FILL}


def test_what_is_written():
    matrix, curve, bars = map(texts, made())
    assert [one for one in matrix if one[0].isdigit()] == ["5", "1", "1,234", "17"]
    assert [matrix.count(kind) for kind in KINDS] == [2, 2, 2]
    assert {"confidence", "accuracy", "model (error 0.467)", "$n$-gram <3> (error 0.700)"} <= set(curve)
    assert {"model", "copy", "14.1", "0.0", "exact match, %"} <= set(bars)


def test_cells_are_as_full_as_their_share_of_the_row():
    found = re.findall(r"fill: #0072b2; opacity: ([0-9.]+)", made()[0])
    assert [float(one) for one in found] == pytest.approx(
        [0.7 * share for share in (5 / 6, 1 / 6, 1234 / 1251, 17 / 1251)], abs=1e-5
    )


def luminance(colour: str) -> float:
    """Of "#rrggbb", 0 to 1, as WCAG 2.1 has it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("paper", "ink"), [("#ffffff", plots._INK), ("#111111", plots._LIGHT_INK)])
def test_marks_and_numbers_can_be_read_on_light_and_dark(paper, ink):
    assert all(contrast(colour, paper) >= 3 for colour in plots.COLOURS)
    parts = [[int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in (plots._FILL, paper)]
    mixed = [round(plots._MOST_FILL * a + (1 - plots._MOST_FILL) * b) for a, b in zip(*parts, strict=True)]
    assert contrast("#" + "".join(f"{one:02x}" for one in mixed), ink) >= 4.5


def test_all_plots_of_a_suite():
    provider = {"name": "model", "total": {"figures": {"top_1": figure(14.1, 11.0, 17.2)}}}
    suite = {
        "measures": [{"key": "top_1", "label": "perfect lines"}],
        "providers": [provider],
        "confusions": {"model": {"kinds": KINDS, "matrix": MATRIX}},
        "calibration": {"model": calibrated(0.5)},
    }
    found = plots.of_suite(suite)
    assert list(found) == ["perfect lines by provider", "confusions model", "calibration"]
    assert found["confusions model"] == made()[0]
    assert "perfect lines, %" in texts(found["perfect lines by provider"])
    assert plots.of_suite({**suite, "providers": [], "confusions": None, "calibration": {}}) == {}


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"plots need matplotlib: pip install 'code_t5\[evaluation\]'"):
        plots.bars({"model": figure(1.0)}, "x")
