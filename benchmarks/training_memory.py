"""Is what `code_t5.main.memory` says before training what training takes? And which sizes fit which GPU?"""

import re

from benchmarks import inputs, measure, training_processes
from benchmarks.results import Section, Target
from benchmarks.training_processes import Shape
from benchmarks.training_speed import VOCAB_SIZE, Place

# Two numbers of rows each: what grows from one to the other is what rows take.
SHAPES = (
    (Shape("tiny", 128, 16, 6), Shape("tiny", 128, 80, 6)),
    (Shape("tiny", 512, 4, 6), Shape("tiny", 512, 16, 6)),
    (Shape("small", 512, 2, 4), Shape("small", 512, 8, 4)),
)
DEVICES_GB = (16, 24, 80)
SIZES = ("tiny", "small", "base", "large", "3b")
TOLERANCE = 0.25


def section(place: Place) -> Section:
    """Six short runs whose peaks are watched, and the helper's answer for each size; about ten minutes."""
    measured = {}
    for few, many in SHAPES:
        peaks = [training_processes.peak_mb(shape, place.data_dir, place.model_dir("memory")) for shape in (few, many)]
        said = _said(few.size, few.tokens, VOCAB_SIZE)
        measured[few] = {"measured": (peaks[1] - peaks[0]) / (many.rows - few.rows), "said": said["mb_a_row"]}
    return table(measured, {size: _said(size, 512, 16_000) for size in SIZES})


def _said(size: str, tokens: int, vocab_size: int) -> dict[str, float]:
    """What the helper prints: `millions` of weights, `fixed_gb`, `mb_a_row`, and rows by the GB of a device."""
    devices = ",".join(map(str, DEVICES_GB))
    words = [*inputs.module("code_t5.main.memory"), "--gin_location_prefix=gin_configs/"]
    words += [f"--gin_file={training_processes.MODEL}", f"--gin_file=sizes/{size}.gin", f"--vocab_size={vocab_size}"]
    words += [f"--gin_param=utils.run.sequence_length = {{'inputs': {tokens}, 'targets': {tokens}}}"]
    return parse(measure.run([*words, f"--device_gb={devices}"]).output)


def parse(text: str) -> dict[str, float]:
    """The figures in the helper's output."""
    numbers = {
        word: float(number.replace(",", ""))
        for word, number in re.findall(
            r"^(parameters|weights|gradients|optimizer|activations) +([\d,.]*\d)", text, re.M
        )
    }
    fits = re.findall(r"^fits (\S+) GB: (\d+) rows", text, re.M)
    return {
        "millions": numbers["parameters"] / 1e6,
        "fixed_gb": sum(numbers[name] for name in ("weights", "gradients", "optimizer")) / 1e3,
        "mb_a_row": numbers["activations"],
        **{f"rows_{gigabytes}": int(rows) for gigabytes, rows in fits},
    }


def table(measured: dict[Shape, dict[str, float]], sizes: dict[str, dict[str, float]]) -> Section:
    """The section of what was measured, and of what the helper says."""
    rows, targets = [], []
    for shape, found in measured.items():
        close = abs(found["measured"] / found["said"] - 1) <= TOLERANCE
        name = f"{shape.size}, a row of {shape.tokens} + {shape.tokens}"
        rows.append([name, "", "", f"{found['said']:.1f}", f"{found['measured']:.1f}", *[""] * len(DEVICES_GB)])
        targets.append(
            Target(
                f"{name}: within {TOLERANCE:.0%} of what is said",
                f"{found['measured'] / found['said'] - 1:+.0%}",
                close,
            )
        )
    for size, said in sizes.items():
        fits = [str(said.get(f"rows_{gigabytes}", "no")) for gigabytes in DEVICES_GB]
        figures = [f"{said['millions']:,.0f}", f"{said['fixed_gb']:.1f}", f"{said['mb_a_row']:.1f}"]
        rows.append([f"{size}, a row of 512 + 512", *figures, "", *fits])
    return Section(
        title="Training: memory",
        about=(
            "models/prefix_lm.gin. Above: what `code_t5.main.memory` says a row of a microbatch takes, and by how much "
            f"the peak of a process on the CPU grows with each row, {VOCAB_SIZE:,} pieces. Below: what it says of each "
            "size, 16,000 pieces, float32, and how many rows at a time fit a device of so many GB; not tried on GPUs."
        ),
        columns=[
            *("size", "10^6 weights", "fixed, GB", "said, MB a row", "measured, MB a row"),
            *(f"rows in {gigabytes} GB" for gigabytes in DEVICES_GB),
        ],
        rows=rows,
        targets=targets,
        raw={"measured": {str(shape): found for shape, found in measured.items()}, "said": sizes},
    )
