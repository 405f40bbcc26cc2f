"""Exports a trained model: onnx (for the completion engine), ctranslate2, huggingface, saved_model (TensorFlow).

python -m code_t5.main.export --model_dir MODEL_DIR --data_dir DATA_DIR --format onnx --precision int8 --output_dir OUT

What was written is compared with the original on held-out text, and is not left there if it gives something else. Of
int8 and int4 it is also counted how many held-out lines are completed right, before and after. The figures stand in
OUT/export.json; docs/exporting.md says what each format is for.
"""

import dataclasses
import importlib
import os
import pathlib
import shutil
import tempfile
import time
import types

import tensorflow.compat.v1 as tf
import tensorflow_datasets as tfds
from absl import flags

from code_t5.data import names
from code_t5.export import checkpoint, parity
from code_t5.inference.model import TrainedModel
from code_t5.main import program
from code_t5.training import run_record
from completion import exported
from preprocessing import contract

FORMATS = ("onnx", "ctranslate2", "huggingface", "saved_model")
PRECISIONS = ("float32", "int8", "int4")
# Held-out lines that are completed before and after quantising.
NUM_LINES = 64
MODEL_DIR = flags.DEFINE_string("model_dir", None, "A folder in which t5's entry point trained.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder to make.", required=True)
FORMAT = flags.DEFINE_enum("format", "onnx", FORMATS, "What it is for.")
PRECISION = flags.DEFINE_enum("precision", "float32", PRECISIONS, "Of the weights; int4 for onnx alone.")
STEP = flags.DEFINE_integer("checkpoint_step", -1, "The checkpoint nearest to this step; -1 for the last.")
TASK = flags.DEFINE_string("task", None, "Whose held-out text is compared on; by default what was trained on.")
SPLIT = flags.DEFINE_string("split", "validation", "Of the Task.")
NUM_EXAMPLES = flags.DEFINE_integer("num_examples", 256, "Windows of held-out text to compare on.", lower_bound=1)


def held_out(kind: str, lengths: dict[str, int] | None, number: int) -> list[dict]:
    """Examples of a Task's held-out text: the first ones of many files.

    Args:
      kind: "heldout" for windows, "line" for lines with a cursor in them.
      lengths: of windows, in tokens.
    """
    task = TASK.value or trained_on()
    with tf.Graph().as_default():
        dataset = names.find(f"{task}_{kind}").get_dataset(
            lengths, split=SPLIT.value, shuffle=True, shuffle_buffer_size=20_000, seed=0, try_in_mem_cache=False,
        )  # fmt: skip
        return list(tfds.as_numpy(dataset.take(number)))


def trained_on() -> str:
    """The first Task that the model was trained on, by its record.

    Raises:
      ValueError: it has none.
    """
    record = run_record.read(MODEL_DIR.value)
    if record is None:
        raise ValueError(f"{MODEL_DIR.value} has no run.json that says what it was trained on: give --task")
    return next(iter(record["run"]["data"]))


def check_precision() -> None:
    """Raises ValueError where the format has no such precision, before anything is read."""
    known = {"onnx": PRECISIONS, "ctranslate2": ("float32", "int8")}.get(FORMAT.value, ("float32",))
    if PRECISION.value not in known:
        raise ValueError(
            f"--format {FORMAT.value} is written in {' or '.join(known)}, not in {PRECISION.value}: --format onnx has "
            f"{', '.join(PRECISIONS)}"
        )


def writer() -> types.ModuleType:
    """The module that writes the format; the packages that it needs are imported here.

    Raises:
      ValueError: one of them is not installed.
    """
    try:
        return importlib.import_module(f"code_t5.export.{FORMAT.value}")
    except ImportError as error:
        raise ValueError(f"--format {FORMAT.value} needs {error.name}: pip install 'code_t5[export]'") from error


def write(weights: checkpoint.Weights, trained: TrainedModel, folder: str, precision: str) -> None:
    """Writes the files of the format."""
    if FORMAT.value in ("onnx", "saved_model"):
        pathlib.Path(folder, exported.VOCABULARY).write_bytes(trained.codec.processor.serialized_model_proto())
    if FORMAT.value == "onnx":
        for name, model in writer().graphs(weights, precision).items():
            pathlib.Path(folder, name).write_bytes(model.SerializeToString())
    elif FORMAT.value == "ctranslate2":
        writer().write(weights, trained.codec, folder, precision=precision)
    elif FORMAT.value == "saved_model":
        writer().write(weights, folder)
    else:
        writer().write(weights, trained.codec, folder, model_max_length=trained.sequence_length["inputs"])


