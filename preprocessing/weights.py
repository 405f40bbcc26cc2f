"""Sampling weights: a document dataset with a column that says how often each train document is to be seen an epoch.

python -m preprocessing.weights --documents DOCUMENTS --output_dir WEIGHTED --by repository
python -m preprocessing.weights --documents DOCUMENTS --output_dir WEIGHTED --by symbol --power 0.3 --max_weight 8

By repository, small repositories are seen more often; by symbol, files that import rare libraries are. `weight_law`
says how much. Held-out documents have a weight of 1.0. What comes out is a document dataset like any other.
"""

import argparse
import dataclasses
import errno
import os
import pathlib
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from preprocessing import chain, contract, output_folder, run, shards, weight_groups, weight_law, weight_rates
from preprocessing.contract import DataContractError, Manifest
from preprocessing.weight_law import WeightParameters
from preprocessing.workers import WorkerDiedError, Workers, progress

STEP = "weights"


@dataclasses.dataclass(frozen=True)
class Result:
    """What was made: the manifest that was written, and what the weights were made of."""

    manifest: Manifest
    groups: weight_groups.Groups
    weights: np.ndarray


def make(
    documents: pathlib.Path,
    output_dir: pathlib.Path,
    *,
    parameters: WeightParameters,
    workers: int = 1,
    overwrite: bool = False,
) -> Result | None:
    """Writes the same documents with weights; the folder appears only when it is finished.

    Returns:
      What was made, or None if the same dataset is there already.

    Raises:
      DataContractError: the documents are not finished, damaged or weighted, none of them is in train, or something
        else is at `output_dir`.
      AlreadyRunningError: another process is making `output_dir`.
      WorkerDiedError: a worker process died.
    """
    manifest = shards.read_manifest(documents)
    if STEP in manifest.parameters.get("steps", ()):
        raise DataContractError(f"{documents} has weights already: give the documents that it was made from")
    if not manifest.counts["train"]["files"]:
        raise DataContractError(f"{documents} has no train documents, so there is nothing to weight")
    weighted = _described(manifest, parameters)
    wanted = (weighted.salt, weighted.parameters, weighted.source)
    is_documents = (output_dir / contract.MANIFEST_FILE).exists()
    if not (overwrite and is_documents) and run.existing(output_dir, *wanted):
        return None
    with output_folder.making(output_dir) as work:
        # Another run may have finished it between the look above and the lock.
        if not overwrite and run.existing(output_dir, *wanted):
            return None
        folder = work / "documents"
        folder.mkdir()
        with Workers(workers) as pool:
            groups = weight_groups.read(documents, pool, by=parameters.weight_by)
            weights = weight_law.document_weights(groups, parameters)
            weighted.shards = _write_all(pool, documents, manifest, weights, folder)
        for other in documents.iterdir():  # lists and reports of what made the documents are as true of the copy
            if other.is_file() and other.name not in {*manifest.shards, contract.MANIFEST_FILE}:
                shutil.copyfile(other, folder / other.name)
        for split, count in weighted.counts.items():
            count["weight"] = float(weights.sum(dtype=np.float64)) if split == "train" else float(count["files"])
        shards.write_manifest(folder, weighted)
        output_folder.publish(folder, output_dir)
    return Result(weighted, groups, weights)


def _described(manifest: Manifest, parameters: WeightParameters) -> Manifest:
    """The manifest of the same documents with weights, before they are written."""
    fields: dict[str, Any] = {
        **manifest.parameters,
        **dataclasses.asdict(parameters),
        "steps": [*manifest.parameters.get("steps", []), STEP],
        "unweighted_digest": manifest.digest,
    }
    salt = contract.canonical_digest([manifest.schema_version, fields])[:16]
    counts = {split: dict(count) for split, count in manifest.counts.items()}
    return dataclasses.replace(manifest, parameters=fields, counts=counts, salt=salt, versions=chain.versions())


@dataclasses.dataclass(frozen=True)
class _Task:
    documents: pathlib.Path
    split: str
    shard: int
    target: pathlib.Path
    weights: np.ndarray


