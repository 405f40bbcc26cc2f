import math
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from code_t5.training import progress
from code_t5.training.budget import Budget
from code_t5.training.callbacks import Chunk


def chunk(**changes) -> Chunk:
    values = {
        "batches": [], "losses": np.array([1.0, 3.0]), "real_tokens": 2000, "nats": 800.0, "target_tokens": 400,
        "target_bytes": 1000, "seconds": 2.0, "input_seconds": 0.1, "learning_rate": 0.01,
    }  # fmt: skip
    return Chunk(**{**values, **changes})


def run(**changes) -> types.SimpleNamespace:
    said = []
    values = {"step": 2, "seconds": 2.0, "budget": Budget(10), "say": said.append, "said": said}
    return types.SimpleNamespace(**{**values, **changes})


def test_older_values_weigh_less():
    smoothed = progress.Smoothed(10.0)
    smoothed.add(1.0, {"x": 4.0, "y": 2.0})
    smoothed.add(10.0, {"x": 1.0, "y": 1.0})
    assert smoothed.ratio("x", "y") == (4 / 2 + 1) / (2 / 2 + 1)
    assert math.isnan(smoothed.ratio("x", "z"))


def test_figures_are_per_real_token_and_byte():
    smoothed = progress.Smoothed(10.0)
    progress.add_chunk(smoothed, chunk())
    assert progress.figures(smoothed) == {
        "train/loss_per_token": 2.0,
        "train/bits_per_byte": 0.8 / math.log(2),
        "speed/steps_per_second": 1.0,
        "speed/real_tokens_per_second": 1000.0,
        "speed/share_waiting_for_input": 0.05,
    }


def test_a_line_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    watched, bar = run(), progress.Progress(line_seconds=0.0)
    bar.begin(watched)
    bar.after_chunk(2, None, chunk())
    assert watched.said == ["step 2 of 10  loss 2.00, 1.15 bits/byte, 1 steps/s, 1,000 tokens/s, rate 0.01, 0:08 left"]
    bar.line_seconds = 100.0
    bar.after_chunk(4, None, chunk())
    assert len(watched.said) == 1


@pytest.mark.parametrize(("max_seconds", "left"), [(None, 8.0), (5, 3.0), (1, 0.0)])
def test_the_time_left_is_that_of_the_nearer_limit(max_seconds, left):
    bar = progress.Progress()
    bar.begin(run(budget=Budget(10, max_seconds=max_seconds)))
    assert bar.seconds_left(1.0) == left


def test_durations_as_a_clock_shows_them():
    assert [progress.duration(seconds) for seconds in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]


def test_tensorboard_gets_points_and_a_restart_hides_later_ones(tmp_path):
    watched = run(model_dir=str(tmp_path), step=0)
    board = progress.TensorBoard(every_steps=4)
    board.begin(watched)
    for step in (2, 4, 6, 8):
        board.after_chunk(step, None, chunk())
    board.end(8, None)
    progress.write_scalars(watched.scalars, 9, {"validation_full/loss": 1.0})  # of a callback that ends after it
    (path,) = tmp_path.glob("events*")
    events = list(tf.train.summary_iterator(str(path)))
    assert [event.step for event in events if event.summary.value] == [4, 8, 9]
    assert {value.tag for event in events for value in event.summary.value} == {
        "train/loss_per_token", "train/bits_per_byte", "train/learning_rate", "speed/steps_per_second",
        "speed/real_tokens_per_second", "speed/share_waiting_for_input", "validation_full/loss",
    }  # fmt: skip
    assert any(event.session_log.status == tf.SessionLog.START for event in events)
