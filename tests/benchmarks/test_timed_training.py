"""Training by the clock: the callback alone, and a small model trained by t5's program."""

import json
import shutil
import types

import numpy as np
import pytest

from benchmarks import timed_training, training_variants
from code_t5.training.budget import Budget


class Run(types.SimpleNamespace):
    """As much of a run as the callback asks for."""

    def save_snapshot(self):
        self.kept.append(json.loads(json.dumps(self.points.state())))


def run(tmp_path, points, *, seconds=0.0, budget=100.0) -> Run:
    made = Run(
        model_dir=str(tmp_path), seconds=seconds, budget=Budget(10**6, max_seconds=budget), points=points, kept=[]
    )
    points.begin(made)
    return made


def steps(of: Run, count: int, *, seconds: float, loss: float = 1.0, first: int = 1) -> None:
    for step in range(first, first + count):
        of.seconds += seconds
        chunk = types.SimpleNamespace(losses=np.array([loss]), seconds=seconds)
        of.points.after_chunk(step, None, chunk)


def written(tmp_path) -> dict:
    return json.loads((tmp_path / "progress.json").read_text())


def test_checkpoints_are_saved_at_equal_times_and_at_the_end(tmp_path):
    made = run(tmp_path, timed_training.Points(4, step_seconds=True))
    steps(made, 17, seconds=6)
    # 25, 50 and 75 s have passed after 5, 9 and 13 steps of 6 s.
    assert made.points.saved == [[5, 30.0], [9, 54.0], [13, 78.0]]
    assert not written(tmp_path)["finished"]
    made.points.end(17, None)
    assert written(tmp_path)["saved"][3:] == [[17, 102.0]]
    assert written(tmp_path)["finished"]
    assert written(tmp_path)["step_seconds"] == [6.0] * 17


def test_a_stopped_run_goes_on_with_what_its_snapshot_knew(tmp_path):
    first = run(tmp_path, timed_training.Points(2))
    steps(first, 11, seconds=5, loss=3.0)  # saved at step 10, 50 s
    second = timed_training.Points(2)
    second.restore(first.kept[-1])
    again = run(tmp_path, second, seconds=50.0)
    assert (second.saved, second.starts) == ([[10, 50.0]], 2)
    assert sum(count for _, count in second.losses) == 10
    steps(again, 10, seconds=5, first=11)
    second.end(20, None)
    assert written(tmp_path)["saved"] == [[10, 50.0], [20, 100.0]]


def test_losses_are_sums_over_equal_parts_of_the_time(tmp_path):
    made = run(tmp_path, timed_training.Points(1), budget=timed_training.LOSS_PARTS)
    steps(made, 4, seconds=0.5, loss=2.0)
    assert made.points.losses[:4] == [[2.0, 1], [4.0, 2], [2.0, 1], [0.0, 0]]


@pytest.mark.slow
def test_a_model_is_trained_for_seconds(small_model):
    progress = written(small_model)
    assert progress["finished"]
    assert progress["saved"][-1][1] >= 2.0
    last = progress["saved"][-1][0]
    assert len(progress["step_seconds"]) == last
    assert len(progress["saved"]) in (1, 2)  # the one in the middle is left out where a step takes longer than a second
    for step, _ in progress["saved"]:
        assert (small_model / f"model.ckpt-{step}.index").exists()


@pytest.mark.heavy
def test_a_finished_training_goes_on_when_it_is_given_more_time(small_model, train_small, tmp_path):
    shutil.copytree(small_model, tmp_path / "model")
    before = written(small_model)
    last = before["saved"][-1][0]
    log = train_small(tmp_path / "model", training_variants.WITH_INFILLING, seconds=3)
    after = written(tmp_path / "model")
    assert after["starts"] == 2
    assert after["saved"][: len(before["saved"])] == before["saved"]
    assert after["saved"][-1][1] >= 3.0
    assert f"going on from step {last} " in log
