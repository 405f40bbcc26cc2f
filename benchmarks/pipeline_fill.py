"""The training pipelines: how full their rows are, how fast they are, and what they take of a step's time."""

import itertools
import json
import pathlib
import shutil
import statistics
from collections.abc import Sequence

from benchmarks import inputs, measure, training_runs
from benchmarks.results import Section, Target
from benchmarks.training_data import TrainingData
from benchmarks.training_variants import BATCH_SIZE, LENGTHS, OURS, PACKED, STOCK, Settings

SIZES = ("tiny", "small")
MAX_SHARE = 0.02
# Seconds of training, steps a turn, and steps left out at its beginning: eight turns or more each.
TURNS = {"tiny": (240.0, 60, 15), "small": (480.0, 20, 5)}


def section(data: TrainingData, vocab_size: int, windows: int) -> Section:
    """Measures both pipelines; about half an hour."""
    data_dir = data.data_dir("demo", OURS, vocab_size)
    command = [*inputs.module("benchmarks.pipeline_rows"), "--data_dir", data_dir, "--windows", str(windows)]
    rows_found = json.loads(training_runs.output(command).splitlines()[-1])
    waits = {
        f"{size} {variant.name}": _wait(data, Settings(variant, 0, TURNS[size][0] / 60, points=1), data_dir, size=size)
        for size in SIZES
        for variant in (STOCK, PACKED)
    }
    return table(rows_found, waits, vocab_size=vocab_size)


def _wait(data: TrainingData, settings: Settings, data_dir: pathlib.Path, *, size: str) -> dict[str, float]:
    _, steps, skipped = TURNS[size]
    folder = inputs.Work(data.folder).empty("input_turns")
    more = {
        "utils.run.train_dataset_fn": "@benchmarks.in_turns",
        "benchmarks.in_turns.dataset_fn": f"@{settings.variant.dataset_fn}",
        "benchmarks.in_turns.batch_size": str(BATCH_SIZE),
        "benchmarks.in_turns.steps": str(steps),
        "benchmarks.Points.step_seconds": "True",
        "code_t5.train_code_model.chunk_steps": "1",
    }
    training_runs.train(settings, folder, data_dir, more=more, more_files=[f"sizes/{size}.gin"])
    found = compare(training_runs.read_progress(folder)["step_seconds"], steps=steps, skipped=skipped)
    shutil.rmtree(folder)
    return found


def compare(step_seconds: Sequence[float], *, steps: int, skipped: int) -> dict[str, float]:
    """What the pipeline takes of a step's time.

    Args:
      step_seconds: of each step from the second on.
      steps: of a turn.
      skipped: steps at the beginning of each turn that do not count: their input was made in the turn before.

    Returns:
      Mean steps a second `with_pipeline` and `with_one_batch`, and the `share` of the first's step time that is more.
      Turns that are not full do not count; nor does the first pair, in which TensorFlow warms up.

    Raises:
      BenchmarkError: there are not two full turns of each.
    """
    turns = [step_seconds[start - 1 : start - 1 + steps] for start in range(2 * steps, len(step_seconds) + 1, steps)]
    turns = [turn[skipped:] for turn in turns if len(turn) == steps]
    if len(turns) < 2:
        raise measure.BenchmarkError(
            f"{len(step_seconds)} steps are no four turns of {steps}: train longer, or make turns shorter"
        )
    pairs = len(turns) // 2 * 2
    real, repeated = (statistics.fmean(itertools.chain(*turns[first:pairs:2])) for first in (0, 1))
    return {"with_pipeline": 1 / real, "with_one_batch": 1 / repeated, "share": 1 - repeated / real}


def table(rows_found: dict[str, dict], waits: dict[str, dict], *, vocab_size: int) -> Section:
    """The section of what was found: of `pipeline_rows`, and of `compare` for each size and variant."""
    about = {variant.name: variant.about for variant in (STOCK, PACKED)}
    rows = []
    for key, found in rows_found.items():
        lengths, name = key.split()
        fill = [f"{found[side]:.1%}" for side in ("inputs", "targets")]
        rows.append([lengths, about[name], *fill, f"{found['tokens_per_s']:,.0f}", "", "", ""])
    for key, found in waits.items():
        size, name = key.split()
        speeds = [f"{found[kind]:.2f}" for kind in ("with_pipeline", "with_one_batch")]
        rows.append([f"sizes/{size}.gin", about[name], "", "", "", *speeds, f"{found['share']:.1%}"])
    ours = waits[f"small {PACKED.name}"]["share"]
    windows = next(iter(rows_found.values()))["windows"]
    return Section(
        title="Training pipelines",
        about=(
            f"{windows:,} examples of each pipeline at three lengths of inputs and targets, {vocab_size:,} pieces: the "
            "share of positions that hold a token (of the targets, one that is learnt from), and such tokens a second "
            "out of the pipeline with nothing else running. Below: training steps a second at "
            f"{LENGTHS['inputs']}/{LENGTHS['targets']} and {BATCH_SIZE} sequences a batch, fed by the pipeline and by "
            "one batch over and over, in turns in one process; the share is what the pipeline takes of a step's time, "
            "waiting and its use of the cores together."
        ),
        columns=[
            *("inputs/targets, or model", "pipeline", "inputs filled", "targets filled", "tokens/s"),
            *("steps/s", "steps/s, one batch", "share of the step"),
        ],
        rows=rows,
        targets=[
            Target(
                f"at most {MAX_SHARE:.0%} of the step's time for input, small model on CPU",
                f"{ours:.1%}",
                ours <= MAX_SHARE,
            )
        ],
        raw={"rows": rows_found, "waits": waits},
    )
