"""Trains a model on in a new model directory, `MODEL_DIR_continue`: weights, optimizer and input position are copied.

python -m code_t5.main.continue_training --model_dir MODEL_DIR --steps 1000
python -m code_t5.main.continue_training --model_dir MODEL_DIR --steps 1000 --gin_param="dropout_rate = 0.1"

The command is that of the run that is continued, as its run.json has it, with `run.train_steps` made larger; further
--gin_param win over it. Steps are counted on, so that TensorBoard shows one curve going on from the other.
"""

import json
import os
import subprocess
import sys

import tensorflow as tf
from absl import app, flags

from code_t5.training import run_record, snapshots

MODEL_DIR = flags.DEFINE_string("model_dir", None, "The run to continue.", required=True)
STEPS = flags.DEFINE_integer("steps", None, "Steps more.", required=True)


def copy(model_dir: str, target: str) -> int:
    """Makes a model directory that goes on from the last snapshot of another.

    Returns:
      The step of that snapshot.

    Raises:
      ValueError: there is no record or no snapshot.
      snapshots.SnapshotError: the last snapshot is damaged.
    """
    record = run_record.read(model_dir)
    found = snapshots.steps(model_dir)
    if record is None or not found:
        missing = "no run.json" if record is None else "no snapshot"
        raise ValueError(f"{model_dir} cannot be continued: it has {missing}. Is it the --model_dir of a training run?")
    step = found[-1]
    snapshots.read_state(model_dir, step)
    snapshots.copy(model_dir, target, step)
    for name in tf.io.gfile.listdir(os.path.join(model_dir, "vocabulary")):
        tf.io.gfile.makedirs(os.path.join(target, "vocabulary"))
        tf.io.gfile.copy(os.path.join(model_dir, "vocabulary", name), os.path.join(target, "vocabulary", name))
    parent = {"model_dir": model_dir, "step": step, "digest": record["digest"]}
    run_record.write(target, run_record.PARENT, json.dumps(parent))
    return step


def command(model_dir: str, target: str, *, steps: int, more: list[str]) -> list[str]:
    """The words that start the training: those of the last start of `model_dir`, changed.

    Example: of "python -m t5.models.mesh_transformer_main --model_dir=a --gin_param=run.train_steps=5" with steps=9 and
    target="a_continue" it is "python -m t5.models.mesh_transformer_main --model_dir=a_continue
    --gin_param=run.train_steps=5 --gin_param=run.train_steps = 9".
    """
    words = run_record.read(model_dir)["starts"][-1]["command"]
    kept, skip = [], False
    for word in words:
        if skip or word == "--model_dir" or word.startswith("--model_dir="):
            skip = word == "--model_dir"
            continue
        kept.append(word)
    return [*kept, f"--model_dir={target}", f"--gin_param=run.train_steps = {steps}", *more]


def main(arguments: list[str]) -> None:
    model_dir = MODEL_DIR.value.rstrip("/")
    try:
        if STEPS.value <= 0:
            raise ValueError(f"--steps must be more than 0, got {STEPS.value}")
        target = run_record.free_name(model_dir, "continue")
        step = copy(model_dir, target)
    except (ValueError, OSError, snapshots.SnapshotError) as error:
        sys.exit(f"error: {error}")
    words = command(
        model_dir, target, steps=step + STEPS.value, more=[f"--gin_param={p}" for p in flags.FLAGS.gin_param or ()]
    )
    print(f"{model_dir} of step {step:,} goes on in {target}, to step {step + STEPS.value:,}", flush=True)
    sys.exit(subprocess.run(words, check=False).returncode)


if __name__ == "__main__":
    app.run(main)
