"""Whole runs of t5's own program: stopped, killed, damaged, finished, continued with another configuration."""

import json
import pathlib
import re
import subprocess
from collections.abc import Sequence

import numpy as np
import pytest

from tests.code_t5.conftest import train
from tests.code_t5.training import recorder
from tests.faults.small_disk import NoSmallDiskError, small_disk

pytestmark = pytest.mark.slow

STEPS = 24
RECORD = "--module_import=tests.code_t5.training.recorder"
# Two layers of width 64, see conftest; a snapshot every 8 steps, chunks of 4.
RUN = {
    "run.save_checkpoints_steps": 8, "run.keep_checkpoint_max": 8, "code_t5.train_code_model.chunk_steps": 4,
    "code_t5.Validation.every_steps": 16, "code_t5.Validation.num_windows": 16,
}  # fmt: skip


def start(
    folder: pathlib.Path, data_dir, *, steps: int = STEPS, check: bool = True, flags: Sequence[str] = (), **more
) -> subprocess.CompletedProcess:
    """Trains in `folder/model`, each step written to `folder/steps.jsonl`."""
    folder.mkdir(exist_ok=True)
    params = {**RUN, "recorder.Recorder.path": str(folder / "steps.jsonl"), **more}
    flags = [RECORD, "--gin_param=code_t5.train_code_model.more_callbacks = [@recorder.Recorder()]", *flags]
    return train(folder / "model", data_dir, "shared-prefix_lm", steps=steps, flags=flags, check=check, **params)


def steps_of(folder: pathlib.Path) -> dict[int, tuple[float, str]]:
    return recorder.read(folder / "steps.jsonl")


def record_of(folder: pathlib.Path) -> dict:
    return json.loads((folder / "model" / "run.json").read_text())


def assert_same_course(found: dict, expected: dict, *, rtol: float = 1e-3) -> None:
    assert sorted(found) == sorted(expected)
    assert [found[step][1] for step in sorted(found)] == [expected[step][1] for step in sorted(found)], "other batches"
    # Mesh TensorFlow adds gradients up in another order in each process, and Adafactor makes much of what is nearly 0:
    # two runs of one command differ by 3e-4.
    np.testing.assert_allclose([found[step][0] for step in found], [expected[step][0] for step in found], rtol=rtol)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, data_dir):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "stdout.txt").write_text(start(folder, data_dir).stdout)
    return folder


@pytest.fixture(scope="module")
def undisturbed_with_dropout(tmp_path_factory, data_dir):
    folder = tmp_path_factory.mktemp("undisturbed_with_dropout")
    start(folder, data_dir, dropout_rate=0.1)
    return folder


def test_a_run_tells_what_it_was(undisturbed):
    record = record_of(undisturbed)
    assert record["status"] == "finished"
    assert record["ended_by"] == f"train_steps = {STEPS}"
    assert record["step"] == STEPS
    minutes, seconds = map(
        int, re.search(r"(\d+):(\d\d) of training", (undisturbed / "stdout.txt").read_text()).groups()
    )
    assert abs(record["seconds"] - 60 * minutes - seconds) <= 1
    assert record["run"]["seed"] == 0
    assert len(record["run"]["data"]["fl_py_dev"]) == 64
    assert record["starts"][0]["from_step"] == 0
    assert "--module_import=code_t5" in record["starts"][0]["command"]
    finished = json.loads((undisturbed / "model" / "FINISHED").read_text())
    assert finished["digest"] == record["digest"]
    assert finished["vocabulary"] == record["run"]["vocabulary"]
    (held_out,) = record["figures"]["held_out"].values()
    assert 1 < held_out["bits_per_byte"] < 8
    assert 0 <= held_out["top_1_accuracy"] <= held_out["top_3_accuracy"] <= held_out["top_5_accuracy"] <= 1
    assert record["figures"]["best"]["step"] == 16
    assert list((undisturbed / "model" / "best").glob("model.ckpt-16.index"))
    assert re.search(
        r"step 16  fl_py_dev_heldout:validation: \d\.\d{3} bits/byte", (undisturbed / "stdout.txt").read_text()
    )
    assert sorted(steps_of(undisturbed)) == list(range(1, STEPS + 1))
    assert len({batch for _, batch in steps_of(undisturbed).values()}) == STEPS


@pytest.mark.parametrize("step", [4, 12])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, data_dir, undisturbed, step):
    killed = start(tmp_path, data_dir, check=False, **{"recorder.Recorder.signal_at": step})
    assert killed.returncode == -9
    result = start(tmp_path, data_dir)
    assert ("going on from step 8" in result.stdout) == (step == 12)
    assert_same_course(steps_of(tmp_path), steps_of(undisturbed))
    assert record_of(tmp_path)["digest"] == record_of(undisturbed)["digest"]


def test_dropouts_masks_are_those_of_the_step(tmp_path, data_dir, undisturbed, undisturbed_with_dropout):
    assert start(
        tmp_path, data_dir, check=False, dropout_rate=0.1, **{"recorder.Recorder.signal_at": 12}
    ).returncode == -9  # fmt: skip
    start(tmp_path, data_dir, dropout_rate=0.1)
    assert_same_course(steps_of(tmp_path), steps_of(undisturbed_with_dropout))
    losses = [steps_of(folder)[STEPS][0] for folder in (undisturbed, undisturbed_with_dropout)]
    assert abs(losses[0] - losses[1]) > 1e-3, "there was no dropout"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_run_that_is_told_to_stop_saves_and_says_so(tmp_path, data_dir, undisturbed, name):
    stop = {"recorder.Recorder.signal_at": 12, "recorder.Recorder.signal_name": name}
    stopped = start(tmp_path, data_dir, check=False, **stop)
    assert stopped.returncode == 75
    assert f"stopped by {name}: saved at step 12; the same command goes on from there" in stopped.stdout
    assert record_of(tmp_path)["status"] == "stopped"
    assert "going on from step 12" in start(tmp_path, data_dir).stdout
    assert_same_course(steps_of(tmp_path), steps_of(undisturbed))


