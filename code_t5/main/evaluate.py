"""Scores a model on held-out repositories, beside baselines that see the same context.

python -m code_t5.main.evaluate --model_dir MODEL_DIR --task fl_py_dev --data_dir DATA_DIR

Prints bits per byte over windows of held-out files, exact match and edit similarity of line completion, and some
completions to look at. Nothing in it is random beyond --seed.
"""

import json
import math
import random

import seqio
import tensorflow.compat.v1 as tf
import tensorflow_datasets as tfds
from absl import flags

import code_t5  # noqa: F401 (registers the Tasks)
from code_t5.data import names
from code_t5.inference import baselines, decoding, model
from code_t5.main import program
from completion import metrics

MODEL_DIR = flags.DEFINE_string("model_dir", None, "A folder in which t5's entry point trained.", required=True)
TASK = flags.DEFINE_string("task", None, "The training Task; its _heldout and _line Tasks are scored.", required=True)
SPLIT = flags.DEFINE_string("split", "validation", "validation or test.")
STEP = flags.DEFINE_integer("checkpoint_step", -1, "The checkpoint nearest to this step; -1 for the last.")
NUM_WINDOWS = flags.DEFINE_integer("num_windows", 512, "Windows for bits per byte, drawn from all files.")
NUM_LINES = flags.DEFINE_integer("num_lines", 200, "Files in each of which one line is completed.")
NUM_SHOWN = flags.DEFINE_integer("num_shown", 5, "Completions to print.")
MAX_NEW_TOKENS = flags.DEFINE_integer("max_new_tokens", 32, "The most tokens of a line.")
TRAIN_FILES = flags.DEFINE_integer("train_files", 2000, "Files of the train split that the unigram model counts.")
SEED = flags.DEFINE_integer("seed", 0, "Of the draw of windows, lines and shown examples.")
OUTPUT = flags.DEFINE_string("output", None, "Also write the figures to this JSON file.")


def examples(task: str, lengths: dict[str, int] | None, split: str) -> list[dict]:
    """All examples of a Task's split as numpy values, in a graph of their own."""
    with tf.Graph().as_default():
        dataset = names.find(task).get_dataset(lengths, split=split, shuffle=False, try_in_mem_cache=False)
        return list(tfds.as_numpy(dataset))


def train_tokens(task: str, num_files: int) -> list:
    """The tokens of some files of the train split, whole, as the Task's tokeniser makes them."""
    provider = seqio.get_mixture_or_task(task)
    with tf.Graph().as_default():
        subtask = seqio.get_subtasks(provider)[0]
        dataset = subtask.preprocess_precache(subtask.source.get_dataset("train", shuffle=False).take(num_files))
        return [example["targets"] for example in tfds.as_numpy(dataset)]


def bits_per_byte(trained: model.TrainedModel, windows: list[dict], unigram: baselines.Unigram) -> dict[str, float]:
    """Bits per byte of the same targets, after the same prefixes, by the model and by the baselines."""
    pieces = trained.codec.piece_bytes()
    total_bytes = sum(int(window["targets_bytes"]) for window in windows)
    nats = -math.fsum(trained.score([w["inputs"] for w in windows], [w["targets"] for w in windows]))
    xz = 0
    for window in windows:
        prefix, target = (b"".join(pieces[i] for i in window[name]) for name in ("inputs", "targets"))
        xz += baselines.xz_bits_after(prefix, target)
    return {
        "model": nats / math.log(2) / total_bytes,
        "unigram": math.fsum(unigram.bits(window["targets"]) for window in windows) / total_bytes,
        "xz_same_context": xz / total_bytes,
    }


def xz_whole_files(task: str, split: str, num_files: int) -> float:
    """Bits per byte of xz over whole files: it sees all that comes before in the file, so it is no fair baseline."""
    with tf.Graph().as_default():
        dataset = names.find(task).source.get_dataset(split, shuffle=False).take(num_files)
        contents = [features["content"] for features in tfds.as_numpy(dataset)]
    return sum(map(baselines.xz_bits, contents)) / sum(map(len, contents))


def show(before: str, expected: str, written: str) -> None:
    """Prints the last lines before the cursor (a bar), what the model wrote there and what stands there."""
    for line in before.split("\n")[-3:-1]:
        print(f"      {line}")
    print(f"      {before.rsplit(chr(10), 1)[-1]}|")
    print(f"  model    {written!r}")
    print(f"  expected {expected!r}{', right' if metrics.exact_match(expected, written) else ''}\n")


def main() -> None:
    draw = random.Random(SEED.value)
    trained = model.TrainedModel(MODEL_DIR.value, checkpoint_step=STEP.value, batch_size=16)
    lengths = trained.sequence_length
    windows = examples(f"{TASK.value}_heldout", lengths, SPLIT.value)
    lines = examples(f"{TASK.value}_line", None, SPLIT.value)
    if not windows or not lines:
        raise ValueError(f"the {SPLIT.value} split of {TASK.value} has no files to score")
    num_files = len(lines)
    whole_xz = xz_whole_files(f"{TASK.value}_line", SPLIT.value, NUM_LINES.value)
    windows = draw.sample(windows, min(NUM_WINDOWS.value, len(windows)))
    lines = draw.sample(lines, min(NUM_LINES.value, len(lines)))
    unigram = baselines.Unigram(train_tokens(TASK.value, TRAIN_FILES.value), trained.codec.vocab_size)
    figures = {"bits_per_byte": bits_per_byte(trained, windows, unigram)}
    how = decoding.Decoding(max_new_tokens=MAX_NEW_TOKENS.value)
    prompts = [line["inputs_pretokenized"].decode() for line in lines]
    targets = [line["targets_pretokenized"].decode() for line in lines]
    written = list(trained.complete(prompts, decoding=how))
    figures["line_completion"] = metrics.line_completion(targets, written)

    print(f"\n{NUM_SHOWN.value} completions, drawn at random (the bar is the cursor):\n")
    for i in draw.sample(range(len(lines)), min(NUM_SHOWN.value, len(lines))):
        show(prompts[i], targets[i], written[i])
    scored = sum(int(window["targets_bytes"]) for window in windows)
    bits, line = figures["bits_per_byte"], figures["line_completion"]
    print(
        f"{trained.checkpoint} on the {SPLIT.value} split of {TASK.value}: {num_files} files of held-out repositories"
    )
    print(f"bits per byte over {len(windows)} windows, {scored / 1000:.0f} kB (less is better):")
    print(f"  the model                     {bits['model']:.3f}")
    print(f"  unigram model, same tokens    {bits['unigram']:.3f}")
    print(f"  xz, same context              {bits['xz_same_context']:.3f}")
    print(f"  (xz over whole files, which sees all that comes before: {whole_xz:.3f})")
    print(f"line completion, {len(lines)} lines: exact match {line['exact_match']:.1f} %, ", end="")
    print(f"edit similarity {line['edit_similarity']:.1f}")
    if OUTPUT.value:
        with tf.io.gfile.GFile(OUTPUT.value, "w") as file:
            file.write(json.dumps({**figures, "xz_whole_files": whole_xz, "checkpoint": trained.checkpoint}, indent=2))


if __name__ == "__main__":
    program.run(main)
