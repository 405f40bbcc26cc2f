"""Raw repositories to a document dataset on this machine.

The chain: filter, split, exact duplicates, near duplicates, earlier datasets, benchmarks; then the shards are written.

python -m preprocessing.run --input_dir FLCC --output_dir DOCUMENTS
python -m preprocessing.run --input_dir FLCC --output_dir DOCUMENTS --against EARLIER --benchmarks HumanEval.jsonl.gz
python -m preprocessing.run --input_dir exports/ --input_format jsonl --output_dir DOCUMENTS --test_permille 20
"""

import hashlib
import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from preprocessing import arguments as arguments_
from preprocessing import chain, contract, output_folder, shards, source, summary
from preprocessing.workers import WorkerDiedError, leave_pandas_out


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
        if damage := _damage(output_dir / name, entry):
            raise contract.DataContractError(
                f"{output_dir / name} is damaged: {damage}: make the dataset again with --overwrite"
            )
    return manifest


def _damage(shard: pathlib.Path, entry: dict[str, Any]) -> str:
    """What is wrong with a shard, "" where it is as the manifest says."""
    size = shard.stat().st_size if shard.exists() else 0
    if size != entry["bytes"]:
        return f"{size} bytes, the manifest says {entry['bytes']}"
    with shard.open("rb") as file:
        is_same = hashlib.file_digest(file, "sha256").hexdigest() == entry["sha256"]
    return "" if is_same else "its SHA-256 is not the manifest's"


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
    overwrite: bool = False,
    make_documents: Callable[..., chain.Result] = chain.make_documents,
    **engine: Any,
) -> chain.Result | None:
    """Makes a document dataset; the folder appears only when it is finished.

    Args:
      make_documents: the engine, with its own arguments in `engine` (`workers` for the one of `chain`).

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
        result = make_documents(source_, work, parameters=parameters, **engine)
        output_folder.publish(work / "documents", output_dir)
    return result


def _fail(message: str, *, status: int = 1) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def command(
    argv: Sequence[str] | None, *, program: str, description: str, make_documents: Callable[..., chain.Result]
) -> None:
    """A command line around an engine.

    Args:
      program: its module.
      description: of its help.
      make_documents: as for `make`.
    """
    arguments = arguments_.parse(argv, program=program, description=description)
    started = time.monotonic()
    try:
        source_ = arguments_.SOURCES[arguments.input_format](arguments.input_dir)
        result = make(
            source_,
            arguments.output_dir,
            parameters=arguments_.chain_parameters(arguments),
            overwrite=arguments.overwrite,
            make_documents=make_documents,
            **arguments.engine,
        )
    except (contract.DataContractError, WorkerDiedError, OSError) as error:
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


def main(argv: Sequence[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    command(argv, program="preprocessing.run", description=__doc__, make_documents=chain.make_documents)


if __name__ == "__main__":
    leave_pandas_out()
    main()