def test_a_damaged_snapshot_is_set_aside_for_the_one_before_it(tmp_path, data_dir, undisturbed):
    stop = {"recorder.Recorder.signal_at": 16, "recorder.Recorder.signal_name": "SIGTERM"}
    start(tmp_path, data_dir, check=False, **stop)
    (path,) = (tmp_path / "model").glob("model.ckpt-16.data*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF  # of the same size: TensorFlow's own checksums must tell
    path.write_bytes(content)
    result = start(tmp_path, data_dir)
    assert "WARNING: the snapshot of step 16 is damaged, and was set aside" in result.stdout
    assert "going on from step 8" in result.stdout
    assert_same_course(steps_of(tmp_path), steps_of(undisturbed))


def test_a_full_disk_while_saving_costs_a_snapshot_and_no_step(tmp_path, data_dir, undisturbed):
    (tmp_path / "model").mkdir()
    try:
        with small_disk(tmp_path / "model", megabytes=32, as_root=True) as disk:
            fill = {"recorder.DiskFiller.folder": str(disk.folder), "recorder.DiskFiller.fill_at": 12}
            flags = [
                "--gin_param=code_t5.train_code_model.more_callbacks = [@recorder.DiskFiller(), @recorder.Recorder()]"
            ]
            failed = start(tmp_path, data_dir, check=False, flags=flags, **fill)
            assert failed.returncode
            assert "WARNING: the snapshot of step 16" in failed.stdout
            assert "could not be written" in failed.stderr, "the last one must not be lost in silence"
            disk.clear()
            result = start(tmp_path, data_dir, flags=flags, **{**fill, "recorder.DiskFiller.clear_at": 20})
            assert "going on from step 8 " in result.stdout
            assert "WARNING: the snapshot of step 16" in result.stdout
            assert (disk.folder / "FINISHED").exists()
    except NoSmallDiskError as error:
        pytest.skip(f"not allowed here: {error}")
    assert_same_course(steps_of(tmp_path), steps_of(undisturbed))


def test_a_finished_run_does_nothing_until_more_is_asked_for(tmp_path, data_dir, undisturbed):
    start(tmp_path, data_dir, steps=16)
    before = steps_of(tmp_path)
    again = start(tmp_path, data_dir, steps=16)
    assert "nothing to do" in again.stdout
    assert "finished at step 16 (train_steps = 16)" in again.stdout
    assert steps_of(tmp_path) == before
    start(tmp_path, data_dir, steps=STEPS)
    assert [batch for _, batch in steps_of(tmp_path).values()] == [batch for _, batch in steps_of(undisturbed).values()]
    assert json.loads((tmp_path / "model" / "FINISHED").read_text())["step"] == STEPS


def test_another_configuration_is_refused_and_trained_beside_it_on_request(tmp_path, data_dir):
    start(tmp_path, data_dir, steps=8)
    refused = start(tmp_path, data_dir, steps=8, check=False, d_model=32)
    assert refused.returncode
    assert "holds another run:" in refused.stderr
    assert "macro" not in refused.stderr
    assert "was 64, is 32" in refused.stderr
    forced = start(tmp_path, data_dir, steps=8, d_model=32, **{"code_t5.train_code_model.force": True})
    assert "training anew in" in forced.stdout
    assert (tmp_path / "model_anew" / "FINISHED").exists()
    again = start(tmp_path, data_dir, steps=8, d_model=32, **{"code_t5.train_code_model.force": True})
    assert "nothing to do" in again.stdout


@pytest.mark.parametrize("shape", ["model:2,batch:1", "model:1,batch:2"])
def test_a_mesh_of_two_devices_learns_what_one_does(tmp_path, data_dir, undisturbed, shape):
    """Two virtual CPUs, which share the weights or the batch."""
    mesh = {"utils.run.mesh_shape": shape, "utils.run.mesh_devices": ["cpu:0", "cpu:1"]}
    start(tmp_path, data_dir, **mesh)
    # Before anything is learnt the loss is the same; then sums are divided among the devices, too.
    assert steps_of(tmp_path)[1][0] == pytest.approx(steps_of(undisturbed)[1][0], rel=1e-6)
    assert_same_course(steps_of(tmp_path), steps_of(undisturbed), rtol=5e-3)
    figures = [record_of(folder)["figures"]["held_out"] for folder in (tmp_path, undisturbed)]
    (found,), (expected,) = (held_out.values() for held_out in figures)
    assert found["bits_per_byte"] == pytest.approx(expected["bits_per_byte"], rel=5e-3)


def test_epochs_and_seconds_end_a_run_too(tmp_path, data_dir):
    by_epoch = start(tmp_path / "a", data_dir, steps=10**6, **{
        "code_t5.train_code_model.epochs": 1, "utils.run.batch_size": ("sequences_per_batch", 64),
        "utils.run.sequence_length": {"inputs": 512, "targets": 512}, "code_t5.Validation.full_at_end": False,
    })  # fmt: skip
    assert re.search(r"finished at step \d+ \(epochs = 1\)", by_epoch.stdout)
    by_time = start(tmp_path / "b", data_dir, steps=10**6, **{"code_t5.train_code_model.max_seconds": 2})
    assert re.search(r"finished at step \d+ \(max_seconds = 2\), 0:02 of training", by_time.stdout)
