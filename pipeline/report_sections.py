"""What each part of an experiment left behind, read as JSON and told in sections of a report."""

import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

from pipeline import figures
from pipeline.records import Record
from pipeline.report_page import Section, Table
from pipeline.run_summary import duration, shown, size
from preprocessing import contract

# What the reading of a file raises that has other things in it than were expected.
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)
_MOST_CHARACTERS = 300


def read(
    title: str, path: pathlib.Path, tell: Callable[[Section, Any, pathlib.Path], None], *, command: str
) -> Section:
    """A section of what a JSON file says; where it cannot be read, the section says so, with what it had said before.

    Args:
      tell: adds to the section what the file says; it gets the content and the path, too.
      command: that makes the file.
    """
    section = Section(title, str(path.parent))
    try:
        tell(section, json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        section.wrong.append(f"{path} is not there: give another folder, or make it with `{command}`")
    except OSError as error:
        section.wrong.append(f"{path} cannot be read: {error.strerror}")
    except contract.DataContractError as error:
        section.wrong.append(str(error))
    except DAMAGE as error:
        found = f"no {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
        section.wrong.append(f"{path} is damaged ({short(found)}): make it again with `{command}`")
    return section


def tree(folder: pathlib.Path) -> Section:
    """A tree of repositories; one that was sampled from another says how, in `dev_dataset.json`."""
    path = folder / "dev_dataset.json"
    if folder.is_dir() and not path.exists():
        return Section("Repositories", str(folder), [f"{folder}: the whole tree, not counted"])
    return read("Repositories", path, _tell_tree, command="bash scripts/dev_dataset.sh")


def documents(folder: pathlib.Path) -> Section:
    """Documents: how many, and why others were dropped."""
    return read("Documents", folder / contract.MANIFEST_FILE, _tell_documents, command="python -m preprocessing.run")


def training(folder: pathlib.Path) -> Section:
    """A model directory: how long it was trained, and how good it became."""
    return read("Training", folder / "run.json", _tell_training, command="python -m t5.models.mesh_transformer_main")


def export(folder: pathlib.Path) -> Section:
    """An exported model: its precision, and what the comparison with the original found."""
    return read("Export", folder / "export.json", _tell_export, command="python -m code_t5.main.export")


def predictions(folder: pathlib.Path) -> Section:
    """Predictions for held-out sets: how many, and how many are right."""
    return read(
        "Predictions", folder / "sets.json", _tell_predictions, command="python -m code_t5.main.predict_held_out"
    )


def short(text: Any) -> str:
    """A text of 300 characters at most: an error may be pages long."""
    text = str(text)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " ..."


def _tell_tree(section: Section, found: Any, path: pathlib.Path) -> None:
    made = found["made"]
    section.lines.append(
        f"{made['files']:,} files of {made['repositories']:,} repositories, {size(made['bytes'])}, drawn from a tree"
    )
    section.tables.append(facts("How it was drawn", found.get("arguments") or {}))


def _tell_documents(section: Section, _: Any, path: pathlib.Path) -> None:
    manifest = contract.Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))
    section.identity["documents"] = manifest.digest
    counts = manifest.counts
    files, repositories, of_bytes = (
        sum(one[key] for one in counts.values()) for key in ("files", "repositories", "bytes")
    )
    # A repository is in one split alone, so the sum is their number.
    section.lines.append(f"{files:,} files of {repositories:,} repositories, {size(of_bytes)}")
    splits = sorted(counts, key=lambda name: (*contract.SPLITS, name).index(name))
    section.lines.append(", ".join(f"{name} {counts[name]['files']:,}" for name in splits))
    drops = sorted(((name, number) for name, number in manifest.drops.items() if number), key=lambda drop: -drop[1])
    reasons = ", ".join(f"{number:,} {name}" for name, number in drops)
    section.lines.append(f"{sum(manifest.drops.values()):,} dropped: {reasons}" if drops else "none dropped")
    rows = [
        [name, *(f"{counts[name][key]:,}" for key in ("files", "repositories")), size(counts[name]["bytes"])]
        for name in splits
    ]
    section.tables.append(Table("Splits", ("split", "files", "repositories", "size"), rows))
    for title, numbers, meanings in (
        ("Dropped", dict(drops), contract.DROP_REASONS),
        ("Notes on files that were kept", manifest.notes, contract.NOTES),
    ):
        rows = [[name, f"{number:,}", meanings.get(name, "")] for name, number in numbers.items() if number]
        if rows:
            section.tables.append(Table(title, ("reason", "files", "meaning"), rows))
    section.tables.append(facts("Where they come from", {**manifest.source, "documents": manifest.digest}))


def _tell_training(section: Section, record: Any, path: pathlib.Path) -> None:
    run, starts, status = record["run"], record["starts"], record["status"]
    last = starts[-1]
    section.identity |= {
        "run": record.get("digest"),
        "trained_on": [digest for digest in run["data"].values() if digest != "not known"],
    }
    # Not from the first start to the last word: days may lie between two starts.
    took = f" in {duration(record['seconds'])} of training" if "seconds" in record else ""
    several = f", {len(starts)} starts" if len(starts) > 1 else ""
    why = f": {record['ended_by']}" if record.get("ended_by") else ""
    if "step" in record:
        section.lines.append(f"{record['step']:,} steps{took}{several}, {status}{why}")
    else:
        section.lines.append(f"no step is recorded yet{several}, {status}")
    if status != "finished":
        error = f", {short(record['error'])}" if record.get("error") else ""
        section.wrong.append(f"{path}: the training is not finished, but {status}{error}; the same command goes on")
    _tell_bits(section, record.get("figures") or {}, path)
    code = last.get("code") or {}
    changed = ", with changes that were not committed" if code.get("uncommitted") else ""
    known = {
        "command": " ".join(last["command"]),
        "code": f"{code.get('version', '')} {code.get('revision', '')}{changed}",
        "seed": run.get("seed"),
        "data": ", ".join(f"{task} {digest}" for task, digest in run["data"].items()),
        "vocabulary": run.get("vocabulary"),
        "goes on from": (record.get("parent") or {}).get("model_dir"),
        **(last.get("environment") or {}),
    }
    # The name of a machine says nothing to those that the report is sent to.
    section.tables.append(facts("What ran", {name: value for name, value in known.items() if name != "host"}))
    section.tables.append(facts("Configuration", run.get("gin") or {}))