def describe(weights: checkpoint.Weights, trained: TrainedModel, folder: str, precision: str) -> exported.Description:
    record = run_record.read(MODEL_DIR.value) or {}
    root = pathlib.Path(folder)
    files = {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}
    step = int(trained.checkpoint.rpartition("-")[2])
    return exported.Description(
        format=FORMAT.value,
        precision=precision,
        blocks=len(weights.decoder.blocks),
        heads=weights.heads,
        d_kv=weights.d_kv,
        max_inputs=trained.layout.max_inputs,
        max_forced=trained.layout.max_forced,
        context_budget=trained.layout.context_budget,
        infills=trained.layout.infills,
        vocabulary=contract.bytes_digest(trained.codec.processor.serialized_model_proto()),
        files=dict(sorted(files.items())),
        one_row=trained.layout.one_row,
        delimited=trained.layout.delimited,
        source={"model": os.path.basename(MODEL_DIR.value.rstrip("/")), "step": step, "run": record.get("digest")},
    )


def main() -> None:
    if "://" in OUTPUT_DIR.value:
        raise ValueError(
            f"--output_dir {OUTPUT_DIR.value} is not on this machine: export to a folder here, and copy it"
        )
    output = pathlib.Path(OUTPUT_DIR.value)
    if output.exists():
        raise ValueError(f"{output} is there already: give another --output_dir, or delete it")
    check_precision()
    writer()
    started = time.monotonic()
    trained = TrainedModel(MODEL_DIR.value, checkpoint_step=STEP.value, batch_size=32)
    weights = checkpoint.read(MODEL_DIR.value, trained.checkpoint)
    beside = output.with_name(output.name + ".incomplete")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        write(weights, trained, str(beside), PRECISION.value)
        description = describe(weights, trained, str(beside), PRECISION.value)
        description.write(beside)
        found = compare(trained, str(beside))
        figures, lines = dataclasses.asdict(found), None
        if PRECISION.value != "float32":
            lines = compare_lines(weights, trained, str(beside))
            figures["lines"] = dataclasses.asdict(lines)
        dataclasses.replace(description, parity=figures).write(beside)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    beside.rename(output)
    size = sum(description.files.values()) / 1e6
    print(
        f"{FORMAT.value} {PRECISION.value} of {trained.checkpoint} in {output}: {size:,.1f} MB, "
        f"{time.monotonic() - started:.0f} s\n"
        f"{found.rows} rows of held-out text, {found.tokens:,} tokens: {found.nats:.4f} nats a token, the original; "
        f"{found.exported:.4f}, the export; rows differ by {found.mean:.1e} on average, {found.largest:.1e} at most"
    )
    if lines is not None:
        print(
            f"{lines.lines} held-out lines completed: {lines.float32:.1%} are right in float32, {lines.quantized:.1%} "
            f"in {PRECISION.value}; {lines.same:.1%} are the same text in both"
        )


def compare(trained: TrainedModel, folder: str) -> parity.Parity:
    """Scores held-out text with both models."""
    rows = held_out("heldout", trained.sequence_length, NUM_EXAMPLES.value)
    inputs, targets = ([row[name].tolist() for row in rows] for name in ("inputs", "targets"))
    original = list(trained.score(inputs, targets))
    if FORMAT.value == "onnx":
        found = parity.onnx_scores(folder, inputs, targets)
    elif FORMAT.value == "ctranslate2":
        found = writer().scores(folder, trained.codec, inputs, targets)
    elif FORMAT.value == "saved_model":
        found = parity.saved_model_scores(folder, inputs, targets)
    else:
        found = parity.hugging_face_scores(folder, inputs, targets)
    return parity.compare(original, found, [len(row) for row in targets], precision=PRECISION.value)


def compare_lines(weights: checkpoint.Weights, trained: TrainedModel, folder: str) -> parity.Lines:
    """Completes held-out lines with the export, and with one in float32 that is made for it."""
    rows = held_out("line", None, NUM_LINES)
    prompts, targets = ([row[f"{name}_pretokenized"].decode() for row in rows] for name in ("inputs", "targets"))
    with tempfile.TemporaryDirectory() as float32:
        write(weights, trained, float32, "float32")
        describe(weights, trained, float32, "float32").write(float32)
        before, after = (complete_lines(trained, one, prompts) for one in (float32, folder))
    return parity.compare_lines(targets, before, after)


def complete_lines(trained: TrainedModel, folder: str, prompts: list[str]) -> list[str]:
    if FORMAT.value == "onnx":
        return parity.onnx_lines(folder, prompts)
    return writer().lines(folder, trained.layout, prompts, max_tokens=parity.MAX_LINE_TOKENS)


if __name__ == "__main__":
    program.run(main)
