"""Which vocabulary? Trainers, sizes, what pieces may span, and samples, by bytes a token on held-out repositories.

Every variant is trained in a process of its own. What is finished stays in the work folder and is not made again as
long as documents and code are the same, so the study can be stopped and started again.

python -m benchmarks.vocabulary --documents data/whole/documents
python -m benchmarks.vocabulary --documents data/whole/documents --only sizes --write_results
"""

import argparse
import ast
import dataclasses
import inspect
import json
import os
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks import inputs, measure, predecessor_vocabulary, results, vocabulary_figures, vocabulary_variants
from benchmarks.results import Section, Target
from benchmarks.vocabulary_variants import Variant
from preprocessing import contract, merges, piece_model, prompt, shards, vocabulary

MORE_BYTES = 0.12
TRAINING_S = 60
# Of each held-out repository: enough for three digits, and no repository decides alone.
REPOSITORY_BYTES = 600_000
SAMPLE_MB = vocabulary.VocabularyParameters().sample_mb
SIZES = (8_000, 16_000, 32_000)

PARTS: dict[str, tuple[str, Sequence[Variant]]] = {
    "sizes": (
        "A vocabulary: the predecessor's settings and ours",
        [
            *(Variant(f"predecessor's, {n:,}", "predecessor", n, None) for n in SIZES),
            *(Variant(f"ours, {n:,}", vocab_size=n, sample_mb=SAMPLE_MB) for n in SIZES),
        ],
    ),
    "pieces": (
        "A vocabulary of 16,000: what pieces may span",
        [
            Variant("names and marks (ours)"),
            Variant("names with a mark before them", word="names with a mark"),
            Variant("parts of names", word="parts of names"),
            Variant("parts with a mark before them", word="parts with a mark"),
            Variant("runs of 2 names", words=2),
            Variant("runs of 8 names", words=8),
            Variant("runs of 8 names, rare ones kept", words=8, min_count=1),
            Variant("whole lines", words=0),
            Variant("ours, newline alone", indentation=False),
            Variant("ours, digits split", split_digits=True),
            Variant("ours, coverage 0.9995", coverage=0.9995),
            Variant("SentencePiece unigram", "sentencepiece_unigram"),
            Variant("SentencePiece unigram, digits split", "sentencepiece_unigram", split_digits=True),
            Variant("SentencePiece unigram, across blanks", "sentencepiece_unigram", words=0),
            Variant("SentencePiece BPE", "sentencepiece_bpe", sample_mb=4.0),
            Variant("SentencePiece BPE, across blanks", "sentencepiece_bpe", sample_mb=2.0, words=0),
        ],
    ),
    "sample": (
        "A vocabulary of 16,000: how much text to train on",
        [Variant(f"ours, {mb:g} MB", sample_mb=mb) for mb in (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)],
    ),
}
# What decides the figures.
_CODE = (
    *(merges, piece_model, prompt, predecessor_vocabulary, vocabulary_variants, vocabulary_figures),
    *(vocabulary.sample_documents, vocabulary.covered_characters),
)


class Study:
    """The documents, the held-out texts and the folder of what is finished."""

    def __init__(self, documents: pathlib.Path, folder: pathlib.Path):
        self.documents = documents
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.texts = vocabulary_figures.balanced(vocabulary.held_out(documents), repository_bytes=REPOSITORY_BYTES)
        self.texts_file = folder / "held_out.json"
        self.texts_file.write_text(json.dumps(self.texts), encoding="utf-8")
        # As syntax trees, so that a new comment is no reason to train again.
        code = [ast.dump(ast.parse(inspect.getsource(part))) for part in _CODE]
        self._digest = contract.canonical_digest([shards.read_manifest(documents).digest, code, REPOSITORY_BYTES])

    def model(self, variant: Variant) -> pathlib.Path:
        salt = contract.canonical_digest([self._digest, dataclasses.asdict(variant)])[:16]
        return self.folder / f"{salt}.model"

    def figures(self, variant: Variant) -> dict[str, Any]:
        """Trains a variant, if that is not done yet, and measures it.

        Raises:
          BenchmarkError: the training failed.
        """
        model = self.model(variant)
        kept = model.with_suffix(".json")
        if kept.exists():
            return json.loads(kept.read_text(encoding="utf-8"))
        load = os.getloadavg()[0]
        fields = json.dumps(dataclasses.asdict(variant))
        command = [*inputs.module("benchmarks.vocabulary_variants"), "--documents", self.documents]
        trained = measure.run([*command, "--variant", fields, "--output", model])
        found = {
            "variant": dataclasses.asdict(variant),
            "load_before": round(load, 2),
            "train_s": trained.seconds,
            "train_core_s": trained.core_seconds,
            "peak_mb": trained.peak_mb,
            **vocabulary_figures.figures(model.read_bytes(), self.texts),
        }
        kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return found

    def tf_op(self, variants: Sequence[Variant]) -> list[dict[str, Any]]:
        """The speed of TensorFlow's op on each variant's model, all in one process."""
        models = [self.model(variant) for variant in variants]
        kept = self.folder / f"tf_{contract.canonical_digest([model.name for model in models])[:16]}.json"
        if not kept.exists():
            command = [*inputs.module("benchmarks.vocabulary_figures"), "--texts", self.texts_file, "--models", *models]
            kept.write_text(measure.run(command, environment={"TF_CPP_MIN_LOG_LEVEL": "2"}).output, encoding="utf-8")
        found = json.loads(kept.read_text(encoding="utf-8"))
        return [found[str(model)] for model in models]