def _write_all(
    pool: Workers, documents: pathlib.Path, manifest: Manifest, weights: np.ndarray, folder: pathlib.Path
) -> dict[str, dict[str, Any]]:
    tasks = []
    for split in contract.SPLITS:
        names = shards.shard_names(manifest, split)
        rows = [manifest.shards[name]["rows"] for name in names]
        here = weights if split == "train" else np.ones(sum(rows), np.float32)
        pieces = np.split(here, np.cumsum(rows)[:-1])
        tasks += [_Task(documents, split, i, folder / name, pieces[i]) for i, name in enumerate(names)]
    sizes = [manifest.shards[task.target.name]["bytes"] for task in tasks]
    entries = {}
    with progress("writing", sum(sizes)) as bar:
        for number, entry in pool.run(_write, tasks, names=[f"writing {task.target.name}" for task in tasks]):
            entries[tasks[number].target.name] = entry
            bar.update(sizes[number])
    return entries


def _write(task: _Task) -> dict[str, Any]:
    def groups() -> Iterator[pa.Table]:
        first = 0
        for batch in shards.read_columns(task.documents, task.split, shard=task.shard):
            weights = pa.array(task.weights[first : first + batch.num_rows], pa.float32())
            first += batch.num_rows
            yield pa.Table.from_batches([batch]).append_column(shards.WEIGHT, weights)

    return shards.write_shard(task.target, groups(), schema=shards.WEIGHTED_SCHEMA)


def _arguments(argv: list[str] | None) -> tuple[argparse.Namespace, WeightParameters]:
    parser = argparse.ArgumentParser(
        prog="python -m preprocessing.weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = WeightParameters("repository")
    add = parser.add_argument
    add("--documents", metavar="DIR", type=pathlib.Path, required=True, help="a folder made by preprocessing.run")
    add(
        "--output_dir",
        metavar="DIR",
        type=pathlib.Path,
        required=True,
        help="the folder to make; it appears when it is finished",
    )
    add("--by", choices=weight_groups.BY, required=True, help="what is to be seen more often where it is rare")
    add(
        "--power",
        metavar="P",
        type=float,
        default=defaults.weight_power,
        help="in [0, 1]: 1 changes nothing, 0 shows all equally often (%(default)s)",
    )
    add(
        "--max_weight",
        metavar="W",
        type=float,
        default=defaults.max_weight,
        help="no document is seen more often an epoch (%(default)s)",
    )
    add(
        "--mean_weight",
        metavar="W",
        type=float,
        default=defaults.mean_weight,
        help="how often a document is seen an epoch on average; a Mixture draws the dataset so much more often "
        "(%(default)s)",
    )
    cores = len(os.sched_getaffinity(0))
    add(
        "--workers",
        metavar="N",
        type=int,
        default=cores,
        help=f"processes (all cores: {cores}); the output is the same",
    )
    add("--overwrite", action="store_true", help="replace a dataset that stands at --output_dir")
    arguments = parser.parse_args(argv)
    inside, documents = arguments.output_dir.resolve(), arguments.documents.resolve()
    if inside == documents or inside in documents.parents:
        parser.error(f"--output_dir {arguments.output_dir} holds the documents: choose a folder beside them")
    if arguments.workers < 1:
        parser.error(f"--workers {arguments.workers}: there must be one at least")
    try:
        return arguments, WeightParameters(arguments.by, arguments.power, arguments.max_weight, arguments.mean_weight)
    except ValueError as error:
        parser.error(str(error))


def _fail(message: str, *, status: int = 1) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def main(argv: list[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    arguments, parameters = _arguments(argv)
    started = time.monotonic()
    try:
        result = make(
            arguments.documents,
            arguments.output_dir,
            parameters=parameters,
            workers=arguments.workers,
            overwrite=arguments.overwrite,
        )
    except (DataContractError, WorkerDiedError) as error:
        _fail(str(error))
    except OSError as error:
        if error.errno == errno.ENOSPC or "No space left" in str(error):
            _fail(f"no space left on the disk of {arguments.output_dir}: nothing was left there, free some and re-run")
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; nothing was left behind", status=130)
    manifest = shards.read_manifest(arguments.output_dir)
    if result is None:
        print(f"already made: {arguments.output_dir}, digest {manifest.digest}")
    else:
        print(weight_rates.summary(result.groups, result.weights, parameters))
    for split in contract.SPLITS:
        count = manifest.counts[split]
        print(f"{split:<12} {count['files']:>10,} files  {count['weight']:>12,.1f} sum of weights")
    if result is not None:
        print(f"digest       {manifest.digest}")
        print(f"took         {time.monotonic() - started:>10.1f} s")


if __name__ == "__main__":
    main()
