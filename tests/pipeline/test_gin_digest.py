"""The gin configuration as the training environment parses it: each new one takes about 15 s."""

import pathlib
import sys

import pytest

from pipeline import gin_digest

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
FILES = ("models/shared-prefix_lm.gin", "sizes/tiny.gin", "hardware/cpu.gin")


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Asks what a configuration determines; each start of Python is a line of `starts`."""
    monkeypatch.chdir(ROOT)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho x >> "{tmp_path}/starts"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)

    def asked(*params: str, files=FILES) -> gin_digest.Determined:
        params = ("MIXTURE_NAME = 'fl_py_dev'", *params)
        return gin_digest.determined(
            tmp_path / "results", python, gin_files=files, gin_params=params, location_prefixes=["gin_configs/"]
        )

    return asked


def test_what_changes_nothing_and_what_does(ask, tmp_path):
    def starts() -> int:
        return len((tmp_path / "starts").read_text().splitlines())

    plain = ask("learning_rate_schedule_noam.multiplier = 0.001", "run.train_steps = 7")
    assert plain.bindings["learning_rate_schedule_noam.multiplier"] == "0.001"
    assert plain.bindings["mesh_train_dataset_fn.mixture_or_task_name"] == "'fl_py_dev'"
    assert plain.until == {"run.train_steps": "7"}
    assert ask("learning_rate_schedule_noam.multiplier = 0.001", "run.train_steps = 7") == plain
    assert starts() == 1

    # Another order, another layer, a macro, a comment, another way to write a value; where and how it runs.
    layer = tmp_path / "mine.gin"
    layer.write_text("# why\nRATE = 1e-3\nlearning_rate_schedule_noam.multiplier = %RATE\nSEED = 5\n")
    files = (*FILES, str(layer))
    more = ["run.mesh_devices = ['gpu:0']", "run.save_checkpoints_steps = 3", "code_t5.Progress.line_seconds = 1"]
    assert ask("run.train_steps = 7", "SEED = 0", *more, files=files) == plain

    # An edited file is read again, and the answer of before it is not taken.
    layer.write_text("SEED = 5\n")
    edited = ask("run.train_steps = 7", "SEED = 0", *more, files=files)
    assert {**edited.bindings, "learning_rate_schedule_noam.multiplier": "0.001"} == plain.bindings
    assert edited.bindings != plain.bindings
    assert edited.digest != plain.digest
    assert starts() == 3
    assert [path.suffix for path in (tmp_path / "results" / ".gin").iterdir()] == [".json", ".json"]


def test_what_is_wrong_is_told(ask):
    with pytest.raises(gin_digest.GinError, match=r"no_such.gin(.|\n)*error: Unable to open file: no_such.gin"):
        ask(files=("no_such.gin",))
