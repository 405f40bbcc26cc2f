"""Tables, targets and the files that keep them: RESULTS.md to read, RESULTS.json with every run."""

import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import subprocess
import textwrap
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import ROOT

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
LIBRARIES = ("pyarrow", "numpy", "rensa", "tensorflow", "seqio", "apache-beam", "onnxruntime", "ctranslate2")


@dataclasses.dataclass(frozen=True)
class Target:
    """What was to be reached.

    Attributes:
      what: in words, "x times" and all.
      found: the figure, as it is printed.
      met: whether that is enough.
    """

    what: str
    found: str
    met: bool

    def __str__(self) -> str:
        return f"{'met' if self.met else 'MISSED'}: {self.what}: {self.found}"


@dataclasses.dataclass(frozen=True)
class Section:
    """The answer to one question.

    Attributes:
      title: the question.
      about: how it was measured, one paragraph.
      columns: heads of the table.
      rows: its cells, as they are printed.
      targets: what was to be reached.
      raw: every single figure, JSON-like.
    """

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    targets: Sequence[Target] = ()
    raw: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        about = textwrap.fill(self.about, 120, break_long_words=False, break_on_hyphens=False)
        lines = [f"## {self.title}", "", about, "", *markdown(self.columns, self.rows)]
        lines += ["", *(f"- {target}" for target in self.targets)] if self.targets else []
        return "\n".join(lines)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table whose columns stand under each other, the first to the left, the others to the right.

    Example: `markdown(["what", "s"], [["ours", "1.5"]])` is `["| what |   s |", "|:-----|----:|", "| ours | 1.5 |"]`.
    """
    table = [columns, *rows]
    widths = [max(len(str(row[i])) for row in table) for i in range(len(columns))]

    def line(row: Sequence[str]) -> str:
        cells = [
            str(cell).rjust(width) if i else str(cell).ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = [("-" * (width + 1) + ":") if i else (":" + "-" * (width + 1)) for i, width in enumerate(widths)]
    return [line(columns), f"|{'|'.join(rule)}|", *map(line, rows)]


def machine(cores: int) -> dict[str, Any]:
    """What a reader must know to compare figures; `cores` is how many of them were used."""
    processor = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    kilobytes = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "processor": processor,
        "cores": f"{cores} of {os.cpu_count()}",
        "memory_gb": round(kilobytes * 1024 / 1e9, 1),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def commit() -> str:
    """The commit that was measured; "+" behind it says that files were changed since."""
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    status = [*git, "status", "--porcelain", "--untracked-files=no", "--", ".", f":!benchmarks/{RESULTS.stem}.*"]
    changed = subprocess.run(status, capture_output=True, text=True, check=False)
    return (found.stdout.strip() or "no commit") + ("+" if changed.stdout.strip() else "")


def write(sections: dict[str, Section], *, commit: str, cores: int, target: pathlib.Path = RESULTS) -> None:
    """Keeps sections, in place of earlier ones of the same names; all others stay, with the machine they are of.

    So does one that says what the earlier one said, to the last digit: a table made again from old records is not new.

    Args:
      sections: name -> section.
      commit: what was measured.
      cores: how many were used.
      target: RESULTS.md; the same name with .json stands beside it.
    """
    raw = target.with_suffix(".json")
    parts = json.loads(raw.read_text(encoding="utf-8"))["parts"] if raw.exists() else {}
    here, now = machine(cores), datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    for name, section in sections.items():
        found = {
            "text": str(section),
            "targets": [dataclasses.asdict(goal) for goal in section.targets],
            "raw": json.loads(json.dumps(section.raw)),
        }
        if found.items() <= parts.get(name, {}).items():
            continue
        parts[name] = {"date": now, "commit": commit, "machine": here, **found}
    raw.write_text(json.dumps({"parts": parts}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    target.write_text(_document(parts), encoding="utf-8")


def _document(parts: dict[str, Any]) -> str:
    lines = [
        "# Results of the benchmarks",
        "",
        "Written by `make benchmark`; the single figures are in `RESULTS.json`. MB are 10^6 bytes of source text.",
        "Figures compare within a part; parts on different machines, which each part names, are not for comparing.",
    ]
    for _, part in sorted(parts.items()):
        lines += ["", part["text"], "", f"Measured on {part['date']} at commit {part['commit']}: {_where(part)}"]
    return "\n".join(lines) + "\n"


def _where(part: dict[str, Any]) -> str:
    here = part["machine"]
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(here["libraries"].items()))
    return (
        f"{here['processor']}, {here['cores']} cores, {here['memory_gb']} GB of memory, {here['system']}; "
        f"Python {here['python']}, {libraries}."
    )


def _lines(path: str) -> list[str]:
    return pathlib.Path(path).read_text(encoding="utf-8").splitlines()
