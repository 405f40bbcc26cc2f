"""Benchmark files as items of text: what of a row a model is tested on, and so must not stand in its training data.

A file has one JSON object a line and may be gzipped, whatever its name says. Of a row is taken:

- with `prompt` and `canonical_solution` (HumanEval, its infilling sets): prompt, solution and, if there is one,
  `suffix`, as one text. Not `test`: most copies are of the problem alone, and would be a smaller share of a text with
  its tests.
- with `input` and `gt` (CodeXGLUE, completion of lines): both as one text, in the words that the source had:
  `<STR_LIT:utf-8>` becomes `utf-8`, and the text is cut where a literal was lost (`<STR_LIT>`), because no source has
  the n-grams across it. (Comments were lost without a mark: n-grams across them are never found.)
- of any other row: every string in it, nested ones too, each as a text of its own.
"""

import dataclasses
import gzip
import hashlib
import json
import os
import pathlib
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from preprocessing.contract import DataContractError

_GZIP_MAGIC = b"\x1f\x8b"
_LINE_MARK = re.compile(r"</?s>|<EOL>")
_KEPT_LITERAL = re.compile(r"<(?:STR|NUM|CHAR)_LIT:(.*?)>")
_LOST_LITERAL = re.compile(r"<(?:STR|NUM|CHAR)_LIT>")


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One problem of a benchmark.

    Attributes:
      id: the row's `task_id` or `id`, or "line 12", counted from 1.
      parts: texts, UTF-8; n-grams do not go from one to the next.
    """

    id: str
    parts: tuple[bytes, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class BenchmarkFile:
    """A file that was read.

    Attributes:
      name: its name, with as many of its folders as it takes to tell it from the other files.
      sha256: of the file as it lies on the disk, 64 hex digits.
      items: in the order of its rows.
    """

    name: str
    sha256: str
    items: tuple[Item, ...]


def read_benchmark_files(paths: Sequence[str | os.PathLike]) -> list[BenchmarkFile]:
    """Reads files of benchmarks, in the order given.

    Raises:
      DataContractError: a file is not there, is given twice, is damaged or empty, or a row of it cannot be used; with
        its address and line.
    """
    paths = [pathlib.Path(path).absolute() for path in paths]
    twice = next((path for i, path in enumerate(paths) if path in paths[:i]), None)
    if twice:
        raise DataContractError(f"the benchmark file {twice} is given twice: leave one out")
    return [_read(path, name) for path, name in zip(paths, _names(paths), strict=True)]


def item_parts(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts of a row; none if there is nothing but white space in it.

    Example: `item_parts({"input": "<s> x = open ( '<STR_LIT>' , '<STR_LIT:rb>' ) <EOL> y", "gt": "= <NUM_LIT:1>"})` is
    `("\\n x = open ( '", "' , 'rb' ) \\n y = 1")`.
    """
    if _has(row, "prompt", "canonical_solution"):
        suffix = row.get("suffix")
        text = row["prompt"] + row["canonical_solution"] + (suffix if isinstance(suffix, str) else "")
        parts = [text]
    elif _has(row, "input", "gt"):
        text = f"{row['input']} {row['gt']}"
        parts = _LOST_LITERAL.split(_KEPT_LITERAL.sub(r"\1", _LINE_MARK.sub("\n", text)))
    else:
        parts = [string for string in _strings(row) if string.strip()]
        text = "".join(parts)
    return tuple(parts) if text.strip() else ()


def _has(row: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(row.get(name), str) for name in names)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _names(paths: Sequence[pathlib.Path]) -> list[str]:
    """Example: `/a/py/dev.json` and `/b/java/dev.json` are called `py/dev.json` and `java/dev.json`."""
    for length in range(1, max((len(path.parts) for path in paths), default=0)):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _read(path: pathlib.Path, name: str) -> BenchmarkFile:
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise DataContractError(
            f"the benchmark file {path} cannot be read: {error.strerror}. Name a JSONL file, gzipped or not"
        ) from error
    try:
        data = gzip.decompress(stored) if stored.startswith(_GZIP_MAGIC) else stored
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataContractError(
            f"{path} is damaged: {error}. It was probably not copied to its end: fetch it again"
        ) from error
    items = tuple(
        _item(line, number, path) for number, line in enumerate(data.split(b"\n"), 1) if line and not line.isspace()
    )
    if not items:
        raise DataContractError(f"{path} is empty: expected a JSON object a line, found no line")
    return BenchmarkFile(name, hashlib.sha256(stored).hexdigest(), items)


def _item(line: bytes, number: int, path: pathlib.Path) -> Item:
    where = f"{path}, line {number}"
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataContractError(f"{where}: expected a JSON object, found no JSON ({error})") from error
    if not isinstance(row, dict):
        raise DataContractError(f"{where}: expected a JSON object, found {type(row).__name__} {str(row)[:60]!r}")
    parts = item_parts(row)
    if not parts:
        raise DataContractError(
            f"{where}: no text in any of its fields ({', '.join(row) or 'there is none'}): take the row out"
        )
    id_ = next((row[name] for name in ("task_id", "id") if isinstance(row.get(name), str | int)), f"line {number}")
    # A lone surrogate of a JSON escape stands in no document; it must not stop the reading of the rest.
    return Item(str(id_), tuple(part.encode("utf-8", "surrogatepass") for part in parts))
