"""Training by the clock: the clock alone, with a time of its own, and a small model trained by t5's program."""

import json
import re
import shutil

import pytest

from benchmarks import timed_training, training_variants


class Time:
    """A clock's `now` that only moves when it is told to."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now():
    return Time()


def clock(tmp_path, now, *, budget=100.0, points=4) -> timed_training.Clock:
    return timed_training.Clock(budget, points=points, path=tmp_path / "progress.json", now=now)


def steps(made, now, count: int, *, seconds: float, loss: float = 1.0) -> bool:
    """Takes steps of so many seconds, each ending at the step's end; what the last one answered."""
    over = False
    for _ in range(count):
        now.seconds += seconds
        over = made.end_step(loss)
    return over


def test_time_begins_at_the_end_of_the_first_step_and_ends_with_the_budget(tmp_path, now):
    made = clock(tmp_path, now)
    made.resume(0)
    now.seconds += 60  # the graph is built
    assert made.seconds() == 0
    assert not steps(made, now, 1, seconds=30)
    assert made.seconds() == 0
    assert not steps(made, now, 9, seconds=11)
    assert made.seconds() == 99
    assert steps(made, now, 1, seconds=1)
    assert made.step_seconds == [11.0] * 9 + [1.0]
    assert made.remaining() == 0


def test_checkpoints_are_saved_at_equal_times_and_once_each(tmp_path, now):
    made = clock(tmp_path, now)
    made.resume(0)
    made.update_last_triggered_step(0)
    steps(made, now, 1, seconds=5)
    for step in range(1, 21):
        if made.should_trigger_for_step(step):
            made.update_last_triggered_step(step)
        steps(made, now, 1, seconds=6)
    # 25, 50 and 75 s have passed after 5, 9 and 13 steps of 6 s; that of 100 s is the end's, which no timer asks for.
    assert made.saved == [[0, 0.0], [6, 30.0], [10, 54.0], [14, 78.0]]
    made.note_checkpoint(21)
    made.note_checkpoint(21)
    assert made.saved[4:] == [[21, 120.0]]
    # So that the saver's hook saves the last step by itself.
    assert made.last_triggered_step() == 14


def test_a_stopped_run_has_the_seconds_left_that_its_checkpoint_had(tmp_path, now):
    first = clock(tmp_path, now)
    first.resume(0)
    first.update_last_triggered_step(0)
    steps(first, now, 11, seconds=4, loss=3.0)
    first.update_last_triggered_step(11)
    steps(first, now, 3, seconds=4, loss=9.0)  # lost

    second = clock(tmp_path, now)
    now.seconds += 500
    second.resume(11)
    assert (second.seconds(), second.starts, second.last_triggered_step()) == (40.0, 2, None)
    assert sum(count for _, count in second.losses) == 10  # the step at 40 s lies in the part that begins there
    assert steps(second, now, 1, seconds=99) is False
    assert second.seconds() == 40.0
    assert not second.should_trigger_for_step(12)
    steps(second, now, 1, seconds=10)
    assert second.should_trigger_for_step(13)
    assert steps(second, now, 1, seconds=50)
    second.note_checkpoint(14)
    second.write(finished=True)
    kept = json.loads((tmp_path / "progress.json").read_text())
    assert kept["saved"] == [[0, 0.0], [11, 40.0], [14, 100.0]]
    assert (kept["finished"], kept["starts"]) == (True, 2)


def test_a_checkpoint_of_unknown_age_is_refused(tmp_path, now):
    first = clock(tmp_path, now)
    first.resume(0)
    first.update_last_triggered_step(0)
    with pytest.raises(ValueError, match=r"knows no checkpoint of step 7, .* it names steps \[0\]. Delete"):
        clock(tmp_path, now).resume(7)


def test_losses_are_means_of_equal_parts_of_the_time(tmp_path, now):
    made = clock(tmp_path, now, budget=timed_training.LOSS_PARTS)
    made.resume(0)
    steps(made, now, 1, seconds=1, loss=8.0)
    steps(made, now, 4, seconds=0.5, loss=2.0)
    assert made.losses[:4] == [[10.0, 2], [4.0, 2], [2.0, 1], [0.0, 0]]


@pytest.mark.slow
def test_a_model_is_trained_for_seconds(small_model):
    progress = json.loads((small_model / "progress.json").read_text())
    assert progress["finished"]
    assert progress["saved"][0] == [0, 0.0]
    assert progress["saved"][-1][1] >= 2.0
    last = progress["saved"][-1][0]
    assert len(progress["step_seconds"]) == last - 1
    # The one in the middle is left out where a step takes longer than a second.
    assert len(progress["saved"]) in (2, 3)
    for step, _ in progress["saved"]:
        assert (small_model / f"model.ckpt-{step}.index").exists()
        assert not (small_model / f"model.ckpt-{step}.meta").exists()


@pytest.mark.slow
def test_a_stopped_training_goes_on_and_a_seed_is_repeated(small_model, train_small, tmp_path):
    shutil.copytree(small_model, tmp_path / "model")
    before = json.loads((small_model / "progress.json").read_text())
    last = before["saved"][-1][0]
    log = train_small(tmp_path / "model", training_variants.WITH_INFILLING, seconds=3)
    after = json.loads((tmp_path / "model" / "progress.json").read_text())
    assert after["starts"] == 2
    assert after["saved"][: len(before["saved"])] == before["saved"]
    assert after["saved"][-1][1] >= 3.0
    assert re.search(rf"Restoring parameters from \S*/model\.ckpt-{last}\n", log)

    def first_loss(text: str) -> str:
        return text.split("tf_loss[", 1)[1].split("]")[0]

    again = train_small(tmp_path / "again", training_variants.WITH_INFILLING, seconds=0.5)
    assert first_loss(again) == first_loss((small_model / "stderr.txt").read_text())
