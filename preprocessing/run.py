"""Raw repositories to a document dataset on this machine: filter, split, exact duplicates, write.

python -m preprocessing.run --input_dir FLCC --output_dir DOCUMENTS
python -m preprocessing.run --input_dir exports/ --input_format jsonl --output_dir DOCUMENTS --test_permille 20
"""

import argparse
import dataclasses
import errno
import os
import pathlib
import sys
import time
from typing import NoReturn

from preprocessing import chain, contract, flcc, github_export, legacy, output_folder, shards, source, summary
from preprocessing.filters import FilterParameters
from preprocessing.split import SplitParameters
from preprocessing.workers import WorkerDiedError

SOURCES = {
    "flcc": flcc.FlccSource,
    "jsonl": github_export.JsonlSource,
    "parquet": github_export.ParquetSource,
    "text": legacy.TextSource,
}


def existing(output_dir: pathlib.Path, salt: str, wanted: dict, source_: dict) -> contract.Manifest | None:
    """The manifest of a finished dataset made of the same input with the same parameters; None if nothing is there.

    Args:
      salt: of what is to be made.
      wanted: its parameters.
      source_: the description of its input.

    Raises:
      DataContractError: something else is there, or a damaged dataset.
    """
    if not output_dir.exists() or (output_dir.is_dir() and not any(output_dir.iterdir())):
        return None
    if not (output_dir / contract.MANIFEST_FILE).exists():
        raise contract.DataContractError(
            f"{output_dir} exists and is not a document dataset (no {contract.MANIFEST_FILE}), so it stays as it is: "
            "choose another --output_dir"
        )
    manifest = shards.read_manifest(output_dir)
    if manifest.salt != salt:
        raise contract.DataContractError(
            f"{output_dir} holds documents made otherwise:\n{_differences(manifest, wanted, source_)}\n"
            "Choose another --output_dir, or replace what is there with --overwrite"
        )
    for name, entry in manifest.shards.items():
        shard = output_dir / name
        if not shard.exists() or shard.stat().st_size != entry["bytes"]:
            raise contract.DataContractError(
                f"{shard} is damaged: {shard.stat().st_size if shard.exists() else 0} bytes, the manifest says "
                f"{entry['bytes']}: make the dataset again with --overwrite"
            )
    return manifest


def _differences(manifest: contract.Manifest, wanted: dict, source_: dict) -> str:
    there = {**manifest.parameters, **{f"input {key}": value for key, value in manifest.source.items()}}
    asked = {**wanted, **{f"input {key}": value for key, value in source_.items()}}
    lines = [
        f"  {key}: {there.get(key, 'none')} there, {asked.get(key, 'none')} asked for"
        for key in sorted(there.keys() | asked.keys())
        if there.get(key) != asked.get(key)
    ]
    return "\n".join(lines or [f"  salt: {manifest.salt} there, another one asked for"])


