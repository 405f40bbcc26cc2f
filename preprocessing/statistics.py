"""What is in a document dataset: counts, licences, drops, imports, and the attributes that are used of each module.

python -m preprocessing.statistics --documents DOCUMENTS --output_dir STATISTICS
python -m preprocessing.statistics --documents DOCUMENTS --output_dir STATISTICS --vocabulary VOCABULARY

Tables are Parquet files, `summary.json` has the totals, plots are there as PNG and SVG, and `statistics.html` shows all
of it on one page. Needs `pip install 'code_t5[statistics]'` for the plots.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import sys
import time
from typing import Any

from preprocessing import (
    chain,
    contract,
    output_folder,
    prompt,
    shards,
    statistics_count,
    statistics_drops,
    statistics_tables,
)
from preprocessing.vocabulary import MODEL_FILE
from preprocessing.workers import WorkerDiedError, Workers

SCHEMA_VERSION = 1
SUMMARY_FILE = "summary.json"
PAGE_FILE = "statistics.html"
PLOTS_FOLDER = "plots"


def make_statistics(
    documents: pathlib.Path,
    output_dir: pathlib.Path,
    *,
    vocabulary: pathlib.Path | None = None,
    workers: int = 1,
    overwrite: bool = False,
) -> dict[str, Any] | None:
    """Makes the statistics of a dataset; the folder appears only when it is finished.

    Args:
      documents: a finished dataset.
      output_dir: the folder to make.
      vocabulary: a folder made by `preprocessing.vocabulary`, to count its tokens; None counts words.
      workers: number of processes; any number gives the same bytes.
      overwrite: replace statistics that are there.

    Returns:
      The content of `summary.json`, or None if the same statistics are there already.

    Raises:
      DataContractError: the documents are damaged, there is no such vocabulary, or something else stands at
        `output_dir`.
      WorkerDiedError: a worker process died.
    """
    from preprocessing import statistics_page, statistics_plots  # matplotlib, which workers do not need

    manifest = shards.read_manifest(documents)
    model = None if vocabulary is None else _model(vocabulary)
    made_of = {"documents_digest": manifest.digest, "parameters": _parameters(model)}
    if _is_there(output_dir, made_of, overwrite=overwrite):
        return None
    with output_folder.making(output_dir) as work:
        (work / "runs").mkdir()
        made = work / "made"
        (made / PLOTS_FOLDER).mkdir(parents=True)
        with Workers(workers) as pool:
            counts = statistics_count.count_all(pool, documents, runs=work / "runs", vocabulary=model)
        split_of = {row.repository: row.split for count in counts for row in count.repositories}
        statistics_tables.write_drops(made, statistics_drops.count_drops(documents, manifest, split_of), split_of)
        summary = {
            "schema_version": SCHEMA_VERSION,
            **made_of,
            "drops": manifest.drops,
            "notes": manifest.notes,
            **statistics_tables.totals(counts),
            **statistics_tables.write_repositories(made, counts),
            **statistics_tables.write_symbols(made, work / "runs"),
            **statistics_tables.write_imports(made, work / "runs"),
            "versions": {**chain.versions(), "matplotlib": statistics_plots.VERSION},
        }
        _check(summary["splits"], manifest, documents)
        drawn = statistics_plots.draw(summary, made / PLOTS_FOLDER)
        (made / PAGE_FILE).write_text(statistics_page.page(summary, drawn), encoding="utf-8")
        (made / SUMMARY_FILE).write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
        output_folder.publish(made, output_dir)
    return summary


def _is_there(output_dir: pathlib.Path, made_of: dict[str, Any], *, overwrite: bool) -> bool:
    if not output_dir.exists() or (output_dir.is_dir() and not any(output_dir.iterdir())):
        return False
    try:
        summary = read_summary(output_dir)
    except (OSError, ValueError):
        raise contract.DataContractError(
            f"{output_dir} exists and holds no statistics (no {SUMMARY_FILE} of them), so it stays as it is: choose "
            "another --output_dir"
        ) from None
    if overwrite:
        return False
    for name, asked in made_of.items():
        if summary[name] != asked:
            raise contract.DataContractError(
                f"{output_dir} holds statistics made otherwise: {name} {summary[name]} there, {asked} asked for. "
                "Choose another --output_dir, or replace what is there with --overwrite"
            )
    return True


def read_summary(folder: pathlib.Path) -> dict[str, Any]:
    """The content of `summary.json`.

    Raises:
      OSError: there is none.
      ValueError: it is not one, or of another version of this code.
    """
    summary = json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8"))
    if not isinstance(summary, dict) or summary.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"{folder / SUMMARY_FILE} is not a summary of statistics of version {SCHEMA_VERSION}")
    return summary


def _model(vocabulary: pathlib.Path) -> pathlib.Path:
    model = vocabulary / MODEL_FILE
    try:
        prompt.Codec.from_file(model)
    except FileNotFoundError:
        raise contract.DataContractError(
            f"{vocabulary} holds no vocabulary: there is no {MODEL_FILE}. Make it with "
            f"`python -m preprocessing.vocabulary --documents DOCUMENTS --output_dir {vocabulary}`"
        ) from None
    except (OSError, RuntimeError) as error:
        raise contract.DataContractError(f"{model} is damaged: {error}: make the vocabulary again") from error
    return model


def _parameters(model: pathlib.Path | None) -> dict[str, Any]:
    """What changes the counts beside the documents: the unit of tokens, and the Python whose syntax files must have."""
    return {
        "tokens": "words" if model is None else "pieces of the vocabulary",
        "vocabulary_sha256": None if model is None else contract.bytes_digest(model.read_bytes()),
        "python": ".".join(map(str, sys.version_info[:2])),
    }


def _check(splits: dict[str, dict[str, int]], manifest: contract.Manifest, documents: pathlib.Path) -> None:
    for split, totals in splits.items():
        for name in ("files", "bytes", "repositories"):
            if totals[name] != manifest.counts[split][name]:
                raise contract.DataContractError(
                    f"{documents} is damaged: {totals[name]} {name} in the split {split}, the manifest says "
                    f"{manifest.counts[split][name]}: make the dataset again with `python -m preprocessing.run`"
                )


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m preprocessing.statistics",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--documents", metavar="DIR", type=pathlib.Path, required=True, help="folder made by preprocessing.run")
    add("--output_dir", metavar="DIR", type=pathlib.Path, required=True, help="the folder to make")
    add(
        "--vocabulary",
        metavar="DIR",
        type=pathlib.Path,
        help="folder made by preprocessing.vocabulary, to count its tokens; words are counted where it is not given",
    )
    cores = len(os.sched_getaffinity(0))
    add(
        "--workers",
        metavar="N",
        type=int,
        default=cores,
        help=f"processes (all cores: {cores}); the output is the same",
    )
    add("--overwrite", action="store_true", help="replace statistics that stand at --output_dir")
    arguments = parser.parse_args(argv)
    if arguments.workers < 1:
        parser.error(f"--workers {arguments.workers}: at least one")
    inside, outside = arguments.output_dir.resolve(), arguments.documents.resolve()
    if inside == outside or inside in outside.parents:
        parser.error(f"--output_dir {arguments.output_dir} holds the documents: choose a folder beside them")
    return arguments


def main(argv: list[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    arguments = _arguments(argv)
    if not importlib.util.find_spec("matplotlib"):
        sys.exit("error: the plots need matplotlib: pip install 'code_t5[statistics]'")
    started = time.monotonic()
    try:
        summary = make_statistics(
            arguments.documents,
            arguments.output_dir,
            vocabulary=arguments.vocabulary,
            workers=arguments.workers,
            overwrite=arguments.overwrite,
        )
    except (contract.DataContractError, WorkerDiedError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("error: interrupted; nothing was left behind", file=sys.stderr)
        sys.exit(130)
    if summary is None:
        print(f"already made: {arguments.output_dir / PAGE_FILE}")
        return
    print(report(summary))
    seconds, size = time.monotonic() - started, sum(split["bytes"] for split in summary["splits"].values())
    print(f"took         {seconds:.0f} s, {size / 1e6 / max(seconds, 1e-9):.1f} MB/s")
    print(f"to look at   {arguments.output_dir / PAGE_FILE}")


def report(summary: dict[str, Any]) -> str:
    """The totals, in plain lines."""
    names = ("repositories", "files", "lines", "tokens", "unparsable")
    lines = [f"{'':<12} " + "".join(f"{name:>14}" for name in (*names, "MB", "symbols"))]
    for split, totals in summary["splits"].items():
        numbers = "".join(f"{totals[name]:>14,}" for name in names)
        symbols = summary["symbols"][split]["symbols"]
        lines.append(f"{split:<12} {numbers}{totals['bytes'] / 1e6:>14,.1f}{symbols:>14,}")
    lines.append(f"tokens are {summary['parameters']['tokens']}; {sum(summary['drops'].values()):,} files were dropped")
    for split, overlap in summary["overlap"].items():
        if overlap["uses"][0]:
            share = overlap["uses"][1] / overlap["uses"][0]
            lines.append(f"{split}: train has the symbols of {share:.1%} of the uses of other libraries")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
