"""What do snapshots, validation and going on cost?"""

import json
import statistics

from benchmarks import inputs, training_processes, training_runs
from benchmarks.results import Section
from benchmarks.training_processes import Shape
from benchmarks.training_speed import Place
from benchmarks.training_variants import PACKED, STOCK

SHAPE = Shape("tiny", 128, 4, 100)
FAR_STEP = 1_000_000


def section(place: Place) -> Section:
    """One run to a snapshot, and on from it; about five minutes."""
    model_dir = place.model_dir("costs")
    first = training_processes.ours(SHAPE, place.data_dir, model_dir)
    longer = Shape(SHAPE.size, SHAPE.tokens, SHAPE.rows, 2 * SHAPE.steps)
    again = training_processes.ours(longer, place.data_dir, model_dir)
    command = [*inputs.module("benchmarks.pipeline_rows"), "--data_dir", place.data_dir, "--windows", "200"]
    pipelines = json.loads(training_runs.output(command).splitlines()[-1])
    key = f"{SHAPE.tokens}/{SHAPE.tokens}"
    examples = {
        variant.name: found["tokens_per_s"] / (SHAPE.tokens * (found["inputs"] + found["targets"]))
        for variant in (STOCK, PACKED)
        for found in [pipelines[f"{key} {variant.name}"]]
    }
    return table(first, again, examples)


def table(first: training_processes.Course, again: training_processes.Course, examples: dict[str, float]) -> Section:
    """The section of what was measured.

    Args:
      first, again: a run, and the one that went on from its end.
      examples: variant's name -> examples a second out of its pipeline.
    """
    step = statistics.median(end[1] for end in first.clock["steps"][10:])
    costs = {name: statistics.median(first.clock[f"{name}_s"]) for name in ("snapshot", "restore", "validation")}
    sizes = {name: size / 1e6 for name, size in first.clock["snapshot_bytes"].items()}
    later = {name: size / 1e6 for name, size in again.clock["snapshot_bytes"].items()}
    skipped = FAR_STEP * SHAPE.rows / examples[STOCK.name]
    return Section(
        title="Training: snapshots, validation, going on",
        about=(
            f"models/prefix_lm.gin, {SHAPE}: a run of {SHAPE.steps} steps, and the same command again with twice as "
            "many. Each figure within a run is a median of three. A snapshot holds where the input stands, so what "
            "going on costs does not depend on the step; t5's skip_seen_data makes every earlier example again "
            f"(calculated from {examples[STOCK.name]:,.0f} examples a second out of t5's pipeline; ours makes "
            f"{examples[PACKED.name]:,.0f})."
        ),
        columns=["what", "s", "in steps"],
        rows=[
            ["one step", f"{step:.3f}", "1"],
            *(
                [what, f"{costs[name]:.2f}", f"{costs[name] / step:.1f}"]
                for name, what in (
                    ("snapshot", f"snapshot: {sizes['weights']:.1f} MB of weights, {sizes['input']:.1f} MB of input"),
                    ("restore", "reading it again"),
                    ("validation", "validation, 256 windows"),
                )
            ),
            ["start to first step, new run", f"{first.first_step:.1f}", ""],
            [f"start to first step, going on from step {SHAPE.steps}", f"{again.first_step:.1f}", ""],
            [f"t5's skip_seen_data at step {FAR_STEP:,}, calculated", f"{skipped:,.0f}", ""],
        ],
        raw={
            "step_s": step, **{f"{name}_s": value for name, value in costs.items()}, "snapshot_mb": sizes,
            "snapshot_mb_later": later, "first_step_s": first.first_step, "going_on_s": again.first_step,
            "examples_per_s": examples,
        },
    )  # fmt: skip
