"""Plots of results as SVG, each to be put into a page as it is, inline or as an image; the same text each time.

The background is transparent, and ink is `currentColor`: inline the colour of the page's text, and in an image, where
there is none to inherit, a dark or a light one by the page's scheme. Colours of marks are at least 3 : 1 on white and
on #111, as WCAG 2.1 asks of graphics (1.4.11), and each has a stroke and a marker of its own, too. What ink is written
on is filled at most so far that text is above 4.5 : 1. No id is in two different plots.
"""

import hashlib
import html
import io
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any

COLOURS = ("#2a7fbf", "#d55e00", "#079e6e", "#b45fae", "#858585")
STROKES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")
# Stands for the reader's own colour until the SVG is written.
_INK = "#1a1a1c"
_LIGHT_INK = "#ececee"
_FILL, _MOST_FILL = "#0072b2", 0.7
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": _INK,
    "axes.facecolor": "none",
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "grid.alpha": 0.15,
    "grid.color": _INK,
    "legend.frameon": False,
    "savefig.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "code_t5",
    "text.color": _INK,
    "text.parse_math": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def of_suite(suite: Mapping[str, Any]) -> dict[str, str]:
    """All plots of a suite.

    Args:
      suite: one of the `suites` of `results.json`, with all but its plots.

    Returns:
      SVG by "exact match by provider" for the label of each measure, "confusions model" for each provider that has
      them, and "calibration" where any provider has one.

    Raises:
      ImportError: matplotlib is absent.
    """
    made = {}
    for measure in suite["measures"]:
        if found := {
            one["name"]: one["total"]["figures"][measure["key"]]
            for one in suite["providers"]
            if measure["key"] in one["total"]["figures"]
        }:
            made[f"{measure['label']} by provider"] = bars(found, f"{measure['label']}, %")
    for provider, found in (suite.get("confusions") or {}).items():
        made[f"confusions {provider}"] = confusion_matrix(found["kinds"], found["matrix"], provider)
    if suite.get("calibration"):
        made["calibration"] = reliability(suite["calibration"])
    return made


def confusion_matrix(kinds: Sequence[str], matrix: Sequence[Sequence[int]], provider: str) -> str:
    """Counts, each cell the fuller the larger its share of what was expected in its row.

    Args:
      matrix: counts [expected][predicted], both in the order of the kinds.

    Raises:
      ImportError: matplotlib is absent.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(matplotlib, 4.8, 3.9)
        for row, counts in enumerate(matrix):
            for column, count in enumerate(counts):
                if count:
                    share = _MOST_FILL * count / sum(counts)
                    corner = (column - 0.5, row - 0.5)
                    axes.add_patch(matplotlib.patches.Rectangle(corner, 1, 1, fc=_FILL, lw=0, alpha=share))
                    axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=7)
        for number in range(len(kinds) + 1):
            for line in (axes.axhline, axes.axvline):
                line(number - 0.5, color=_INK, alpha=0.15, lw=0.5)
        axes.set_xticks(range(len(kinds)), kinds, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(kinds)), kinds)
        axes.set_xlim(-0.5, len(kinds) - 0.5)
        axes.set_ylim(len(kinds) - 0.5, -0.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("expected")
        return _svg(figure, f"Expected against predicted kinds of tokens of {provider}")


def reliability(calibrations: Mapping[str, Mapping[str, Any]]) -> str:
    """Accuracy over confidence of each provider, the larger a mark the more answers are in its bin.

    On the diagonal a provider is right as often as it says; below it is too sure.

    Args:
      calibrations: provider -> what `calibration.figures` gives.

    Raises:
      ImportError: matplotlib is absent.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(matplotlib, 4.8, 3.9 + 0.2 * (len(calibrations) // 2))
        axes.plot([0, 1], [0, 1], color=_INK, alpha=0.5, lw=0.8)
        for number, (provider, found) in enumerate(calibrations.items()):
            there = [one for one in found["bins"] if one["cases"]]
            cases = sum(one["cases"] for one in there)
            x, y = ([one[name] for one in there] for name in ("confidence", "accuracy"))
            colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
            label = f"{provider} (error {found['expected_error']:.3f})"
            stroke = STROKES[number % len(STROKES)]
            axes.plot(x, y, ls=stroke, color=colour, lw=1.5, marker=marker, ms=4, label=label, clip_on=False)
            sizes = [16 + 200 * one["cases"] / cases for one in there]
            axes.scatter(x, y, sizes, color=colour, marker=marker, linewidths=0, clip_on=False, zorder=3)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.grid(visible=True)
        axes.set_xlabel("confidence")
        axes.set_ylabel("accuracy")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
        return _svg(figure, "Confidence against accuracy")


def bars(figures: Mapping[str, Mapping[str, float | None]], label: str) -> str:
    """A bar a provider, with its interval where it has one.

    Args:
      figures: provider -> {"mean", "low", "high"}, the last two None without an interval.
      label: of the figure, with its unit.

    Raises:
      ImportError: matplotlib is absent.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(matplotlib, 4.8, 0.75 + 0.3 * len(figures))
        for row, found in enumerate(figures.values()):
            mean, low, high = (found[name] for name in ("mean", "low", "high"))
            axes.barh(row, mean, height=0.6, color=COLOURS[0])
            if low is not None:
                axes.plot([low, high], [row, row], color=_INK, lw=1.2, marker="|", ms=6)
            end = mean if high is None else max(mean, high)
            axes.annotate(f"{mean:.1f}", (end, row), (5, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_yticks(range(len(figures)), [_short(name) for name in figures])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")
        axes.set_xlim(left=0)
        axes.margins(x=0.12)  # for the numbers behind the bars
        axes.set_xlabel(label)
        return _svg(figure, f"{label} by provider")


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:22]}…"


def _matplotlib() -> types.ModuleType:
    try:
        import matplotlib
        import matplotlib.figure
        import matplotlib.patches
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'code_t5[evaluation]'") from error
    return matplotlib


def _figure(matplotlib: types.ModuleType, width: float, height: float):
    figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure, title: str) -> str:
    """A figure as one `<svg>`, in the reader's ink."""
    file = io.StringIO()
    figure.savefig(file, format="svg")
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(_INK, "currentColor")
    # It has the date.
    drawn = re.sub(r"<metadata>.*?</metadata>\s*", "", drawn, flags=re.DOTALL)
    # It would be a rule for everything in the page.
    drawn = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", drawn, flags=re.DOTALL)
    named = "p" + hashlib.sha256(drawn.encode()).hexdigest()[:10]
    drawn = re.sub(r'\bid="', f'id="{named}-', drawn)
    drawn = re.sub(r'(href="|url\()#', rf"\1#{named}-", drawn)
    box = re.search(r'viewBox="([^"]*)"', drawn)[1]
    width, height = box.split()[2:]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="{box}" '
        f'width="{width}pt" height="{height}pt" role="img" aria-label="{html.escape(title)}" '
        'style="max-width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt">'
        # Inline the page's `<html>` is the root, and this says nothing.
        f"<style>svg:root{{color:{_INK}}}@media(prefers-color-scheme:dark){{svg:root{{color:{_LIGHT_INK}}}}}</style>"
    )
    return re.sub(r"<svg [^>]*>", lambda _: head, drawn, count=1).strip()
