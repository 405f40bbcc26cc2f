"""Plots of the statistics, drawn from their summary alone: a PNG and an SVG each, the same bytes each time.

Colours are Okabe and Ito's (jfly.uni-koeln.de/color), which people who see no red or green can tell apart; lines also
differ in their strokes.
"""

import io
import pathlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import matplotlib.figure
import matplotlib.ticker

from preprocessing import contract
from preprocessing.statistics_count import STANDARD, THIRD_PARTY

VERSION = matplotlib.__version__

# Stand for "the reader's own colours" in an SVG that is put into a page: see `for_page`.
INK, PAPER = "#1a1a1c", "#fefefe"
COLOURS = {"train": "#0072b2", "validation": "#e69f00", "test": "#009e73"}
STROKES = {"train": "-", "validation": "--", "test": "-."}
BAR = "#0072b2"
INCHES = (4.6, 3.1)
DPI = 150
MAX_BARS = 15
UNKNOWN = "not known"  # a licence
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "legend.frameon": False,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "code_t5",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


class Drawn(NamedTuple):
    """A plot: its file name without an ending, its title, what it says, and its SVG."""

    name: str
    title: str
    caption: str
    svg: str


def draw(summary: Mapping[str, Any], folder: pathlib.Path) -> list[Drawn]:
    """Writes `<name>.png` and `<name>.svg` of every plot into a folder.

    Args:
      summary: the content of `summary.json`, plots or not.
      folder: where to write.

    Returns:
      The plots, in the order of PLOTS.
    """
    drawn = []
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a name in a script the font lacks
        for name, (title, caption, plot) in PLOTS.items():
            figure = matplotlib.figure.Figure(figsize=INCHES, dpi=DPI, layout="constrained")
            axes = figure.add_subplot()
            plot(axes, summary)
            axes.set_title(title)
            figure.savefig(folder / f"{name}.png", metadata={"Software": None})
            figure.set_layout_engine("none")  # it stays as it has just been laid out, which takes most of the time
            svg = io.StringIO()
            figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
            (folder / f"{name}.svg").write_text(svg.getvalue(), encoding="utf-8")
            drawn.append(Drawn(name, title, caption, svg.getvalue()))
    return drawn


def short(number: float, _position: int | None = None, *, unit: str = "") -> str:
    """Example: `short(20_000)` is "20k", `short(1_500_000, unit="B")` is "1.5 MB"."""
    space = " " if unit else ""
    for limit, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g}{space}{prefix}{unit}"
    return f"{number:.3g}{space}{unit}"


def _file_sizes(axes, summary: Mapping[str, Any]) -> None:
    _cumulative(axes, summary["bins"], summary["files_by_bytes"], "bytes a file, at most", unit="B")


def _file_lines(axes, summary: Mapping[str, Any]) -> None:
    _cumulative(axes, summary["bins"], summary["files_by_lines"], "lines a file, at most")


def _cumulative(axes, bins: Sequence[int], counts: Mapping[str, Sequence[int]], label: str, *, unit: str = "") -> None:
    lines = {}
    for split, numbers in counts.items():
        total, seen, points = sum(numbers), 0, []
        for upper, number in zip([*bins[1:], 2 * bins[-1]], numbers, strict=True):
            seen += number
            if seen and (not points or points[-1][1] < 100):
                points.append((upper, 100 * seen / total))
        lines[split] = points
    _lines(axes, lines, xlabel=label, ylabel="% of files")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: short(value, unit=unit))
    axes.set_ylim(0, 102)


def _repositories(axes, summary: Mapping[str, Any]) -> None:
    lines = {
        split: [(rank, 100 * tokens / max(points[-1][1], 1)) for rank, tokens in points]
        for split, points in summary["tokens_by_rank"].items()
    }
    _lines(axes, lines, xlabel="so many of the largest repositories", ylabel="% of the split's tokens")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(short)
    axes.set_ylim(0, 102)


def _licenses(axes, summary: Mapping[str, Any]) -> None:
    sizes: dict[str, dict[str, int]] = {}
    for row in summary["licenses"]:
        sizes.setdefault(row["license"] or UNKNOWN, {})[row["split"]] = row["bytes"]
    order = sorted(sizes, key=lambda name: (-sum(sizes[name].values()), name))
    if len(order) > MAX_BARS:
        rest = order[MAX_BARS - 1 :]
        sizes["others"] = {split: sum(sizes[name].get(split, 0) for name in rest) for split in contract.SPLITS}
        order = [*order[: MAX_BARS - 1], "others"]
    left = [0.0] * len(order)
    for split in contract.SPLITS:
        widths = [sizes[name].get(split, 0) / 1e6 for name in order]
        if any(widths):
            drawn = axes.barh(range(len(order)), widths, left=left, color=COLOURS[split], label=split)
            left = [before + width for before, width in zip(left, widths, strict=True)]
    if order:
        axes.bar_label(drawn, [f"{size:,.1f}" if size >= 0.05 else "< 0.1" for size in left], padding=2, fontsize=8)
        axes.legend(loc="lower right")
    _name_bars(axes, order, "MB")


