"""Kills a training run at random moments until it ends: it must have trained what an undisturbed one did.

python -m tests.faults.training_soak
python -m tests.faults.training_soak --kills 30 --seed 7

A model of two layers is trained on packages of the standard library, once undisturbed, once killed with SIGKILL and
started again: some steps after it goes on, or while it starts. Every step that was ever trained must have had the batch
of the undisturbed run, and the last losses of all steps must be equal within the order of sums. Takes 10 minutes.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.code_t5 import conftest
from tests.faults import soak_command
from tests.flcc_tree import write_flcc

STEPS, SAVED_EVERY = 1200, 40
# A life lasts at most so many steps, or so many seconds where it is ended while it starts.
MAX_STEPS, MAX_START_S = 150, 12.0
# Mesh TensorFlow adds gradients up in another order in each process.
TOLERANCE = 0.02


def data_dir(made: pathlib.Path) -> pathlib.Path:
    """A small data directory, made as users make one."""
    write_flcc(made / "flcc", conftest.standard_library())
    documents, words = made / "documents", ["--output_dir"]
    conftest.command("preprocessing.run", "--input_dir", made / "flcc", *words, documents)
    sizes = ["--vocab_size", "1000", "--sample_mb", "0.5"]
    conftest.command("preprocessing.vocabulary", "--documents", documents, *words, made / "vocabulary", *sizes)
    dataset = ["--documents", documents, "--vocabulary", made / "vocabulary"]
    conftest.command("code_t5.main.build_dataset", *dataset, "--data_dir", made / "data")
    return made / "data"


def command(folder: pathlib.Path, data: pathlib.Path) -> list[str]:
    """The words that train, or go on, in `folder/model`."""
    params = {
        **conftest.SMALL, "MIXTURE_NAME": "fl_py_dev", "run.train_steps": STEPS,
        "run.save_checkpoints_steps": SAVED_EVERY, "code_t5.Validation.every_steps": 200,
        "recorder.Recorder.path": str(folder / "steps.jsonl"),
    }  # fmt: skip
    return [
        *(sys.executable, "-m", "t5.models.mesh_transformer_main"),
        *(f"--model_dir={folder / 'model'}", f"--t5_tfds_data_dir={data}"),
        *("--module_import=code_t5", "--module_import=tests.code_t5.training.recorder"),
        *(
            "--gin_location_prefix=gin_configs/",
            "--gin_file=models/shared-prefix_lm.gin",
            "--gin_file=hardware/cpu.gin",
        ),
        *(f"--gin_param={name} = {value!r}" for name, value in params.items()),
        "--gin_param=code_t5.train_code_model.more_callbacks = [@recorder.Recorder()]",
    ]


def rows(folder: pathlib.Path) -> list[dict]:
    """Each step that was ever trained, in the order of time; a kill may have cut the last line off."""
    path = folder / "steps.jsonl"
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def life(words: Sequence[str], folder: pathlib.Path, *, steps: int | None, seconds: float | None) -> str:
    """Runs until so many more steps are trained, or so many seconds, kills it then, and says where that was.

    Returns:
      "" if the run came to its end before.
    """
    before, started = len(rows(folder)), time.monotonic()
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    while process.poll() is None:
        time.sleep(0.05)
        trained = len(rows(folder)) - before
        passed = time.monotonic() - started
        if (steps is not None and trained >= steps) or (seconds is not None and passed >= seconds):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"killed after {passed:.1f} s and {trained} steps"
    if process.returncode:
        raise RuntimeError(f"exit status {process.returncode}, see {folder / 'log.txt'}")
    return ""


def wrong(found: Sequence[dict], expected: Sequence[dict]) -> list[str]:
    """What differs from the undisturbed run."""
    of_step = {row["step"]: row for row in expected}
    said = [f"step {row['step']} had another batch" for row in found if row["batch"] != of_step[row["step"]]["batch"]]
    last = {row["step"]: row for row in found}
    said += [f"step {step} is missing" for step in of_step if step not in last]
    said += [
        f"step {step}: loss {row['loss']:.4f}, undisturbed {of_step[step]['loss']:.4f}"
        for step, row in last.items()
        if abs(row["loss"] / of_step[step]["loss"] - 1) > TOLERANCE
    ]
    return said


def soak(made: pathlib.Path, *, kills: int, seed: int) -> list[str]:
    """Trains undisturbed, then with kills; prints each of them and gives what went wrong."""
    data, generator = data_dir(made), random.Random(seed)
    undisturbed, killed = made / "undisturbed", made / "killed"
    for folder in (undisturbed, killed):
        folder.mkdir()
    started = time.monotonic()
    life(command(undisturbed, data), undisturbed, steps=None, seconds=None)
    print(f"undisturbed: {STEPS} steps in {time.monotonic() - started:.0f} s", flush=True)
    words, done = command(killed, data), 0
    while done < kills:
        # One in five is killed while it starts, the others while they train, validate or save.
        start = generator.random() < 0.2
        steps, seconds = generator.randint(1, MAX_STEPS), generator.uniform(0.5, MAX_START_S)
        place = life(words, killed, steps=None if start else steps, seconds=seconds if start else None)
        if not place:
            print("it came to its end: too few steps for so many kills", flush=True)
            break
        done += 1
        print(f"kill {done:>2}: {place}, at step {max((row['step'] for row in rows(killed)), default=0)}", flush=True)
    life(words, killed, steps=None, seconds=None)
    again = len(rows(killed)) - len({row["step"] for row in rows(killed)})
    print(f"{done} kills, {again} steps trained again", flush=True)
    return wrong(rows(killed), rows(undisturbed))


if __name__ == "__main__":
    right = "every step had the batch of the undisturbed run, and its loss"
    sys.exit(soak_command.run(soak, name="training_soak", about=__doc__, right=right))
