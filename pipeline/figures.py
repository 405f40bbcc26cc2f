"""The figures of a result, read from what its stage wrote: no library that trained or scored it is needed."""

import json
import os
import pathlib
import re
from typing import Any

from pipeline import records
from pipeline.records import Record

# "step 1,000 of 5,000  loss 4.21, 2.29 bits/byte, 3.7 steps/s" of training, and of validation
# "step 1,000  dev_heldout:validation: 2.310 bits/byte, loss 4.102, top-1 30.1%  (12 s)".
_TRAINING = re.compile(r"^step ([\d,]+) of [\d,]+  loss [\d.]+, ([\d.]+) bits/byte", re.MULTILINE)
_VALIDATION = re.compile(r"^step ([\d,]+)  (\S+): ([\d.]+) bits/byte", re.MULTILINE)


def place_of(results: str | os.PathLike, record: Record) -> pathlib.Path:
    """The folder of a result, or the one that it is being made in; it need not be there."""
    folder = records.folder_of(pathlib.Path(results), record)
    return folder if folder.exists() else incomplete_of(results, record)


def incomplete_of(results: str | os.PathLike, record: Record) -> pathlib.Path:
    """Where a result is while it is being made."""
    return records.folder_of(pathlib.Path(results), record).with_name(f"{record.digest}.incomplete")


def log_of(results: str | os.PathLike, record: Record) -> pathlib.Path:
    """What the command of a result said."""
    return records.folder_of(pathlib.Path(results), record).with_name(f"{record.digest}.log")


def size_bytes(path: pathlib.Path) -> int:
    """Of a file, or of all files in a folder; what goes away meanwhile counts as nothing."""
    total = 0
    waiting = [path]
    while waiting:
        one = waiting.pop()
        try:
            if one.is_dir() and (one == path or not one.is_symlink()):
                waiting += one.iterdir()
            else:
                total += one.lstat().st_size
        except OSError:
            continue
    return total


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files of a result, relative to its folder, by name."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def figures(results: str | os.PathLike, record: Record) -> dict[str, float]:
    """What came out, by name; the most telling ones first. Empty of a result that has none, or none yet.

    Example: of a model {"step": 2000, "bits per byte": 1.71, "loss per token": 3.2, ...}, of an evaluation
    {"line exact match": 14.1, "line edit similarity": 38.0, ...}, each the mean of its first provider, 0 to 100.
    """
    folder = place_of(results, record)
    read = {"TrainedModel": _of_model, "Evaluation": _of_evaluation, "Documents": _of_documents}.get(record.stage)
    try:
        found = _numbers(read(folder)) if read else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        # Not there yet, half made or of another version: the rest of the listing is worth more than this figure.
        found = {}
    # Held-out text says more; a short run, or one that is being made, has none.
    wanted = record.stage == "TrainedModel" and "bits per byte" not in found
    training = curves(results, record).get("training") if wanted else None
    return {"step": training[-1][0], "bits per byte in training": training[-1][1], **found} if training else found


def curves(results: str | os.PathLike, record: Record) -> dict[str, list[tuple[int, float]]]:
    """Bits per byte by step, as the log of a training says them; name of the curve -> its points, by step."""
    try:
        text = log_of(results, record).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found: dict[str, dict[int, float]] = {}
    for step, bits in _TRAINING.findall(text):
        found.setdefault("training", {})[int(step.replace(",", ""))] = float(bits)
    for step, name, bits in _VALIDATION.findall(text):
        # At the end all windows are scored; the curve is of the same ones from its first point to its last.
        found.setdefault(name, {}).setdefault(int(step.replace(",", "")), float(bits))
    return {name: sorted(points.items()) for name, points in found.items()}


def _of_model(folder: pathlib.Path) -> dict[str, Any]:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    found = record.get("figures") or {}
    made = {"step": record.get("step", found.get("step"))}
    if found.get("held_out"):
        of_set = next(iter(found["held_out"].values()))
        made |= {name.replace("_", " "): of_set[name] for name in sorted(of_set, key=lambda name: "bits" not in name)}
    if found.get("best"):
        made |= {"best bits per byte": found["best"]["bits_per_byte"], "best step": found["best"]["step"]}
    return made


def _of_evaluation(folder: pathlib.Path) -> dict[str, Any]:
    found = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    made = {}
    for suite in found["suites"]:
        # Models stand before baselines.
        for name, figure in suite["providers"][0]["total"]["figures"].items():
            made[f"{suite['name']} {name.replace('_', ' ')}"] = figure["mean"]
    return made


def _of_documents(folder: pathlib.Path) -> dict[str, Any]:
    counts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["counts"].values()
    return {"files": sum(one["files"] for one in counts), "bytes": sum(one["bytes"] for one in counts)}


def _numbers(found: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in found.items() if isinstance(value, int | float) and value == value}