def make(
    source_: source.Source,
    output_dir: pathlib.Path,
    *,
    parameters: chain.ChainParameters,
    workers: int = 1,
    overwrite: bool = False,
) -> chain.Result | None:
    """Makes a document dataset; the folder appears only when it is finished.

    Returns:
      What was done, or None if the same dataset is there already.

    Raises:
      DataContractError: the input has nothing to keep, or something else stands at `output_dir`.
      AlreadyRunningError: another process is making `output_dir`.
      WorkerDiedError: a worker process died.
    """
    description = source_.describe()
    salt = chain.salt(parameters, description["digest"])
    wanted = (salt, parameters.to_dict(), description)
    if not overwrite and existing(output_dir, *wanted):
        return None
    if overwrite and output_dir.exists() and not (output_dir / contract.MANIFEST_FILE).exists():
        existing(output_dir, *wanted)
    with output_folder.making(output_dir) as work:
        # Another run may have finished it between the look above and the lock.
        if not overwrite and existing(output_dir, *wanted):
            return None
        result = chain.make_documents(source_, work, parameters=parameters, workers=workers)
        output_folder.publish(work / "documents", output_dir)
    return result


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m preprocessing.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    filter_defaults, split_defaults = FilterParameters(), SplitParameters()
    add = parser.add_argument
    add(
        "--input_dir",
        metavar="DIR",
        type=pathlib.Path,
        required=True,
        help="what to read: a folder, or one file of an export",
    )
    add(
        "--output_dir",
        metavar="DIR",
        type=pathlib.Path,
        required=True,
        help="the folder to make; it appears when it is finished",
    )
    add(
        "--input_format",
        choices=sorted(SOURCES),
        default="flcc",
        help="flcc: a tree with v3/ in it (the default); jsonl: BigQuery or Athena exports, or documents made with "
        "--format=jsonl, gzipped or not; parquet: files with a content column; text: one file a line, newline as Ċ",
    )
    add("--format", choices=shards.FORMATS, default="parquet", help="parquet (the default), or jsonl for old programs")
    add(
        "--validation_permille",
        metavar="N",
        type=int,
        default=split_defaults.validation_permille,
        help="so many of 1,000 repositories go to validation (%(default)s)",
    )
    add(
        "--test_permille",
        metavar="N",
        type=int,
        default=split_defaults.test_permille,
        help="so many of 1,000 repositories go to test (%(default)s)",
    )
    add(
        "--split_salt",
        metavar="WORD",
        default=split_defaults.split_salt,
        help="another word gives another choice of held-out repositories (%(default)s)",
    )
    add(
        "--max_bytes",
        metavar="N",
        type=_positive,
        default=filter_defaults.max_bytes,
        help="larger files are dropped (%(default)s)",
    )
    add(
        "--max_mean_line_length",
        metavar="N",
        type=_positive,
        default=filter_defaults.max_mean_line_length,
        help="files with longer lines on average, in characters, are dropped (%(default)s)",
    )
    add(
        "--max_line_length",
        metavar="N",
        type=_positive,
        default=filter_defaults.max_line_length,
        help="files with a longer line, in characters, are dropped (%(default)s)",
    )
    cores = len(os.sched_getaffinity(0))
    add(
        "--workers",
        metavar="N",
        type=_positive,
        default=cores,
        help=f"processes (all cores: {cores}); the output is the same",
    )
    add("--overwrite", action="store_true", help="replace a dataset that stands at --output_dir")
    arguments = parser.parse_args(argv)
    if not arguments.input_dir.exists():
        parser.error(f"--input_dir {arguments.input_dir} does not exist")
    try:
        arguments.split = SplitParameters(arguments.validation_permille, arguments.test_permille, arguments.split_salt)
    except ValueError as error:
        parser.error(str(error))
    inside, outside = arguments.output_dir.resolve(), arguments.input_dir.resolve()
    if inside == outside or inside in outside.parents:
        parser.error(f"--output_dir {arguments.output_dir} holds the input: choose a folder beside it")
    if arguments.input_format != "flcc" and outside in inside.parents:
        parser.error(f"--output_dir {arguments.output_dir} is inside the input, and would be read as input next time")
    return arguments


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**31:
        raise argparse.ArgumentTypeError(f"{text}: must be positive and below 2^31")
    return number


def _fail(message: str, *, status: int = 1) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def main(argv: list[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    arguments = _arguments(argv)
    parameters = chain.ChainParameters(
        filter=dataclasses.replace(
            FilterParameters(),
            max_bytes=arguments.max_bytes,
            max_mean_line_length=arguments.max_mean_line_length,
            max_line_length=arguments.max_line_length,
        ),
        split=arguments.split,
        format=arguments.format,
    )
    started = time.monotonic()
    try:
        source_ = SOURCES[arguments.input_format](arguments.input_dir)
        result = make(
            source_,
            arguments.output_dir,
            parameters=parameters,
            workers=arguments.workers,
            overwrite=arguments.overwrite,
        )
    except (contract.DataContractError, WorkerDiedError) as error:
        _fail(str(error))
    except OSError as error:
        if error.errno == errno.ENOSPC or "No space left" in str(error):
            _fail(f"no space left on the disk of {arguments.output_dir}: nothing was left there, free some and re-run")
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted; nothing was left behind", status=130)
    if result is None:
        print(f"already made: {arguments.output_dir}, digest {shards.read_manifest(arguments.output_dir).digest}")
        return
    print(summary.summary(result, time.monotonic() - started))
    for name in summary.empty_splits(result.manifest):
        print(
            f"warning: no documents in the split {name}: there are too few repositories, or all its files were copies "
            "of files in another split",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
