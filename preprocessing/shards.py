"""The one reader and writer of document shards.

A dataset is a folder: `train-00000-of-00008.parquet` and so on, and `manifest.json`, written last. Rows of a shard are
sorted by repository and path, a repository is in one shard, and a row group holds at most 8 MB of text, so that
reading takes little memory however large a shard is. A dataset made by `preprocessing.weights` has one column more.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from preprocessing import contract
from preprocessing.contract import CodeFile, DataContractError, Manifest

SCHEMA = pa.schema(
    [
        ("repository", pa.string()),
        ("path", pa.string()),
        ("content", pa.string()),
        ("license", pa.string()),
        ("sha256", pa.string()),
        ("size", pa.int64()),
        ("near_duplicate_cluster", pa.int64()),
    ]
)
# The one optional column: how often a document is to be seen an epoch. 1.0 is read where it is not there.
WEIGHT = pa.field("weight", pa.float32())
WEIGHTED_SCHEMA = SCHEMA.append(WEIGHT)
NO_CLUSTER = -1
DROPPED_FILE = "dropped.jsonl.gz"
FORMATS = ("parquet", "jsonl")
ROW_GROUP_BYTES = 8_000_000
# On 238 MB of Python: level 1 makes 54.9 MB in 0.98 s, level 3 50.2 MB in 1.3 s, level -1 65.4 MB in 1.07 s.
ZSTD_LEVEL = 1

OpenFile = Callable[[str, str], BinaryIO]
_FILE_FIELDS = [field.name for field in dataclasses.fields(CodeFile)]


def shard_name(split: str, index: int, *, format: str = "parquet") -> str:
    """Example: `shard_name("train", 3)` is `train-00003-of-00008.parquet`."""
    return f"{split}-{index:05d}-of-{contract.NUM_SHARDS:05d}.{format}"


def shard_of(repository: str) -> int:
    """The number of the shard, in [0, NUM_SHARDS), that all files of a repository are in."""
    return int.from_bytes(hashlib.sha256(repository.encode()).digest()[-4:], "big") % contract.NUM_SHARDS


def row_groups(sizes: np.ndarray) -> Iterator[slice]:
    """Cuts rows into groups of at most ROW_GROUP_BYTES bytes of text; a larger file is a group of its own.

    Args:
      sizes: int [rows], in the order of writing.

    Example: sizes of 5, 3 and 2 million bytes give `slice(0, 2), slice(2, 3)`.
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    start = 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + ROW_GROUP_BYTES, side="right")), start + 1)
        yield slice(start, stop)
        start = stop


def write_shard(
    path: pathlib.Path, groups: Iterable[pa.Table], *, format: str = "parquet", schema: pa.Schema = SCHEMA
) -> dict[str, Any]:
    """Writes one shard.

    Args:
      groups: tables of `schema`, rows in their final order, each table a row group (`row_groups` says where to cut).
      format: one of FORMATS; "jsonl" has no column for weights.
      schema: SCHEMA or WEIGHTED_SCHEMA.

    Returns:
      Its entry in the manifest: `sha256` and `bytes` of the file, and `rows`. Equal tables give equal bytes.
    """
    rows = _write_parquet(path, groups, schema) if format == "parquet" else _write_jsonl(path, groups)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "rows": rows, "bytes": path.stat().st_size}


def _write_parquet(path: pathlib.Path, groups: Iterable[pa.Table], schema: pa.Schema) -> int:
    rows = 0
    # Statistics of `content` would put whole files into the footer; hashes and texts gain nothing by a dictionary.
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=["repository", "license"],
        write_statistics=["repository", "path", "size"],
        store_schema=False,
    ) as writer:
        for table in groups:
            # Arrow looks whether a page is full after each piece of a column, so pieces would show in the bytes.
            writer.write_table(table.combine_chunks(), row_group_size=max(table.num_rows, 1))
            rows += table.num_rows
    return rows


def _write_jsonl(path: pathlib.Path, groups: Iterable[pa.Table]) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for table in groups:
            for row in table.to_pylist():
                predecessor = {
                    "content": row["content"],
                    "sha": row["sha256"],
                    "filepath": row["path"],
                    "repository": row["repository"],
                    "license": row["license"],
                }
                file.write(json.dumps(predecessor) + "\n")
            rows += table.num_rows
    return rows


def write_manifest(folder: pathlib.Path, manifest: Manifest) -> None:
    """Finishes a dataset; to be called when every shard is written."""
    (folder / contract.MANIFEST_FILE).write_text(manifest.to_json(), encoding="utf-8")


