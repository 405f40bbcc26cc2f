"""Results side by side: in what they differ, through all that they were made of, and what came out."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import figures
from pipeline.records import Record
from pipeline.run_summary import ABSENT, shown


def chain(record: Record, known: Mapping[str, Record]) -> dict[str, Record | None]:
    """A result and all that it was made of, by the name of the stage; None where the record is not there.

    A stage that stands in the chain twice, with two digests, has the second time a name by who requires it:
    "Vocabulary/Documents".

    Args:
      known: "Stage/digest" -> record.
    """
    found: dict[str, Record | None] = {record.stage: record}
    digests = {record.stage: record.digest}
    waiting = [(record.stage, record)]
    while waiting:
        name, one = waiting.pop(0)
        for required, digest in one.requires.items():
            stage = required.partition(":")[0]
            own = required if digests.get(required, digest) == digest else f"{name}/{required}"
            if own in found:
                continue
            found[own], digests[own] = known.get(f"{stage}/{digest}"), digest
            if found[own] is not None:
                waiting.append((own, found[own]))
    return found


def parameters(record: Record, known: Mapping[str, Record]) -> dict[str, Any]:
    """All that determines a result, through the whole chain, by flattened names.

    Example: {"TrainedModel.version": 1, "TrainedModel.gin.learning_rate": 0.01, "Documents.seed": 3}.
    """
    made: dict[str, Any] = {}
    for name, one in chain(record, known).items():
        if one is None:
            made[f"{name}.record"] = "not there"
        else:
            made[f"{name}.version"] = one.version
            made |= flattened(one.parameters, prefix=f"{name}.")
    return made


def flattened(value: Any, *, prefix: str = "") -> dict[str, Any]:
    """Example: of {"a": {"b": 1}, "c": [1, 2]} it is {"a.b": 1, "c": [1, 2]}."""
    made: dict[str, Any] = {}
    for key, one in value.items():
        if isinstance(one, dict) and one:
            made |= flattened(one, prefix=f"{prefix}{key}.")
        else:
            made[f"{prefix}{key}"] = one
    return made


def differences(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Name -> the value of each, where they are not the same everywhere; `ABSENT` of one that has none."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = {name: [row.get(name, ABSENT) for row in rows] for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def all_figures(results: str | os.PathLike, record: Record, known: Mapping[str, Record]) -> dict[str, float]:
    """The figures of a result, and before them those of the model that it was made of: "TrainedModel.step"."""
    return {
        f"{name}.{figure}": value
        for name, one in chain(record, known).items()
        if one is not None and (one is record or one.stage == "TrainedModel")
        for figure, value in figures.figures(results, one).items()
    }


def table(rows: Mapping[str, Sequence[Any]], heads: Sequence[str]) -> str:
    """A table for a terminal: a name in front of each row, a head over each column, numbers in four digits."""
    lines = [["", *heads], *([name, *map(shown, values)] for name, values in rows.items())]
    widths = [max(len(line[number]) for line in lines) for number in range(len(heads) + 1)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def plot(
    path: pathlib.Path, results: str | os.PathLike, compared: Mapping[str, Record], known: Mapping[str, Record]
) -> None:
    """Draws an SVG: the curves of training that the logs hold, and a bar a result for each figure that two share.

    Args:
      compared: what a result is called in the plot -> its record.

    Raises:
      ModuleNotFoundError: matplotlib is not installed.
      ValueError: there is nothing to draw.
    """
    try:
        import matplotlib.figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("a plot needs matplotlib: pip install 'code_t5[pipeline]'") from error
    found = {name: all_figures(results, record, known) for name, record in compared.items()}
    shared = [
        figure
        for figure in dict.fromkeys(figure for of_one in found.values() for figure in of_one)
        if sum(figure in of_one for of_one in found.values()) >= min(2, len(found))
    ][:11]
    lines = {
        f"{name}: {curve}": points
        for name, record in compared.items()
        for one in chain(record, known).values()
        if one is not None and one.stage == "TrainedModel"
        for curve, points in figures.curves(results, one).items()
    }
    if not shared and not lines:
        raise ValueError(f"nothing to draw: {', '.join(compared)} have no figure in common and no curve in their logs")
    panels = bool(lines) + len(shared)
    columns = min(3, panels)
    drawing = matplotlib.figure.Figure(figsize=(5 * columns, 3.2 * -(-panels // columns)), layout="constrained")
    axes = list(drawing.subplots(-(-panels // columns), columns, squeeze=False).flat)
    for unused in axes[panels:]:
        unused.remove()
    if lines:
        curves = axes.pop(0)
        for name, points in lines.items():
            curves.plot(*zip(*points, strict=True), label=name, marker="." if len(points) == 1 else None)
        curves.set(title="bits per byte", xlabel="step")
        curves.legend(fontsize="x-small")
    for figure, axis in zip(shared, axes, strict=False):
        having = {name: of_one[figure] for name, of_one in found.items() if figure in of_one}
        axis.barh(list(having), list(having.values()))
        axis.invert_yaxis()
        axis.set_title(figure, fontsize="medium")
    beside = path.with_name(path.name + ".incomplete")
    drawing.savefig(beside, format="svg")
    beside.replace(path)