def _drops(axes, summary: Mapping[str, Any]) -> None:
    drops = sorted((item for item in summary["drops"].items() if item[1]), key=lambda item: -item[1])
    _bars(axes, drops, xlabel="files", label=lambda number: f"{number:,}")


def _third_party(axes, summary: Mapping[str, Any]) -> None:
    _libraries(axes, summary, THIRD_PARTY)


def _standard(axes, summary: Mapping[str, Any]) -> None:
    _libraries(axes, summary, STANDARD)


def _libraries(axes, summary: Mapping[str, Any], kind: str) -> None:
    total = max(summary["splits"]["train"]["repositories"], 1)
    rows = summary["top_libraries"]["train"][kind][:MAX_BARS]
    bars = [(row["library"], 100 * row["repositories"] / total) for row in rows]
    _bars(axes, bars, xlabel="% of train's repositories import it", label=lambda share: f"{share:.0f}")


def _rank_frequency(axes, summary: Mapping[str, Any]) -> None:
    _lines(axes, summary["uses_by_rank"], xlabel="rank of the symbol", ylabel="uses")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(short)
    axes.yaxis.set_major_formatter(short)


def _overlap(axes, summary: Mapping[str, Any]) -> None:
    lines = {}
    for split, overlap in summary["overlap"].items():
        everything, *parts = overlap["uses"]
        if everything:
            least = overlap["train_uses_at_least"][1:]
            lines[split] = [(number, 100 * part / everything) for number, part in zip(least, parts, strict=True)]
    _lines(axes, lines, xlabel="train uses the symbol so often, or more", ylabel="% of held-out uses", marker="o")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(short)
    axes.set_ylim(0, 102)


def _lines(
    axes, lines: Mapping[str, Iterable[Sequence[float]]], *, xlabel: str, ylabel: str, marker: str | None = None
) -> None:
    for split, points in lines.items():
        if points := list(points):
            x, y = zip(*points, strict=True)
            # One point alone makes no line.
            mark = marker or ("o" if len(points) == 1 else None)
            axes.plot(
                x, y, STROKES[split], color=COLOURS[split], label=split, marker=mark, markersize=3.5, clip_on=False
            )
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if axes.lines:
        axes.legend()
    else:
        _nothing(axes)


def _bars(axes, bars: Sequence[tuple[str, float]], *, xlabel: str, label: Callable[[float], str]) -> None:
    drawn = axes.barh(range(len(bars)), [number for _, number in bars], color=BAR)
    axes.bar_label(drawn, [label(number) for _, number in bars], padding=2, fontsize=8)
    _name_bars(axes, [name for name, _ in bars], xlabel)


def _name_bars(axes, names: Sequence[str], xlabel: str) -> None:
    axes.set_yticks(range(len(names)), [name if len(name) < 25 else f"{name[:23]}…" for name in names], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)  # for the numbers behind the bars
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(short)
    axes.set_xlabel(xlabel)
    if not names:
        _nothing(axes)


def _nothing(axes) -> None:
    axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", va="center")


PLOTS: dict[str, tuple[str, str, Callable]] = {
    "file_sizes": (
        "Sizes of files",
        "How many of the files have at most so many bytes. The splits should look alike.",
        _file_sizes,
    ),
    "file_lines": ("Lines of files", "How many of the files have at most so many lines.", _file_lines),
    "repositories": (
        "Tokens in the largest repositories",
        "A line that begins high means that a few repositories make up the split.",
        _repositories,
    ),
    "licenses": ("Licences", "Text under each licence, as far as it could be told.", _licenses),
    "drops": ("Dropped files", "Files of the input that are not in the documents, by the first reason found.", _drops),
    "third_party": (
        "Third-party libraries",
        "Libraries that are neither in Python's standard library nor the repository's own.",
        _third_party,
    ),
    "standard_library": ("Standard library", "Modules of Python's standard library.", _standard),
    "rank_frequency": (
        "How often symbols are used",
        "A symbol is an attribute of a module, such as os.path.join. The most used one has rank 1.",
        _rank_frequency,
    ),
    "overlap": (
        "Held-out symbols that train knows",
        "Of the uses of symbols in held-out repositories, their own modules left out, how many are of symbols that "
        "train uses at least so often.",
        _overlap,
    ),
}