def _tell_bits(section: Section, found: dict[str, Any], path: pathlib.Path) -> None:
    """Bits per byte: of all held-out windows as run.json has them, or else of some, as the log beside it says."""
    held_out = found.get("held_out") or {}
    for name, of_set in held_out.items():
        section.lines.append(f"bits per byte {of_set['bits_per_byte']:.3f} on {name}")
    if found.get("best"):
        best = found["best"]
        section.lines.append(f"lowest while training: {best['bits_per_byte']:.3f} at step {best['step']:,}")
    if held_out:
        names = list(dict.fromkeys(name for of_set in held_out.values() for name in of_set))
        rows = [[name, *(_cell(of_set.get(one)) for one in names)] for name, of_set in held_out.items()]
        title = f"Held-out text at step {found['step']:,}"
        section.tables.append(Table(title, ("set", *(name.replace("_", " ") for name in names)), rows))
        return
    # A result of the pipeline has its log beside it, named as the folder is.
    place = path.parent.resolve()  # an experiment's own name for it is a link
    curves = figures.curves(place.parent.parent, Record(place.parent.name, place.name))
    for name, points in curves.items():
        (step, bits), (best_step, best_bits) = points[-1], min(points, key=lambda point: point[1])
        lowest = f"; lowest {best_bits:.3f} at step {best_step:,}" if best_step != step else ""
        section.lines.append(f"bits per byte {bits:.3f} on {name} at step {step:,}{lowest}, by its log")
    if not curves:
        section.wrong.append(
            f"{path} has no bits per byte, and {path.parent} no log beside it: they are measured at the end of a "
            "training where `code_t5.Validation.full_at_end` is on"
        )


def _tell_export(section: Section, found: Any, path: pathlib.Path) -> None:
    if found["schema"] != 1:
        raise ValueError(f"of schema {found['schema']!r}, this program reads 1")
    source, parity, files = found["source"], found.get("parity") or {}, found["files"]
    section.identity["exported_run"] = source.get("run")
    where = f"step {source['step']:,} of {source['model']}"
    section.lines.append(f"{found['precision']}, {found['format']}, {size(sum(files.values()))}, {where}")
    if parity:
        first, second, mean, largest = (float(parity[key]) for key in ("nats", "exported", "mean", "largest"))
        # The export is not left where it differs by more than is allowed, so that figures mean that it agrees.
        if not all(map(math.isfinite, (first, second, mean, largest))):
            raise ValueError("a figure of `parity` is no number")
        section.lines.append(
            f"agrees with the model: {first:.4f} nats a token, the export {second:.4f}; {parity['rows']:,} held-out "
            f"rows differ by {mean:.1e} on average, {largest:.1e} at most"
        )
    else:
        section.wrong.append(f"{path} has no comparison with the model: whether it agrees is not known; export again")
    if parity.get("lines"):
        lines = parity["lines"]
        section.lines.append(
            f"of {lines['lines']:,} held-out lines {lines['float32']:.1%} are right in float32, "
            f"{lines['quantized']:.1%} in {found['precision']}; {lines['same']:.1%} are the same text in both"
        )
    section.tables.append(Table("Files", ("file", "size"), [[name, size(number)] for name, number in files.items()]))
    for name, number in files.items():
        there = path.parent / name
        there_bytes = there.stat().st_size if there.is_file() else None
        if there_bytes != number:
            said = "is not there" if there_bytes is None else f"has {there_bytes:,} bytes"
            section.wrong.append(f"{there} {said}, {number:,} bytes were written: copy it, or export the model again")


def _tell_predictions(section: Section, found: Any, path: pathlib.Path) -> None:
    sets = found["sets"]
    section.identity["predicted_run"] = found.get("run")
    for name, one in sets.items():
        right = one.get("exact_matches")
        share = f", {right:,} right ({right / max(1, one['examples']):.1%})" if right is not None else ""
        section.lines.append(f"{name}: {one['examples']:,} examples{share}")
        rows = path.parent / one.get("file", f"{name}.jsonl")
        if not rows.is_file():
            section.wrong.append(f"{rows} is not there: copy it, or predict again")
    names = list(dict.fromkeys(name for one in sets.values() for name in one))
    rows = [[name, *(_cell(one.get(key)) for key in names)] for name, one in sets.items()]
    section.tables.append(Table("Sets", ("set", *(name.replace("_", " ") for name in names)), rows))
    section.tables.append(facts("How they were made", {key: value for key, value in found.items() if key != "sets"}))


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else shown(value)


def facts(title: str, found: dict[str, Any]) -> Table:
    """A row a name; what is not known is left out."""
    rows = [[str(name), _cell(value)] for name, value in found.items() if value is not None and value != ""]
    return Table(title, ("", ""), rows)
