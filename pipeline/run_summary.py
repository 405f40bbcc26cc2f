"""A result in a line: its status as it is now, how long it took, how big it is, its key figures."""

import collections
import datetime
import pathlib
import time
from collections.abc import Sequence
from typing import Any

from pipeline import figures, records
from pipeline.records import Record

ABSENT = "-"
_KEY = ("step", "bits per byte", "bits per byte in training", "files")


def row(results: pathlib.Path, record: Record, *, status: str | None = None) -> dict[str, Any]:
    """A record as a program wants it: with the status as it is now, seconds, bytes and figures."""
    return {
        **record.to_json(),
        "status": status or records.status(results, record),
        "seconds": seconds(results, record),
        "size_bytes": figures.size_bytes(figures.place_of(results, record)),
        "figures": figures.figures(results, record),
    }


def seconds(results: pathlib.Path, record: Record) -> float | None:
    """How long it took, or takes by now; of a killed one to its last beat."""
    started = records.moment(record.started)
    ended = records.moment(record.ended)
    if ended is None and records.status(results, record) == records.RUNNING:
        ended = time.time()
    elif ended is None:
        ended = records.moment(record.process.get("beat"))
    return None if started is None or ended is None else max(0.0, ended - started)


def duration(of_seconds: float | None) -> str:
    """Example: `duration(3725)` is "1:02:05"."""
    return ABSENT if of_seconds is None else str(datetime.timedelta(seconds=round(of_seconds)))


def size(of_bytes: float) -> str:
    """Example: `size(1_500_000)` is "1.5 MB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if of_bytes < 1000:
            return f"{of_bytes:.0f} {unit}" if unit == "bytes" else f"{of_bytes:.1f} {unit}"
        of_bytes /= 1000
    return f"{of_bytes:,.1f} TB"


def key_figures(of_row: dict[str, Any]) -> str:
    """Example: "bits per byte 1.714, step 2,000"."""
    found = of_row["figures"]
    wanted = [name for name in found if name in _KEY or name.endswith(" exact match")]
    return ", ".join(f"{name} {shown(found[name])}" for name in sorted(wanted)[:2])


def reasons(rows: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    """Why results failed, the most frequent reason first; "killed" of those that were."""
    counted = collections.Counter(
        "killed" if one["status"] == records.KILLED else (one["error"] or {}).get("reason", "no reason is known")
        for one in rows
        if one["status"] in (records.FAILED, records.KILLED)
    )
    return counted.most_common()


def shown(value: Any) -> str:
    """Example: 0.123456 is "0.1235", 12345 is "12,345", "a" is "a"."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
