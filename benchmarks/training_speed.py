"""How fast does a model train: our loop and pipeline, t5's own, and Hugging Face's T5 on PyTorch, side by side."""

import dataclasses
import pathlib
import statistics
from collections.abc import Callable, Sequence

from benchmarks import inputs, training_processes
from benchmarks.results import Section, Target
from benchmarks.training_processes import Course, Shape
from benchmarks.training_variants import STOCK

SHAPES = (Shape("tiny", 128, 4, 150), Shape("tiny", 128, 16, 60))
VOCAB_SIZE = 8000
OURS, STOCKS, HUGGING_FACE = "ours", "t5's own loop and pipeline", "Hugging Face T5, PyTorch"
# What was asked for.
MAX_START_S, MIN_FILL, MIN_STOCK, MIN_HUGGING_FACE = 35.0, 1.9, 0.97, 1.2


@dataclasses.dataclass(frozen=True)
class Place:
    """Where it is measured.

    Attributes:
      data_dir: as `--t5_tfds_data_dir` takes it.
      work: its folder, and how often.
    """

    data_dir: pathlib.Path
    work: inputs.Work

    def model_dir(self, name: str) -> pathlib.Path:
        """A model directory that is not there yet."""
        return self.work.empty(f"model_{name}")


def section(place: Place, *, say: Callable[[str], None] = print) -> Section:
    """All contestants in turns, `place.work.runs` times each; with 3 runs about half an hour."""
    found: dict[Shape, dict[str, list[Course]]] = {}
    fills: dict[Shape, dict[str, float]] = {}
    for shape in SHAPES:
        courses: dict[str, list[Course]] = {OURS: [], STOCKS: [], HUGGING_FACE: []}
        quiet = {"benchmarks.Clock.repeats": "0"}
        for number in range(place.work.runs):
            courses[OURS].append(
                training_processes.ours(shape, place.data_dir, place.model_dir("ours"), more=quiet)
            )  # fmt: skip
            courses[STOCKS].append(training_processes.stock(shape, place.data_dir, place.model_dir("stock")))
            courses[HUGGING_FACE].append(training_processes.hugging_face(shape, VOCAB_SIZE))
            speeds = [f"{name} {one[-1].steps_per_second():.2f} steps/s" for name, one in courses.items()]
            say(f"  {shape}, run {number + 1} of {place.work.runs}: {', '.join(speeds)}")
        # How full t5's rows are is seen in our loop, which counts.
        counted = training_processes.ours(shape, place.data_dir, place.model_dir("ours"), variant=STOCK, more=quiet)
        found[shape] = courses
        fills[shape] = {OURS: fill(courses[OURS][0], shape), STOCKS: fill(counted, shape)}
    return table(found, fills, runs=place.work.runs)


def fill(course: Course, shape: Shape) -> float:
    """The share of all positions that hold a token, over all steps."""
    tokens = sum(step[3] for step in course.clock["steps"])
    return tokens / (len(course.clock["steps"]) * shape.rows * 2 * shape.tokens)


def ratio(ones: Sequence[Course], others: Sequence[Course]) -> float:
    """The median over the turns of how many times as many steps a second."""
    pairs = zip(ones, others, strict=True)
    return statistics.median(one.steps_per_second() / other.steps_per_second() for one, other in pairs)


def table(found: dict[Shape, dict[str, list[Course]]], fills: dict[Shape, dict[str, float]], *, runs: int) -> Section:
    """The section of what was measured."""
    rows, targets = [], []
    for shape, courses in found.items():
        for name, ones in courses.items():
            speed = statistics.median(one.steps_per_second() for one in ones)
            start = statistics.median(one.first_step for one in ones)
            filled = fills[shape].get(name)
            # Rows of Hugging Face's hold random tokens without padding; what it would do with ours is not known.
            shown = ["", ""] if filled is None else [
                f"{filled:.1%}", f"{speed * filled * shape.rows * 2 * shape.tokens:,.0f}"
            ]  # fmt: skip
            rows.append([str(shape), name, f"{start:.0f}", f"{speed:.2f}", *shown])
        start = statistics.median(one.first_step for one in courses[OURS])
        more = fills[shape][OURS] / fills[shape][STOCKS]
        to_stock, to_torch = ratio(courses[OURS], courses[STOCKS]), ratio(courses[OURS], courses[HUGGING_FACE])
        targets += [
            Target(
                f"{shape}: first step within {MAX_START_S:.0f} s of the start", f"{start:.0f} s", start < MAX_START_S
            ),
            Target(f"{shape}: {MIN_FILL} times the fill of t5's own", f"{more:.2f} times", more >= MIN_FILL),
            Target(
                f"{shape}: {MIN_STOCK} times the steps a second of t5's own", f"{to_stock:.2f} times",
                to_stock >= MIN_STOCK,
            ),
            Target(
                f"{shape}: {MIN_HUGGING_FACE} times those of Hugging Face's T5", f"{to_torch:.2f} times",
                to_torch >= MIN_HUGGING_FACE,
            ),
        ]  # fmt: skip
    return Section(
        title="Training: speed",
        about=(
            f"models/prefix_lm.gin, {VOCAB_SIZE:,} pieces, the same numbers of layers, rows and tokens for all, "
            f"{'one run' if runs == 1 else f'medians of {runs} runs'} in turns; ratios are medians over the turns. A "
            "process is timed from its start to the end of its first step, and over the steps after the first eleven. "
            "Real tokens are those that are no padding. Hugging Face's rows are random tokens, full and not packed; "
            "its Adafactor, as many threads as cores."
        ),
        columns=["size, rows x (inputs + targets)", "", "first step, s", "steps/s", "filled", "real tokens/s"],
        rows=rows,
        targets=targets,
        raw={
            str(shape): {
                "fill": fills[shape],
                **{
                    name: [{"first_step": one.first_step, "steps_per_second": one.steps_per_second()} for one in ones]
                    for name, ones in courses.items()
                },
            }
            for shape, courses in found.items()
        },
    )
