"""The chain on one machine, without its command line.

Pass 1 reads, filters and fingerprints (`read_pass`). Splits, duplicates and benchmark overlap are decided from a few
dozen bytes a file (`verdicts`). Pass 2 writes the shards (`write_pass`). Nothing depends on which worker did what when:
any number of them gives the same bytes.
"""

import collections
import dataclasses
import gzip
import importlib.metadata
import json
import pathlib
import platform
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from preprocessing import cluster_report, contract, decontaminate, read_pass, shards, source, spills, write_pass
from preprocessing.earlier import EarlierDataset, read_earlier
from preprocessing.examine import Examination, drop_line
from preprocessing.filters import FilterParameters
from preprocessing.near_duplicates import NearDuplicateParameters
from preprocessing.split import SplitParameters, assign_splits
from preprocessing.verdicts import Clusters, Court
from preprocessing.workers import Workers


@dataclasses.dataclass(frozen=True)
class ChainParameters:
    """Everything that changes the output.

    Attributes:
      filter: thresholds of `filters`.
      split: shares and salt of `split`.
      near: what almost the same text is.
      against: datasets whose files this one shall not have.
      benchmarks: texts that no file shall hold.
      format: one of `shards.FORMATS`.
    """

    filter: FilterParameters = dataclasses.field(default_factory=FilterParameters)
    split: SplitParameters = dataclasses.field(default_factory=SplitParameters)
    near: NearDuplicateParameters = dataclasses.field(default_factory=NearDuplicateParameters)
    against: tuple[EarlierDataset, ...] = ()
    benchmarks: decontaminate.BenchmarkIndex | None = None
    format: str = "parquet"

    @property
    def steps(self) -> list[str]:
        """What is done, in this order."""
        steps = {
            "filter": True,
            "split": True,
            "exact_duplicates": True,
            "near_duplicates": self.near.near_jaccard > 0,
            "against": bool(self.against),
            "decontaminate": self.benchmarks is not None,
        }
        return [name for name, is_done in steps.items() if is_done]

    @property
    def examination(self) -> Examination:
        """What these parameters ask of each file."""
        return Examination(self.filter, self.near.near_ngram if self.near.near_jaccard else 0, self.benchmarks)

    def to_dict(self) -> dict[str, Any]:
        """Flat and JSON-like, for the manifest."""
        fields = {
            **dataclasses.asdict(self.filter),
            **dataclasses.asdict(self.split),
            **dataclasses.asdict(self.near),
            "against": sorted((dataset.describe() for dataset in self.against), key=lambda dataset: dataset["digest"]),
            "benchmarks": decontaminate.describe(self.benchmarks) if self.benchmarks else None,
            "format": self.format,
            "num_shards": contract.NUM_SHARDS,
            "steps": self.steps,
        }
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
      work: an empty folder; it needs room for the text of all accepted files beside the shards, and for half as much
        again where near-duplicates are looked for.
      workers: number of processes; 1 works in this one.

    Raises:
      DataContractError: nothing was kept, or an earlier dataset is damaged.
      WorkerDiedError: a worker process died.
    """
    description = raw.describe()
    folder = work / "documents"
    folder.mkdir()
    with Workers(workers) as pool:
        accepted = read_pass.read_all(pool, raw.units(), work=work, examination=parameters.examination)
        if not accepted.repositories:
            raise nothing_kept(accepted.files_read, accepted.drops)
        splits = assign_splits(accepted.repositories, parameters.split)
        court = Court(accepted, splits, spills.Spills(work / "spills"))
        near_duplicates = _decide(court, pool, work, folder=folder, parameters=parameters)
        _list_drops(folder / shards.DROPPED_FILE, court)
        entries = write_pass.write_all(
            pool,
            accepted,
            splits=splits,
            kept=court.kept,
            cluster=court.cluster,
            work=work,
            folder=folder,
            format=parameters.format,
        )
    shutil.rmtree(work / "spills")
    drops = accepted.drops + collections.Counter({verdict.reason: len(verdict.rows) for verdict in court.verdicts})
    return finish(
        folder,
        Result(
            contract.Manifest(
                parameters=parameters.to_dict(),
                source=description,
                counts=write_pass.count(accepted, splits=splits, kept=court.kept),
                drops={reason: drops[reason] for reason in contract.DROP_REASONS},
                notes={note: accepted.notes[note] for note in contract.NOTES},
                near_duplicates=near_duplicates,
                shards=entries,
                salt=salt(parameters, description["digest"]),
                versions=versions(),
            ),
            accepted.files_read,
            accepted.bytes_read,
        ),
    )


def finish(folder: pathlib.Path, result: Result) -> Result:
    """Writes the manifest of documents that add up.

    Raises:
      AssertionError: a file was lost on the way.
    """
    manifest = result.manifest
    kept, dropped = sum(entry["rows"] for entry in manifest.shards.values()), sum(manifest.drops.values())
    if result.files_read != kept + dropped:
        raise AssertionError(f"{result.files_read} files read, but {kept} kept and {dropped} dropped")
    shards.write_manifest(folder, manifest)
    return result


def nothing_kept(files_read: int, drops: dict[str, int]) -> contract.DataContractError:
    """The error to raise where no file passed the filters."""
    most_first = sorted(drops.items(), key=lambda drop: -drop[1])
    listed = "".join(f", {count} dropped as {reason}" for reason, count in most_first if count)
    return contract.DataContractError(f"nothing to keep: {files_read} files read{listed}")


def versions() -> dict[str, str]:
    """Of the code, and of what decides the bytes of a shard."""
    try:
        code = importlib.metadata.version("code_t5")
    except importlib.metadata.PackageNotFoundError:
        code = "not installed"
    return {"code_t5": code, "pyarrow": pa.__version__, "python": platform.python_version()}


def _decide(
    court: Court, pool: Workers, work: pathlib.Path, *, folder: pathlib.Path, parameters: ChainParameters
) -> dict[str, int]:
    """Takes the files through the steps; returns the manifest's `near_duplicates`."""
    threshold, found = parameters.near.near_jaccard, {}
    court.exact_duplicates()
    if threshold:
        court.accepted.fingerprints.save(work / "index")
        clusters = court.near_duplicates(pool, work / "index", threshold=threshold)
        found = cluster_report.write(
            folder,
            np.bincount(clusters.numbers, minlength=len(clusters.kept)),
            members_of=_members_of(court, clusters),
            threshold=threshold,
        )
    if parameters.against:
        files = read_earlier(pool, parameters.against, work=work / "earlier", ngram=parameters.examination.ngram)
        court.against(pool, files, work, threshold=threshold)
    if parameters.benchmarks:
        court.contaminated()
    return found


def _members_of(court: Court, clusters: Clusters) -> Callable[[int], list[dict[str, str]]]:
    order = np.argsort(clusters.numbers, kind="stable")
    ends = np.cumsum(np.bincount(clusters.numbers, minlength=len(clusters.kept)))

    def members_of(number: int) -> list[dict[str, str]]:
        rows = clusters.members[order[ends[number - 1] if number else 0 : ends[number]]]
        kept = clusters.kept[number]
        rows = np.concatenate([[kept], rows[rows != kept]])
        names = zip(court.names(rows), rows.tolist(), strict=True)
        first, *others = [{"file": name, "split": court.split_of(row)} for name, row in names]
        return [first, *sorted(others, key=lambda other: other["file"])]

    return members_of


def _list_drops(target: pathlib.Path, court: Court) -> None:
    """Lists every dropped file with its reason: what the filters dropped in the order of the input, then the steps."""
    with target.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as out:
        for drop_list in court.accepted.drop_lists:
            out.write(drop_list.read_bytes())
        for dropped in court.dropped():
            out.write(drop_line(dropped).encode())
