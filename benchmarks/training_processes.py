"""Processes that train the same model: our loop, t5's own with its own pipeline, and Hugging Face's T5 on PyTorch.

Each is timed from its start, and tells when each of its steps ended.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping

from benchmarks import inputs, measure, training_runs
from benchmarks.measure import BenchmarkError
from benchmarks.training_variants import PACKED, STOCK, TASK, Variant

MODEL = "models/prefix_lm.gin"
# Mesh TensorFlow rounds the number of pieces up to a multiple of this, `Unitransformer.vocab_divisor`.
VOCAB_DIVISOR = 128
# What Mesh TensorFlow prints of each step with its own loop: "step, tf_loss[6.17585039][132]".
_STOCK_STEP = re.compile(r"step, tf_loss\[([^]]+)]\[(\d+)]")


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a step is given.

    Attributes:
      size: of gin_configs/sizes.
      tokens: of the inputs, and as many of the targets.
      rows: of a batch.
      steps: to train.
    """

    size: str
    tokens: int
    rows: int
    steps: int

    def __str__(self) -> str:
        return f"{self.size}, {self.rows} x ({self.tokens} + {self.tokens})"


@dataclasses.dataclass(frozen=True)
class Course:
    """One process.

    Attributes:
      ends: seconds from its start to the end of each step.
      clock: what `training_clock.Clock` wrote; {} for the others.
    """

    ends: list[float]
    clock: dict

    @property
    def first_step(self) -> float:
        return self.ends[0]

    def steps_per_second(self, *, skipped: int = 10) -> float:
        """Without the first steps, in which libraries warm up."""
        return (len(self.ends) - 1 - skipped) / (self.ends[-1] - self.ends[skipped])


def ours(
    shape: Shape,
    data_dir: pathlib.Path,
    model_dir: pathlib.Path,
    *,
    variant: Variant = PACKED,
    more: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Course:
    """t5's program with our loop, on a new model directory or one to go on in.

    Args:
      more: further gin parameters.
      environment: variables to add.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "clock.json")
        params = {
            "code_t5.train_code_model.more_callbacks": "[@benchmarks.Clock()]",
            "code_t5.train_code_model.chunk_steps": "1",
            "code_t5.Validation.full_at_end": "False",
            "benchmarks.Clock.path": repr(os.fspath(path)),
            **(more or {}),
        }
        words = _command(shape, data_dir, model_dir, variant, params)
        started = time.time()
        words.append("--module_import=benchmarks.training_clock")
        training_runs.output(words, environment=environment)
        clock = json.loads(path.read_text(encoding="utf-8"))
    return Course([step[0] - started for step in clock["steps"]], clock)


def stock(shape: Shape, data_dir: pathlib.Path, model_dir: pathlib.Path) -> Course:
    """t5's program as it is, loop and pipeline. A step ends when its loss is printed, before the weights change."""
    params = {"utils.run.train_model_fn": "@code_t5.stock_train_model"}
    words = _command(shape, data_dir, model_dir, STOCK, params)
    ends: list[float] = []
    last: list[str] = []
    started = time.time()
    # Leaving the block waits for the process; SIGTERM, which ends this one, ends the other's pipe and so it, too.
    with subprocess.Popen(
        words, cwd=measure.ROOT, env={**os.environ, **training_runs.ENVIRONMENT}, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace",
    ) as process:  # fmt: skip
        for line in process.stderr:
            last = [*last[-20:], line]
            ends += [time.time() - started] * len(_STOCK_STEP.findall(line))
    if process.returncode:
        raise BenchmarkError(f"exit status {process.returncode} of t5's own loop\n{''.join(last)}")
    return Course(ends, {})


def peak_mb(shape: Shape, data_dir: pathlib.Path, model_dir: pathlib.Path) -> float:
    """The most memory that our loop takes on a few steps, see `measure.Measurement`."""
    params = {"code_t5.train_code_model.callbacks": "[]"}
    return measure.run(
        _command(shape, data_dir, model_dir, PACKED, params), environment=training_runs.ENVIRONMENT
    ).peak_mb


def hugging_face(shape: Shape, vocab_size: int) -> Course:
    """The same model in PyTorch, on as many threads as there are cores."""
    words = [*inputs.module("benchmarks.baseline_huggingface_t5"), "--size", shape.size]
    rounded = -(-vocab_size // VOCAB_DIVISOR) * VOCAB_DIVISOR
    for name, value in (
        ("tokens", shape.tokens),
        ("rows", shape.rows),
        ("steps", shape.steps),
        ("vocab_size", rounded),
    ):
        words += [f"--{name}", str(value)]
    started = time.time()
    found = json.loads(training_runs.output(words).splitlines()[-1])
    return Course([end - started for end in found["ends"]], {"parameters": found["parameters"]})


def _command(
    shape: Shape, data_dir: pathlib.Path, model_dir: pathlib.Path, variant: Variant, more: Mapping[str, str]
) -> list[str]:
    params = {
        "MIXTURE_NAME": repr(TASK),
        "run.train_steps": str(shape.steps),
        "utils.run.sequence_length": str({"inputs": shape.tokens, "targets": shape.tokens}),
        "utils.run.batch_size": str(("sequences_per_batch", shape.rows)),
        "utils.serialize_num_microbatches.tokens_per_microbatch_per_replica": str(shape.tokens * shape.rows),
        **more,
    }
    files = (MODEL, f"sizes/{shape.size}.gin", "hardware/cpu.gin", *variant.gin_files)
    return [
        *inputs.module("t5.models.mesh_transformer_main"),
        *(f"--model_dir={model_dir}", f"--t5_tfds_data_dir={data_dir}", "--module_import=code_t5"),
        "--gin_location_prefix=gin_configs/",
        *(f"--gin_file={name}" for name in files),
        *(f"--gin_param={name} = {value}" for name, value in params.items()),
    ]
