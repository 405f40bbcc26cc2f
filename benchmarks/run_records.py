"""What is left of a training run: a small JSON file, kept with the code, of which tables and plots are made.

Models, data and logs can go; a run whose record is here is not trained again, on whatever machine, unless its settings
are others.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import ROOT, BenchmarkError
from benchmarks.training_variants import Settings

FOLDER = ROOT / "benchmarks" / "runs"


def find(settings: Settings, folder: pathlib.Path = FOLDER) -> dict[str, Any] | None:
    """The record of a run; None where there is none, or one of other settings.

    Raises:
      BenchmarkError: the file is not a record.
    """
    path = folder / f"{settings.name}.json"
    if not path.exists():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        same = record["digest"] == settings.digest
    except (ValueError, KeyError, TypeError) as error:
        raise BenchmarkError(f"{path} is not the record of a run ({error!r}): delete it") from error
    return record if same else None


def write(settings: Settings, result: dict[str, Any], folder: pathlib.Path = FOLDER) -> pathlib.Path:
    """Keeps the result of a finished run with its settings; an earlier record of that name goes.

    Args:
      result: JSON-like; see `training_runs.finish`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{settings.name}.json"
    record = {"settings": settings.as_json(), "digest": settings.digest, **result}
    beside = path.with_suffix(".incomplete")
    beside.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)
    return path


def name_of(record: dict[str, Any]) -> str:
    """The name of the file of a record, without its ending."""
    settings = record["settings"]
    return f"{settings['variant']['name']}-{settings['minutes']:g}min-seed{settings['seed']}"


def check_comparable(records: Sequence[dict[str, Any]]) -> None:
    """Refuses to compare what was not trained and scored on the same text, by the same processor.

    Raises:
      BenchmarkError: names the two runs, and what differs.
    """
    for what, keys in (
        ("documents", ("digests", "documents")),
        ("vocabularies", ("digests", "vocabulary")),
        ("scored text", ("figures", "scored_text")),
        ("processors", ("machine", "processor")),
        ("cores", ("machine", "cores")),
    ):
        firsts: dict[str, dict[str, Any]] = {}
        for record in records:
            # Two kinds of vocabulary are two vocabularies.
            kind = record["settings"]["variant"]["vocabulary"] if what == "vocabularies" else ""
            first = firsts.setdefault(kind, record)
            one, two = (either[keys[0]][keys[1]] for either in (first, record))
            if one != two:
                raise BenchmarkError(
                    f"the runs {name_of(first)} and {name_of(record)} cannot be compared: their {what} differ ({one}, "
                    f"{two}). Delete the record of one in {FOLDER.relative_to(ROOT)} and train it again"
                )
