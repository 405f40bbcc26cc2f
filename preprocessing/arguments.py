"""The command line of the chain, the same for both engines (`run` and `beam`)."""

import argparse
import dataclasses
import os
import pathlib
from collections.abc import Sequence

from preprocessing import decontaminate, flcc, github_export, legacy, shards
from preprocessing.chain import ChainParameters
from preprocessing.earlier import EarlierDataset
from preprocessing.filters import FilterParameters
from preprocessing.near_duplicates import NearDuplicateParameters
from preprocessing.split import SplitParameters

SOURCES = {
    "flcc": flcc.FlccSource,
    "jsonl": github_export.JsonlSource,
    "parquet": github_export.ParquetSource,
    "text": legacy.TextSource,
}


def parse(argv: Sequence[str] | None, *, program: str, description: str) -> argparse.Namespace:
    """Reads the arguments, and checks what can be checked before anything is read.

    Args:
      program: `preprocessing.run`, or `preprocessing.beam`, which hands on to Beam what it does not know.
      description: of its help.

    Returns:
      The flags, with `split`, `near` and `engine`, arguments of the engine, made of them.

    Raises:
      SystemExit: a flag is wrong; the message is printed.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    filter_defaults, split_defaults, near_defaults = FilterParameters(), SplitParameters(), NearDuplicateParameters()
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
    add(
        "--near_jaccard",
        metavar="J",
        type=float,
        default=near_defaults.near_jaccard,
        help="of files whose sets of word n-grams have at least this Jaccard similarity one is kept (%(default)s); 0 "
        "keeps them all",
    )
    add(
        "--near_ngram",
        metavar="N",
        type=_positive,
        default=near_defaults.near_ngram,
        help="words an n-gram, for --near_jaccard (%(default)s)",
    )
    add(
        "--against",
        metavar="DOCUMENTS",
        type=pathlib.Path,
        nargs="+",
        default=[],
        help="document datasets made earlier: files that are in them, exactly or almost, are dropped",
    )
    add(
        "--benchmarks",
        metavar="FILE",
        type=pathlib.Path,
        nargs="+",
        default=[],
        help="JSONL files, gzipped or not, of benchmarks: files that hold text of their items are dropped",
    )
    add(
        "--benchmark_ngram",
        metavar="N",
        type=_positive,
        default=decontaminate.NGRAM,
        help="words an n-gram, for --benchmarks (%(default)s)",
    )
    add(
        "--benchmark_overlap",
        metavar="SHARE",
        type=float,
        default=decontaminate.OVERLAP,
        help="a file goes if it has this share of the n-grams of an item (%(default)s)",
    )
    on_beam = program == "preprocessing.beam"
    if not on_beam:
        cores = len(os.sched_getaffinity(0))
        add(
            "--workers",
            metavar="N",
            type=_positive,
            default=cores,
            help=f"processes (all cores: {cores}); the output is the same",
        )
    add("--overwrite", action="store_true", help="replace a dataset that stands at --output_dir")
    arguments, others = parser.parse_known_args(argv)
    if others and not on_beam:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    arguments.engine = {"options": others} if on_beam else {"workers": arguments.workers}
    if not arguments.input_dir.exists():
        parser.error(f"--input_dir {arguments.input_dir} does not exist")
    try:
        arguments.split = SplitParameters(arguments.validation_permille, arguments.test_permille, arguments.split_salt)
        arguments.near = NearDuplicateParameters(arguments.near_jaccard, arguments.near_ngram)
        if not 0 < arguments.benchmark_overlap <= 1:
            raise ValueError(f"--benchmark_overlap {arguments.benchmark_overlap}: it must be above 0 and at most 1")
    except ValueError as error:
        parser.error(str(error))
    inside, outside = arguments.output_dir.resolve(), arguments.input_dir.resolve()
    if inside == outside or inside in outside.parents:
        parser.error(f"--output_dir {arguments.output_dir} holds the input: choose a folder beside it")
    if arguments.input_format != "flcc" and outside in inside.parents:
        parser.error(f"--output_dir {arguments.output_dir} is inside the input, and would be read as input next time")
    return arguments


def chain_parameters(arguments: argparse.Namespace) -> ChainParameters:
    """What the chain shall do; reads benchmark files and the manifests of earlier datasets.

    Raises:
      DataContractError: one of them cannot be read.
    """
    return ChainParameters(
        filter=dataclasses.replace(
            FilterParameters(),
            max_bytes=arguments.max_bytes,
            max_mean_line_length=arguments.max_mean_line_length,
            max_line_length=arguments.max_line_length,
        ),
        split=arguments.split,
        near=arguments.near,
        against=tuple(EarlierDataset.at(folder) for folder in arguments.against),
        benchmarks=decontaminate.read_benchmarks(
            arguments.benchmarks, ngram=arguments.benchmark_ngram, overlap=arguments.benchmark_overlap
        )
        if arguments.benchmarks
        else None,
        format=arguments.format,
    )


def _positive(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**31:
        raise argparse.ArgumentTypeError(f"{text}: must be positive and below 2^31")
    return number