def read_manifest(folder: str | pathlib.Path, *, open_file: OpenFile = open) -> Manifest:
    """Reads what a dataset says of itself.

    Args:
      folder: a path, or an address that `open_file` understands.
      open_file: called as `open_file(address, "rb")`: `tf.io.gfile.GFile` for gs:// addresses.

    Raises:
      DataContractError: there is no manifest, so the dataset is not finished, or the manifest is damaged.
    """
    address = f"{folder}/{contract.MANIFEST_FILE}"
    try:
        with open_file(address, "rb") as file:
            text = file.read()
    except Exception as error:
        # TensorFlow's own NotFoundError is no OSError, and cannot be named here without importing TensorFlow.
        if not isinstance(error, FileNotFoundError | NotADirectoryError) and type(error).__name__ != "NotFoundError":
            raise
        raise DataContractError(
            f"{folder} holds no finished document dataset: there is no {contract.MANIFEST_FILE}. Make it with "
            f"`python -m preprocessing.run --input_dir FLCC --output_dir {folder}`"
        ) from None
    try:
        return Manifest.from_json(text.decode("utf-8"), where=address)
    except UnicodeDecodeError as error:
        raise DataContractError(f"{address} is damaged: {error}") from error


def shard_names(manifest: Manifest, split: str) -> list[str]:
    """The files of a split, in order.

    Raises:
      ValueError: no such split.
      DataContractError: the dataset was written with `--format=jsonl`.
    """
    if split not in contract.SPLITS:
        raise ValueError(f"no split {split!r}: it is one of {', '.join(contract.SPLITS)}")
    names = sorted(name for name in manifest.shards if name.startswith(f"{split}-"))
    others = [name for name in names if not name.endswith(".parquet")]
    if others:
        raise DataContractError(
            f"{others[0]} was written with --format=jsonl, for other programs: make the dataset again with "
            "--format=parquet to read it here"
        )
    return names


def read_columns(
    folder: str | pathlib.Path,
    split: str,
    *,
    columns: Sequence[str] = tuple(SCHEMA.names),
    shard: int | None = None,
    verify: bool = True,
    open_file: OpenFile = open,
) -> Iterator[pa.RecordBatch]:
    """Streams columns of a split; only those columns are decoded, a row group at a time.

    Args:
      columns: names of WEIGHTED_SCHEMA; "weight" is 1.0 in a dataset without weights.
      shard: read this shard alone; all of them by default.
      verify: compare each shard's SHA-256 with the manifest before its first row is given out. Its size is always
        compared.
      open_file: as in `read_manifest`.

    Raises:
      DataContractError: not finished, or a shard is missing, truncated or changed; it is named.
      ValueError: no such split or column.
    """
    unknown = [name for name in columns if name not in WEIGHTED_SCHEMA.names]
    if unknown:
        raise ValueError(f"no column {unknown[0]!r}: there are {', '.join(WEIGHTED_SCHEMA.names)}")
    manifest = read_manifest(folder, open_file=open_file)
    names = shard_names(manifest, split)
    for name in names if shard is None else [names[shard]]:
        yield from _read_shard(f"{folder}/{name}", manifest.shards[name], columns, verify, open_file)


def read_documents(
    folder: str | pathlib.Path,
    split: str,
    *,
    shard: int | None = None,
    verify: bool = True,
    open_file: OpenFile = open,
) -> Iterator[CodeFile]:
    """Streams the records of a split, in the order of shards and rows; arguments and errors as in `read_columns`."""
    batches = read_columns(folder, split, columns=_FILE_FIELDS, shard=shard, verify=verify, open_file=open_file)
    for batch in batches:
        yield from map(CodeFile, *(batch.column(name).to_pylist() for name in _FILE_FIELDS))


class _ArrowFile:
    """A file as Arrow wants it: with `closed`, which TensorFlow's GFile does not have."""

    closed = False

    def __init__(self, file: BinaryIO):
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """Whoever opened the file closes it."""


def _read_shard(
    address: str, entry: dict[str, Any], columns: Sequence[str], verify: bool, open_file: OpenFile
) -> Iterator[pa.RecordBatch]:
    remedy = "copy it again, or make the dataset again with `python -m preprocessing.run ... --overwrite`"
    try:
        with open_file(address, "rb") as file:
            size = file.seek(0, 2) or file.tell()
            if size != entry["bytes"]:
                raise DataContractError(
                    f"{address} is damaged: {size} bytes, the manifest says {entry['bytes']}: {remedy}"
                )
            if verify:
                file.seek(0)
                digest = hashlib.sha256()
                while block := file.read(1 << 20):
                    digest.update(block)
                if digest.hexdigest() != entry["sha256"]:
                    raise DataContractError(f"{address} is damaged: its SHA-256 is not the manifest's: {remedy}")
            file.seek(0)
            parquet = pq.ParquetFile(_ArrowFile(file))
            for group in range(parquet.num_row_groups):
                table = parquet.read_row_group(group, columns=list(columns), use_threads=False)
                if WEIGHT.name in columns and WEIGHT.name not in table.column_names:
                    ones = np.ones(parquet.metadata.row_group(group).num_rows, np.float32)
                    table = table.append_column(WEIGHT, pa.array(ones))
                yield from table.select(list(columns)).combine_chunks().to_batches()
    except (pa.ArrowException, OSError) as error:
        raise DataContractError(f"{address} cannot be read: {error}: {remedy}") from error
    except Exception as error:
        if type(error).__name__ != "NotFoundError":
            raise
        raise DataContractError(f"{address} is missing: {remedy}") from error
