"""From a trained model's folder to its record."""

import json
import pathlib

import pytest

from benchmarks import training_runs
from benchmarks.measure import BenchmarkError
from benchmarks.training_data import TrainingData
from benchmarks.training_variants import PACKED
from tests.benchmarks.training_records import settings
from tests.preprocessing import small_documents


@pytest.fixture
def data(tmp_path) -> TrainingData:
    made = TrainingData(tmp_path / "work", {"demo": small_documents.make(tmp_path)})
    vocabulary = made.vocabulary_dir("demo", "ours", 8000)
    vocabulary.mkdir(parents=True)
    (vocabulary / "vocabulary.json").write_text('{"sha256": "v"}')
    return made


@pytest.fixture
def folder(data) -> pathlib.Path:
    """A model directory after its training: two checkpoints, and what the clock kept."""
    folder = training_runs.model_dir(data, settings(PACKED))
    folder.mkdir(parents=True)
    losses = [[0.0, 0]] * 50
    losses[0], losses[49] = [9.0, 2], [4.0, 2]
    progress = {"budget": 600, "starts": 2, "finished": True, "saved": [[0, 0.0], [900, 300.0], [1800, 600.1]]}
    (folder / "progress.json").write_text(json.dumps({**progress, "losses": losses}))
    for step in (900, 1800):
        for ending in ("index", "data-00000-of-00001"):
            (folder / f"model.ckpt-{step}.{ending}").touch()
    (folder / "operative_config.gin").write_text("# a comment with a path\nrun.train_steps = 5\n")
    (folder / "events.out.tfevents.1.host").touch()
    return folder


def test_the_record(data, folder):
    found = training_runs.finish(settings(PACKED), data, {"curve": [], "figures": {"bits_per_byte": 2.0}})
    assert (found["steps"], found["seconds"], found["starts"]) == (1800, 600.1, 2)
    assert found["tokens"] == 1800 * 4 * 256
    assert found["losses"] == [[0.1, 4.5], [9.9, 2.0]]
    assert found["figures"] == {"bits_per_byte": 2.0}
    assert found["digests"]["vocabulary"] == "v"
    assert set(found["machine"]) >= {"processor", "cores"}
    # No address of this machine, whose folders are its own affair.
    assert str(data.folder) not in json.dumps(found)


def test_comments_are_no_part_of_the_configuration(data, folder):
    def digest() -> str:
        return training_runs.finish(settings(PACKED), data, {})["digests"]["gin"]

    before = digest()
    config = folder / "operative_config.gin"
    config.write_text("# another\nrun.train_steps = 5\n")
    assert digest() == before
    config.write_text("run.train_steps = 6\n")
    assert digest() != before


def test_a_run_is_finished_when_its_last_checkpoint_is_there(folder):
    assert training_runs.trained(folder)
    (folder / "model.ckpt-1800.index").unlink()
    assert not training_runs.trained(folder)
    assert not training_runs.trained(folder.parent / "another")


def test_only_the_last_checkpoint_is_kept(folder):
    training_runs.keep_last_checkpoint(folder)
    assert sorted(path.name for path in folder.glob("model.ckpt-*")) == [
        "model.ckpt-1800.data-00000-of-00001",
        "model.ckpt-1800.index",
    ]
    # TensorFlow looks at the first of the two, `TrainedModel` at the second.
    named = ['model_checkpoint_path: "model.ckpt-1800"', 'all_model_checkpoint_paths: "model.ckpt-1800"']
    assert (folder / "checkpoint").read_text().splitlines() == named
    assert not list(folder.glob("events*"))


def test_a_model_whose_record_was_deleted_is_trained_anew(folder):
    training_runs.begin_again_if_scored(folder)
    assert folder.exists()
    training_runs.keep_last_checkpoint(folder)
    training_runs.begin_again_if_scored(folder)
    assert not folder.exists()
    training_runs.begin_again_if_scored(folder)


def test_other_settings_have_another_folder(data):
    one, other = settings(PACKED), settings(PACKED, vocab_size=4000)
    assert training_runs.model_dir(data, one) != training_runs.model_dir(data, other)


def test_a_training_that_fails_shows_the_end_of_its_log(data, tmp_path, monkeypatch):
    monkeypatch.setattr(training_runs, "train_command", lambda *_, **__: ["bash", "-c", "echo gone wrong; exit 3"])
    with pytest.raises(BenchmarkError, match=r"(?s)packed_prefix_lm-10min-seed0 ended with status 3.*gone wrong"):
        training_runs.train(settings(PACKED), tmp_path / "model", tmp_path / "data_dir")


def test_a_command_that_fails_shows_the_end_of_its_errors():
    with pytest.raises(BenchmarkError, match="exit status 2 of bash -c .*\nwhy"):
        training_runs.output(["bash", "-c", "echo why >&2; exit 2"])
    assert training_runs.output(["echo", "fine"]) == "fine\n"


def test_the_last_step_is_read_from_the_log(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("importing\n")
    assert training_runs._last_step(log) == "building the graph"
    log.write_text("step 10 of 1,000  loss 9.10\nstep 20 of 1,000  loss 8.50, 3.1 bits/byte\nmore")
    assert training_runs._last_step(log) == "step 20 of 1,000  loss 8.50, 3.1 bits/byte"
