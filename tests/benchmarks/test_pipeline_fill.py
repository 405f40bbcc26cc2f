"""What the pipeline takes of a step's time, and the table of it."""

import pytest

from benchmarks import pipeline_fill
from benchmarks.measure import BenchmarkError
from benchmarks.training_variants import PACKED, STOCK


def step_seconds(*turns: float, steps: int = 10, first: float = 5.0) -> list[float]:
    """Seconds of each step from the second on; the first of each turn takes `first`."""
    return [second for turn in turns for second in [first, *[turn] * (steps - 1)]][1:]


def test_the_share_of_a_step():
    # The first pair warms up, the first steps of a turn are left out, and so is a turn without its other half.
    found = pipeline_fill.compare(step_seconds(9.0, 9.0, 0.25, 0.2, 0.25, 0.2, 7.0), steps=10, skipped=1)
    assert found == {
        "with_pipeline": pytest.approx(4.0),
        "with_one_batch": pytest.approx(5.0),
        "share": pytest.approx(0.2),
    }


def test_a_turn_that_is_cut_off_does_not_count():
    full = step_seconds(9.0, 9.0, 0.25, 0.2)
    assert pipeline_fill.compare([*full, *[50.0] * 9], steps=10, skipped=1) == pipeline_fill.compare(
        full, steps=10, skipped=1
    )


def test_too_few_steps_are_refused():
    with pytest.raises(BenchmarkError, match="29 steps are no four turns of 10: train longer"):
        pipeline_fill.compare(step_seconds(1.0, 1.0, 1.0), steps=10, skipped=1)


def test_the_table():
    row = {"inputs": 0.5, "targets": 0.52, "tokens_per_s": 123456.7, "windows": 1000}
    wait = {"with_pipeline": 4.0, "with_one_batch": 4.04, "share": 0.0099}
    rows = {f"128/128 {variant.name}": row for variant in (STOCK, PACKED)}
    waits = {f"{size} {variant.name}": wait for size in pipeline_fill.SIZES for variant in (STOCK, PACKED)}
    section = pipeline_fill.table(rows, waits, vocab_size=8000)
    assert section.rows[1] == ["128/128", "ours", "50.0%", "52.0%", "123,457", "", "", ""]
    assert section.rows[-1] == ["sizes/small.gin", "ours", "", "", "", "4.00", "4.04", "1.0%"]
    assert section.about.startswith(
        "1,000 examples of each pipeline at three lengths of inputs and targets, 8,000 pieces"
    )
    assert section.targets[0].met
    waits[f"small {PACKED.name}"] = {**wait, "share": 0.021}
    assert not pipeline_fill.table(rows, waits, vocab_size=8000).targets[0].met
