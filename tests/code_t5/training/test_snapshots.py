import pathlib
import types

import pytest
import tensorflow.compat.v1 as tf

from code_t5.training import snapshots
from code_t5.training.snapshots import SnapshotError


def save(model_dir: pathlib.Path, step: int, *, content: str = "weights", fail: Exception | None = None) -> None:
    def save_model(prefix):
        for kind in ("index", "data-00000-of-00001"):
            pathlib.Path(f"{prefix}.{kind}").write_text(content)

    def save_input(folder):
        pathlib.Path(folder, "input.json").write_text("{}")
        if fail:
            raise fail

    snapshots.write(str(model_dir), step, save_model=save_model, save_input=save_input, state={"seconds": step / 2})


def checkpoints(model_dir: pathlib.Path) -> list[str]:
    return list(tf.train.get_checkpoint_state(str(model_dir)).all_model_checkpoint_paths)


def everything(model_dir: pathlib.Path) -> set[str]:
    return {str(path.relative_to(model_dir)) for path in model_dir.rglob("*") if path.is_file()}


def test_a_snapshot_is_listed_and_says_what_it_was_given(tmp_path):
    save(tmp_path, 5)
    save(tmp_path, 10)
    assert snapshots.steps(str(tmp_path)) == [5, 10]
    assert snapshots.read_state(str(tmp_path), 10)["seconds"] == 5.0
    assert checkpoints(tmp_path) == [str(tmp_path / "model.ckpt-5"), str(tmp_path / "model.ckpt-10")]


@pytest.mark.parametrize(
    "error", [tf.errors.ResourceExhaustedError(None, None, "No space left on device"), OSError(28, "No space left")]
)
def test_what_cannot_be_written_leaves_the_earlier_ones(tmp_path, error):
    save(tmp_path, 5)
    before = everything(tmp_path)
    with pytest.raises(SnapshotError, match=r"the snapshot of step 10 in .* could not be written: .*No space left"):
        save(tmp_path, 10, fail=error)
    assert everything(tmp_path) == before
    assert checkpoints(tmp_path) == [str(tmp_path / "model.ckpt-5")]


@pytest.mark.parametrize("killed_after", ["model.ckpt-10.index", "snapshots/10/input.json"])
def test_remains_of_a_killed_process_do_not_count_and_are_cleared(tmp_path, killed_after):
    save(tmp_path, 5)
    before = everything(tmp_path)
    save(tmp_path, 10)
    for name in everything(tmp_path) - before - {killed_after, "snapshots/10/input.json"}:
        (tmp_path / name).unlink()
    (tmp_path / "model.ckpt-10.data-00000-of-00001.tempstate123").write_text("half")
    assert snapshots.steps(str(tmp_path)) == [5]
    snapshots.clear_remains(str(tmp_path))
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["model.ckpt-10.data-00000-of-00001", "snapshots/10/input.json"])
def test_a_damaged_file_is_named_and_the_snapshot_set_aside(tmp_path, name):
    save(tmp_path, 5)
    save(tmp_path, 10)
    (tmp_path / name).write_text("short and other")
    with pytest.raises(SnapshotError, match=rf"{name} was \d+ bytes when it was saved, and is 15 bytes"):
        snapshots.read_state(str(tmp_path), 10)
    (tmp_path / name).unlink()
    with pytest.raises(SnapshotError, match=rf"{name} was \d+ bytes when it was saved, and is missing"):
        snapshots.read_state(str(tmp_path), 10)
    snapshots.set_aside(str(tmp_path), 10)
    assert snapshots.steps(str(tmp_path)) == [5]
    assert checkpoints(tmp_path) == [str(tmp_path / "model.ckpt-5")]
    assert [name for name in everything(tmp_path) if "damaged-" in name], "nothing is lost"
    snapshots.clear_remains(str(tmp_path))
    assert [name for name in everything(tmp_path) if "damaged-" in name]


def test_the_last_ones_stay_and_one_of_each_span(tmp_path):
    for step in (90, 100, 110, 210, 220):
        save(tmp_path, step)
    snapshots.prune(str(tmp_path), keep_last=1, keep_every_steps=100)
    assert snapshots.steps(str(tmp_path)) == [100, 210, 220]
    snapshots.prune(str(tmp_path), keep_last=None, keep_every_steps=None)
    assert snapshots.steps(str(tmp_path)) == [100, 210, 220]
    snapshots.prune(str(tmp_path), keep_last=2, keep_every_steps=None)
    assert snapshots.steps(str(tmp_path)) == [210, 220]
    assert not list(tmp_path.glob("model.ckpt-100.*"))
    assert checkpoints(tmp_path) == [str(tmp_path / "model.ckpt-210"), str(tmp_path / "model.ckpt-220")]


class FakeRun(types.SimpleNamespace):
    """As much of a run as the callback asks for."""

    def save_snapshot(self, *, keep_every_steps):
        if self.full:
            raise SnapshotError("the disk is full")
        self.saved.append(self.step)
        save(pathlib.Path(self.model_dir), self.step)


def drive(tmp_path, callback, *, save_steps, spans, full=False) -> FakeRun:
    config = types.SimpleNamespace(save_checkpoints_steps=save_steps)
    run = FakeRun(
        estimator=types.SimpleNamespace(config=config), step=0, seconds=0.0, saved=[], said=[], full=full,
        model_dir=str(tmp_path), say=lambda text: run.said.append(text),
    )  # fmt: skip
    callback.begin(run)
    for steps, seconds in spans:
        run.step += steps
        run.seconds += seconds
        callback.after_chunk(run.step, run.estimator, None)
    return run


def test_snapshots_come_by_steps_by_time_and_at_the_end(tmp_path):
    by_steps = drive(tmp_path / "a", snapshots.Snapshots(None), save_steps=20, spans=[(10, 1.0)] * 5)
    assert by_steps.saved == [20, 40]
    callback = snapshots.Snapshots(every_seconds=25.0)
    by_time = drive(tmp_path / "b", callback, save_steps=None, spans=[(10, 10.0)] * 7)
    assert by_time.saved == [30, 60]
    callback.end(by_time.step, by_time.estimator)
    callback.end(by_time.step, by_time.estimator)
    assert by_time.saved == [30, 60, 70]


def test_a_full_disk_is_told_and_the_training_goes_on(tmp_path):
    callback = snapshots.Snapshots(None)
    run = drive(tmp_path, callback, save_steps=20, spans=[(10, 1.0)] * 5, full=True)
    assert run.said == ["WARNING: the disk is full. The training goes on, and will try again"] * 2
    with pytest.raises(SnapshotError):
        callback.end(run.step, run.estimator)
