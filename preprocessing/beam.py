"""Raw repositories to a document dataset on Apache Beam: the chain of `preprocessing.run` on any runner.

The dataset is the same, byte for byte, and so is the digest of its manifest. Beam's own options (`--runner`, and what
the runner takes) go behind the flags below. --input_dir, --output_dir and --against must be paths that every worker can
open: with a cluster, a shared file system.

python -m preprocessing.beam --input_dir FLCC --output_dir DOCUMENTS
python -m preprocessing.beam --input_dir FLCC --output_dir DOCUMENTS --runner FlinkRunner --flink_master HOST:8081
"""

import json
import pathlib
import re
import sys
import tempfile
from collections.abc import Sequence

from preprocessing import chain, contract, run, source

try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
except ModuleNotFoundError as error:
    if not (error.name or "").startswith("apache_beam"):
        raise
    sys.exit("error: Apache Beam is not installed: pip install 'code_t5[beam]'")


def make_documents(
    raw: source.Source, work: pathlib.Path, *, parameters: chain.ChainParameters, options: Sequence[str] = ()
) -> chain.Result:
    """What `chain.make_documents` does, by a Beam pipeline.

    Args:
      raw: where the files come from.
      work: an empty folder that every worker can write to.
      options: of Beam, as on a command line.

    Raises:
      DataContractError: nothing was kept, or an earlier dataset is damaged.
      OSError: a disk is full.
    """
    from preprocessing import beam_pipeline  # needs apache_beam

    description = raw.describe()
    folder = work / "documents"
    folder.mkdir()
    try:
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            beam_pipeline.build(pipeline, list(raw.units()), parameters=parameters, work=work)
    except RuntimeError as error:
        raise _of_worker(error, work) from error
    outcome: dict[str, list] = {}
    for kind, value in json.loads((work / "outcome.json").read_text()):
        outcome.setdefault(kind, []).append(value)
    (read,), (drops,) = outcome["read"], outcome["drops"]
    if not outcome.get("count"):
        raise chain.nothing_kept(read.get("files read", 0), drops)
    return chain.finish(
        folder,
        chain.Result(
            contract.Manifest(
                parameters=parameters.to_dict(),
                source=description,
                counts=_counts(outcome["count"]),
                drops={reason: drops.get(reason, 0) for reason in contract.DROP_REASONS},
                notes={note: read.get(f"note {note}", 0) for note in contract.NOTES},
                near_duplicates=outcome.get("near_duplicates", [{}])[0],
                shards=dict(outcome["shard"]),
                salt=chain.salt(parameters, description["digest"]),
                versions=chain.versions(),
            ),
            read["files read"],
            read["bytes read"],
        ),
    )


def _of_worker(error: RuntimeError, work: pathlib.Path) -> Exception:
    """The error that a worker had: runners hand it on as text, its traceback included."""
    if "No space left on device" in str(error):
        return OSError(
            f"no space left on the disk of {work.parent}, or of {tempfile.gettempdir()}, where Beam's workers sort: "
            "nothing was left there, free some and run it again"
        )
    found = re.findall(r"^(?:[\w.]+\.)?DataContractError: (.*)$", str(error), re.MULTILINE)
    return contract.DataContractError(found[-1]) if found else error


def _counts(repositories: list[tuple[str, str, int, int]]) -> dict[str, dict[str, int]]:
    counts = {split: {"files": 0, "bytes": 0, "repositories": 0} for split in contract.SPLITS}
    for split, _, files, size in repositories:
        counts[split]["files"] += files
        counts[split]["bytes"] += size
        counts[split]["repositories"] += 1
    return counts


def main(argv: list[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    run.command(argv, program="preprocessing.beam", description=__doc__, make_documents=make_documents)


if __name__ == "__main__":
    # Workers import the functions by the name of their module, which is not __main__ there.
    from preprocessing.beam import main as importable_main

    importable_main()
