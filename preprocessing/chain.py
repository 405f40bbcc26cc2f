"""The chain on one machine, without its command line: filter, split, exact duplicates, write.

Pass 1 reads and filters (`read_pass`). Splits and duplicates are decided here, from 32 bytes a file. Pass 2 writes the
shards (`write_pass`). Nothing depends on which worker did what when: any number of them gives the same bytes.
"""

import collections
import dataclasses
import gzip
import importlib.metadata
import json
import pathlib
import platform
import shutil
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing import contract, dedup, read_pass, shards, source, spills, write_pass
from preprocessing.filters import FilterParameters
from preprocessing.split import SplitParameters, assign_splits, split_rank
from preprocessing.workers import Workers

STEPS = ("filter", "split", "exact_duplicates")


@dataclasses.dataclass(frozen=True)
class ChainParameters:
    """Everything that changes the output.

    Attributes:
      filter: thresholds of `filters`.
      split: shares and salt of `split`.
      format: one of `shards.FORMATS`.
    """

    filter: FilterParameters = dataclasses.field(default_factory=FilterParameters)
    split: SplitParameters = dataclasses.field(default_factory=SplitParameters)
    format: str = "parquet"

    def to_dict(self) -> dict[str, Any]:
        """Flat and JSON-like, for the manifest."""
        fields = {**dataclasses.asdict(self.filter), **dataclasses.asdict(self.split)}
        fields |= {"format": self.format, "num_shards": contract.NUM_SHARDS, "steps": STEPS}
        return json.loads(json.dumps(fields))


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run did: the manifest that it wrote, and how many files and bytes it read."""

    manifest: contract.Manifest
    files_read: int
    bytes_read: int


def salt(parameters: ChainParameters, source_digest: str) -> str:
    """16 hex digits of what determines the output."""
    return contract.canonical_digest([contract.DOCUMENT_SCHEMA_VERSION, parameters.to_dict(), source_digest])[:16]


def make_documents(raw: source.Source, work: pathlib.Path, *, parameters: ChainParameters, workers: int = 1) -> Result:
    """Reads a source and leaves the finished dataset in `work / "documents"`.

    Args:
      raw: where the files come from.
      work: an empty folder; it needs room for the text of all accepted files beside the shards.
      workers: number of processes; 1 works in this one.

    Raises:
      DataContractError: nothing was kept.
      WorkerDiedError: a worker process died.
    """
    description = raw.describe()
    folder = work / "documents"
    folder.mkdir()
    with Workers(workers, work / "doing") as pool:
        accepted = read_pass.read_all(pool, raw.units(), work=work, parameters=parameters.filter)
        drops = accepted.drops.copy()
        if not accepted.repositories:
            raise contract.DataContractError(f"nothing to keep: {accepted.files_read} files read{_listed(drops)}")
        splits = assign_splits(accepted.repositories, parameters.split)
        stored = spills.Spills(work / "spills")
        goes = _exact_duplicates(accepted, splits, stored)
        drops["exact_duplicate"] += int(goes.sum())
        _list_drops(folder / shards.DROPPED_FILE, accepted, stored, goes)
        entries = write_pass.write_all(
            pool, accepted, splits=splits, kept=~goes, work=work, folder=folder, format=parameters.format
        )
    shutil.rmtree(work / "spills")
    kept = sum(entry["rows"] for entry in entries.values())
    if accepted.files_read != kept + sum(drops.values()):
        raise AssertionError(f"{accepted.files_read} files read, but {kept} kept and {sum(drops.values())} dropped")
    manifest = contract.Manifest(
        parameters=parameters.to_dict(),
        source=description,
        counts=write_pass.count(accepted, splits=splits, kept=~goes),
        drops={reason: drops[reason] for reason in contract.DROP_REASONS},
        notes={note: accepted.notes[note] for note in contract.NOTES},
        shards=entries,
        salt=salt(parameters, description["digest"]),
        versions=versions(),
    )
    shards.write_manifest(folder, manifest)
    return Result(manifest, accepted.files_read, accepted.bytes_read)


def versions() -> dict[str, str]:
    """Of the code, and of what decides the bytes of a shard."""
    try:
        code = importlib.metadata.version("code_t5")
    except importlib.metadata.PackageNotFoundError:
        code = "not installed"
    return {"code_t5": code, "pyarrow": pa.__version__, "python": platform.python_version()}


def _exact_duplicates(accepted: read_pass.Accepted, splits: dict[str, str], stored: spills.Spills) -> np.ndarray:
    split_ranks = np.array([split_rank(splits[name]) for name in accepted.repositories])
    return dedup.exact_duplicates(
        accepted.digest,
        split_ranks=split_ranks[accepted.repository],
        repository_ranks=accepted.repository,
        paths_of=lambda rows: stored.take(accepted.location[rows], ["path"])["path"],
    )


def _list_drops(
    target: pathlib.Path, accepted: read_pass.Accepted, stored: spills.Spills, duplicates: np.ndarray
) -> None:
    """Lists every dropped file with its reason, in the order of the input, duplicates last."""
    locations = accepted.location[duplicates]
    with target.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as out:
        for drop_list in accepted.drop_lists:
            out.write(drop_list.read_bytes())
        for start in range(0, len(locations), 100_000):
            rows = stored.take(locations[start : start + 100_000], ["repository", "path"]).to_pylist()
            dropped = [source.Dropped("exact_duplicate", f"{row['repository']}/{row['path']}") for row in rows]
            out.write("".join(map(read_pass.drop_line, dropped)).encode())


def _listed(drops: collections.Counter) -> str:
    return "".join(f", {count} dropped as {reason}" for reason, count in drops.most_common())
