"""Exports of GitHub as sources: rows of BigQuery and Athena (JSONL, gzipped or not) and Parquet with a content column.

Hashes that an export brings are not used: BigQuery's are git's blob ids and Athena's are of the content, so they would
never match one another; `filters` computes our own.
"""

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from preprocessing import row_files
from preprocessing.contract import DataContractError
from preprocessing.source import Dropped, RawFile

_PARQUET_MAGIC = b"PAR1"
_PARQUET_BATCH_ROWS = 64

# The names that exports give to one thing; the first that is there is taken.
COLUMN_NAMES = {
    "repository": ("repository", "max_stars_repo_name", "repository_name", "repo_name", "repo"),
    "path": ("filepath", "path", "max_stars_repo_path"),
    "license": ("license", "max_stars_repo_licenses", "licenses"),
    "content": ("content",),
}

# GitHub writes its licence keys in small letters, SPDX does not.
SPDX_IDS = {
    spdx.lower(): spdx
    for spdx in (
        "AFL-3.0 AGPL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0 "
        "EPL-1.0 EPL-2.0 GPL-2.0 GPL-3.0 ISC LGPL-2.1 LGPL-3.0 MIT MPL-2.0 NCSA OFL-1.1 PostgreSQL Unlicense WTFPL Zlib"
    ).split()
}


def raw_file(row: Mapping[str, Any], *, max_bytes: int) -> RawFile | str:
    """A row of an export, whatever names its columns have.

    Args:
      row: column -> value; texts as str, or as bytes that need not be UTF-8.

    Returns:
      The file, or the reason why there is none.

    Example:
      `raw_file({"owner": "ann", "name": "tool", "path": "a.py", "license": "mit", "content": "x\\n"}, max_bytes=9)` is
      `RawFile("ann/tool", "a.py", b"x\\n", "MIT")`; without `content` it is `"broken_row"`.
    """
    values = {
        key: next((row[name] for name in names if row.get(name) is not None), None)
        for key, names in COLUMN_NAMES.items()
    }
    if values["repository"] is None and row.get("owner") and row.get("name"):
        values["repository"] = f"{_text(row['owner'])}/{_text(row['name'])}"
    repository, path, content = _text(values["repository"]), _text(values["path"]), values["content"]
    if not repository or not path or not isinstance(content, str | bytes):
        return "broken_row"
    # A lone surrogate of a JSON escape becomes bytes that are not UTF-8, which the filters drop and count.
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    if len(data) > max_bytes:
        return "too_large"
    return RawFile(repository, path, data, _license(values["license"]))


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else ""


def _license(value: Any) -> str:
    ids = [_text(item) for item in value] if isinstance(value, list) else [_text(value)]
    # A repository with several licence files: all of them hold.
    return " AND ".join(SPDX_IDS.get(item.lower(), item) for item in ids if item)


@dataclasses.dataclass(frozen=True, slots=True)
class JsonlUnit(row_files.RangeUnit):
    """A range of JSON rows; see `source.Unit`."""

    def read(self, *, max_bytes: int) -> Iterator[RawFile | Dropped]:
        # No byte of content takes more than the six of "\u0001"; names, keys and hashes fit into the rest.
        for number, line in self.range.lines(longest=6 * max_bytes + (1 << 16)):
            item = "too_large" if line is None else _parse(line, max_bytes)
            yield item if isinstance(item, RawFile) else Dropped(item, self.range.where(number))


def _parse(line: bytes, max_bytes: int) -> RawFile | str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "broken_row"
    return raw_file(row, max_bytes=max_bytes) if isinstance(row, dict) else "broken_row"


class JsonlSource:
    """Files of JSON rows as a `source.Source`.

    BigQuery's rows have `repository, license, filepath, content`, Athena's `owner, name, license, path, content`;
    `preprocessing.run --format=jsonl` writes the former. Whether a file is gzipped is told by its first bytes.

    Args:
      root: a folder, read with all that is under it, or one file.

    Raises:
      DataContractError: there is no file, or one of them is Parquet.
    """

    def __init__(self, root: str | os.PathLike):
        self._files = row_files.list_files(root)
        for name, _ in self._files.sizes:
            address = f"{self._files.root}/{name}"
            if row_files.first_bytes(address, 4) == _PARQUET_MAGIC:
                raise DataContractError(f"{address} is a Parquet file: read those with --input_format=parquet")

    def units(self) -> list[JsonlUnit]:
        return [JsonlUnit(part) for part in self._files.ranges()]

    def describe(self) -> dict[str, Any]:
        return self._files.describe("jsonl")


@dataclasses.dataclass(frozen=True, slots=True)
class ParquetUnit:
    """One row group of a file; `first_row` is the number of its first row in the file."""

    root: str
    name: str
    group: int
    first_row: int
    size: int
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"row group {self.group} of {self.name}"

    def read(self, *, max_bytes: int) -> Iterator[RawFile | Dropped]:
        address = f"{self.root}/{self.name}"
        number = self.first_row
        try:
            batches = pq.ParquetFile(address).iter_batches(
                _PARQUET_BATCH_ROWS, row_groups=[self.group], columns=self.columns, use_threads=False
            )
            for batch in batches:
                columns = [_values(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    row = dict(zip(batch.schema.names, values, strict=True))
                    item = raw_file(row, max_bytes=max_bytes)
                    yield item if isinstance(item, RawFile) else Dropped(item, f"{self.name}:{number}")
                    number += 1
        except (pa.ArrowException, OSError) as error:
            raise DataContractError(f"{address} is damaged in row group {self.group}: {error}") from error


def _values(column: pa.Array) -> list:
    # Strings as bytes: Parquet does not see to it that they are UTF-8, our filters do.
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return (column.cast(pa.large_binary()) if is_text else column).to_pylist()


class ParquetSource:
    """Parquet files with a content column, such as those of The Stack, as a `source.Source`.

    Only the columns for repository, path, licence and content are read, under any of the names in `COLUMN_NAMES`.

    Args:
      root: a folder, of which all `.parquet` files are read, or one file.

    Raises:
      DataContractError: there is no such file, one is damaged, or a column is missing; names are listed.
    """

    def __init__(self, root: str | os.PathLike):
        self._files = row_files.list_files(root, endings=(".parquet",))

    def units(self) -> list[ParquetUnit]:
        units = []
        for name, _ in self._files.sizes:
            address = f"{self._files.root}/{name}"
            try:
                metadata = pq.read_metadata(address)
            except (pa.ArrowException, OSError) as error:
                raise DataContractError(f"{address} is not a whole Parquet file: {error}") from error
            columns, first_row = _needed_columns(address, metadata.schema.to_arrow_schema().names), 0
            for group in range(metadata.num_row_groups):
                about = metadata.row_group(group)
                units.append(ParquetUnit(self._files.root, name, group, first_row, about.total_byte_size, columns))
                first_row += about.num_rows
        return units

    def describe(self) -> dict[str, Any]:
        return self._files.describe("parquet")


def _needed_columns(address: str, there: Sequence[str]) -> tuple[str, ...]:
    taken = {key: next((name for name in names if name in there), "") for key, names in COLUMN_NAMES.items()}
    owner = () if taken["repository"] or not {"owner", "name"} <= set(there) else ("owner", "name")
    for key in ("repository", "path", "content"):
        if not taken[key] and not (key == "repository" and owner):
            raise DataContractError(
                f"{address} has no column for the {key}: expected one of {', '.join(COLUMN_NAMES[key])}, found "
                f"{', '.join(there)}"
            )
    return (*(name for name in taken.values() if name), *owner)
