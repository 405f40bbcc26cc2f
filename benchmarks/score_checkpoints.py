"""Scores the checkpoints of one training run, in one process: bits per byte of each, lines and gaps of the last.

python -m benchmarks.score_checkpoints --model_dir MODEL_DIR --data_dir DATA_DIR --documents DOCUMENTS --output OUT.json
"""

import argparse
import json
import math
import pathlib
import random
import time
from typing import Any

import seqio
import tensorflow.compat.v1 as tf
import tensorflow_datasets as tfds

import code_t5  # noqa: F401 (registers the Tasks)
from benchmarks import held_out_pieces, infilling_lines
from benchmarks.timed_training import PROGRESS
from benchmarks.training_variants import TASK
from code_t5.data import names
from code_t5.inference import decoding, model
from completion import metrics, requests
from preprocessing import contract, shards

SPLIT = "validation"
BATCH_SIZE = 32
MAX_NEW_TOKENS = 32
HOW = decoding.Decoding(max_new_tokens=MAX_NEW_TOKENS)


def rows_of(trained: model.TrainedModel, pieces: list[held_out_pieces.Piece]) -> list[held_out_pieces.Row]:
    """The rows of all pieces, as long as the model's."""
    lengths = {"max_inputs": trained.sequence_length["inputs"], "max_targets": trained.sequence_length["targets"]}
    return [row for piece in pieces for row in held_out_pieces.rows(trained.codec, piece, **lengths)]


def bits_per_byte(trained: model.TrainedModel, rows: list[held_out_pieces.Row]) -> dict[str, float]:
    """Bits of all targets over the bytes of source text that they stand for, and what else can be told of the bytes."""
    nats = -math.fsum(trained.score([row.inputs for row in rows], [row.targets for row in rows]))
    text_bytes, piece_bytes = (sum(getattr(row, name) for row in rows) for name in ("text_bytes", "piece_bytes"))
    bits = nats / math.log(2)
    return {
        "bits_per_byte": bits / text_bytes,
        # Equal for a vocabulary that loses nothing; else what the bytes of its pieces would have given.
        "bits_per_byte_of_pieces": bits / piece_bytes,
        "scored_bytes": text_bytes,
        "scored_bytes_of_pieces": piece_bytes,
        "scored_tokens": sum(len(row.targets) for row in rows),
    }


def complete_lines(trained: model.TrainedModel, count: int) -> dict[str, float]:
    """Exact match and edit similarity over examples of the `_line` Task, the same ones each time."""
    with tf.Graph().as_default():
        dataset = names.find(f"{TASK}_line").get_dataset(None, split=SPLIT, shuffle=False, try_in_mem_cache=False)
        examples = list(tfds.as_numpy(dataset))
    examples = random.Random(0).sample(examples, min(count, len(examples)))
    prompts, targets = (
        [example[f"{name}_pretokenized"].decode() for example in examples] for name in ("inputs", "targets")
    )
    written = list(trained.complete(prompts, decoding=HOW))
    return {**metrics.line_completion(targets, written), "cases": len(examples)}


def fill_in(trained: model.TrainedModel, cases: list[infilling_lines.Case]) -> dict[str, Any]:
    """Single-line infilling, with what stands after the gap and without it."""
    asked = [requests.Request(case.prefix, case.suffix) for case in cases]
    with_suffix = list(trained.complete(asked, decoding=HOW))
    without = list(trained.complete([case.prefix for case in cases], decoding=HOW))
    return {
        "with_suffix": infilling_lines.score(cases, with_suffix),
        "without_suffix": infilling_lines.score(cases, without),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model_dir", "data_dir", "documents", "output"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--kilobytes", type=int, default=200, help="held-out text to score, 1,000 bytes (%(default)s)")
    parser.add_argument("--lines", type=int, default=500, help="lines to complete, and gaps to fill (%(default)s)")
    arguments = parser.parse_args(argv)
    seqio.set_tfds_data_dir_override(str(arguments.data_dir))
    files = list(shards.read_documents(arguments.documents, SPLIT))
    pieces = held_out_pieces.draw(files, kilobytes=arguments.kilobytes)
    progress = json.loads((arguments.model_dir / PROGRESS).read_text(encoding="utf-8"))
    text = "".join(piece.context + piece.text for piece in pieces)
    curve, rows = [], None
    for step, seconds in progress["saved"]:
        if step:
            trained = model.TrainedModel(str(arguments.model_dir), checkpoint_step=step, batch_size=BATCH_SIZE)
            started = time.perf_counter()
            rows = rows or rows_of(trained, pieces)
            found = bits_per_byte(trained, rows)
            curve.append({"step": step, "minutes": round(seconds / 60, 3), "bits_per_byte": found["bits_per_byte"]})
            print(
                f"step {step}, {seconds:.0f} s: {found['bits_per_byte']:.4f} bits per byte, "
                f"scored in {time.perf_counter() - started:.0f} s",
                flush=True,
            )
    result = {"curve": curve, "figures": {**found, "scored_text": contract.bytes_digest(text.encode())}}
    if arguments.lines:
        result["figures"]["line_completion"] = complete_lines(trained, arguments.lines)
        if trained.layout.infills:
            cases = infilling_lines.draw(files, count=arguments.lines)
            result["figures"]["infilling"] = fill_in(trained, cases)
    arguments.output.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