def section(study: Study, name: str) -> Section:
    """Measures one part and makes its table."""
    title, variants = PARTS[name]
    found = []
    for variant in variants:
        found.append(study.figures(variant))
        print(f"  {variant.name}: {found[-1]['bytes_per_token']:.3f} bytes a token", flush=True)
    speeds = study.tf_op(variants)
    rows = [_row(variant, one, speed) for variant, one, speed in zip(variants, found, speeds, strict=True)]
    num_bytes = sum(len(text.encode()) for text in study.texts)
    load = max(one["load_before"] for one in found)
    return Section(
        title,
        f"Trained on the train split of {_megabytes(study.documents):,.0f} MB of documents, or a sample of it, in a "
        f"process of its own; the time is that of the whole process. Encoded: {len(study.texts):,} files of held-out "
        f"repositories, {num_bytes / 1e6:.1f} MB, at most {REPOSITORY_BYTES / 1e6:g} MB of each; megabytes a second "
        "of one core, by SentencePiece file by file, and by TensorFlow's op. Newlines: the share of all tokens that "
        "begin with one. Cursors: the share of places after a word or a mark, inside a line, where a piece ends."
        + (f" Other work ran at the time (load {load:.1f}): times are provisional." * (load > 1)),
        columns=[
            "what", "sample MB", "train s", "core s", "peak MB", "bytes a token", "exact files", "unknown",
            "newlines", "cursors", "MB/s", "TF op MB/s",
        ],
        rows=rows,
        targets=targets(study) if name == "sizes" else (),
        raw={"figures": found, "tf_op": speeds},
    )  # fmt: skip


def _row(variant: Variant, found: dict[str, Any], speed: dict[str, Any]) -> list[str]:
    return [
        variant.name,
        "all" if variant.sample_mb is None else f"{variant.sample_mb:g}",
        f"{found['train_s']:.0f}",
        f"{found['train_core_s']:.0f}",
        f"{found['peak_mb']:,.0f}",
        f"{found['bytes_per_token']:.3f}",
        f"{found['exact_round_trips']:.1%}",
        f"{found['unknowns']:,}",
        f"{found['newline_share']:.1%}",
        f"{found['cursors_at_border']:.0%}",
        f"{found['mb_per_core_second']:.1f}",
        f"{speed['mb_per_core_second']:.1f}" + ("" if speed["agrees"] else " (differs)"),
    ]


def targets(study: Study) -> list[Target]:
    """What the issue asks for, at the default size."""
    variants = {variant.name: variant for variant in PARTS["sizes"][1]}
    default = vocabulary.VocabularyParameters().vocab_size
    ours, theirs = (study.figures(variants[f"{whose}, {default:,}"]) for whose in ("ours", "predecessor's"))
    more = ours["bytes_per_token"] / theirs["bytes_per_token"] - 1
    law = study.folder / f"law_{study.model(variants[f'ours, {default:,}']).stem}.json"
    if not law.exists():
        codec = prompt.Codec.from_file(study.model(variants[f"ours, {default:,}"]))
        result = vocabulary.check(codec, vocabulary.held_out(study.documents), max_bytes=float("inf"))
        law.write_text(json.dumps(dataclasses.asdict(result)), encoding="utf-8")
    checked = json.loads(law.read_text(encoding="utf-8"))
    return [
        Target(
            f"at least {MORE_BYTES:.0%} more bytes a token than the predecessor's settings at {default:,}",
            f"{more:.1%} ({ours['bytes_per_token']:.3f} against {theirs['bytes_per_token']:.3f})",
            more >= MORE_BYTES,
        ),
        Target(
            "every held-out file comes back as it was",
            f"{checked['exact_round_trips']:.2%} of {checked['files']:,} files, {checked['bytes'] / 1e6:.0f} MB",
            checked["exact_round_trips"] == 1 and not checked["unknowns"],
        ),
        Target(
            f"trained in less than {TRAINING_S} s on 2 cores",
            f"{ours['train_s']:.0f} s, {ours['train_core_s']:.0f} core s",
            ours["train_s"] < TRAINING_S,
        ),
    ]


def _megabytes(documents: pathlib.Path) -> float:
    return shards.read_manifest(documents).counts["train"]["bytes"] / 1e6


def main(argv: list[str] | None = None) -> int:
    """The command; returns 1 if something could not be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.vocabulary",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--documents", type=pathlib.Path, required=True, help="folder made by preprocessing.run")
    add("--work_dir", type=pathlib.Path, default=measure.ROOT / "data" / "benchmarks" / "vocabulary")
    add("--only", metavar="NAME", nargs="+", choices=sorted(PARTS), default=list(PARTS), help=", ".join(PARTS))
    add("--write_results", action="store_true", help="keep the tables in benchmarks/RESULTS.md and RESULTS.json")
    arguments = parser.parse_args(argv)
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    commit, started = results.commit(), time.monotonic()
    try:
        study = Study(arguments.documents.absolute(), arguments.work_dir.absolute())
        for name in arguments.only:
            print(f"{name} ...", flush=True)
            made = section(study, name)
            print(f"\n{made}\n", flush=True)
            if arguments.write_results:
                results.write({f"vocabulary_{name}": made}, commit=commit, cores=len(cores))
    except (measure.BenchmarkError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
