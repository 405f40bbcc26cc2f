"""The plot of training runs: bits per byte against minutes, a line a variant, with the band of its seeds."""

import io
import pathlib
import statistics
from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.figure
import matplotlib.ticker

from benchmarks.measure import ROOT
from benchmarks.training_variants import PACKED, PREDECESSOR_VOCABULARY, STOCK, WITH_INFILLING

TARGET = ROOT / "benchmarks" / "objectives.svg"
# Okabe and Ito's colours (jfly.uni-koeln.de/color), which people who see no red or green can tell apart; the strokes
# and marks differ as well.
LOOKS = {
    STOCK.name: ("#d55e00", "--", "s"),
    PACKED.name: ("#0072b2", "-", "o"),
    WITH_INFILLING.name: ("#009e73", "-.", "^"),
    PREDECESSOR_VOCABULARY.name: ("#cc79a7", ":", "D"),
}
_STYLE = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "grid.alpha": 0.2,
    "font.size": 9,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "code_t5",
}


def band(records: Sequence[dict[str, Any]]) -> list[tuple[float, float, float, float]]:
    """For each checkpoint (minutes, median, least, most) of the bits per byte of some seeds.

    Example: two seeds with 2.5 and 2.7 after 2 minutes give [(2.0, 2.6, 2.5, 2.7)].
    """
    found = []
    for points in zip(*(record["curve"] for record in records), strict=True):
        bits = [point["bits_per_byte"] for point in points]
        minutes = statistics.median(point["minutes"] for point in points)
        found.append((minutes, statistics.median(bits), min(bits), max(bits)))
    return found


def plot(records: Sequence[dict[str, Any]], target: pathlib.Path) -> pathlib.Path:
    """Draws records and writes the file, in the format that its ending names; the same records give the same bytes.

    Returns:
      `target`.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        seeds = groups.setdefault(record["settings"]["variant"]["name"], [])
        if record["settings"]["seed"] not in [other["settings"]["seed"] for other in seeds]:
            seeds.append(record)
    with matplotlib.rc_context(_STYLE):
        figure = matplotlib.figure.Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        for name, seeds in groups.items():
            colour, stroke, mark = LOOKS[name]
            minutes, middle, least, most = zip(*band(seeds), strict=True)
            said = f"{seeds[0]['settings']['variant']['about']} ({len(seeds)} seed{'s' * (len(seeds) > 1)})"
            axes.plot(minutes, middle, stroke, color=colour, marker=mark, markersize=4, label=said)
            axes.fill_between(minutes, least, most, color=colour, alpha=0.2, linewidth=0)
        axes.set_xlabel("minutes of training")
        axes.set_ylabel("bits per byte, held-out repositories")
        axes.set_xlim(left=0)
        axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%.1f"))
        axes.legend(loc="upper right")
        drawn = io.BytesIO()
        # Without a date and the library's version in it, a plot made again is the same file.
        metadata = {"Date": None, "Creator": None} if target.suffix == ".svg" else None
        figure.savefig(drawn, format=target.suffix[1:], metadata=metadata, dpi=150)
    target.write_bytes(drawn.getvalue())
    return target
