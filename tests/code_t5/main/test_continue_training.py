import json
import subprocess
import sys

import pytest

from code_t5.main import continue_training
from code_t5.training import run_record
from tests.code_t5.conftest import ROOT, SMALL, entry_point
from tests.code_t5.training import recorder

COMMAND = ["python", "-m", "t5.models.mesh_transformer_main", "--model_dir=a", "--gin_param=run.train_steps = 5"]


@pytest.fixture
def recorded(tmp_path):
    """Gives a model directory whose record says that it was trained with some words."""

    def make(words: list[str]) -> str:
        run_record.write(str(tmp_path), run_record.RECORD, json.dumps({"starts": [{"command": words}]}))
        return str(tmp_path)

    return make


@pytest.mark.parametrize(
    "words", [COMMAND, [*COMMAND[:3], "--model_dir", "a", COMMAND[4]], [*COMMAND[:3], COMMAND[4], "--model_dir=a"]]
)
def test_the_command_is_that_of_the_run_with_more_steps(recorded, words):
    found = continue_training.command(recorded(words), "a_continue", steps=9, more=["--gin_param=dropout_rate = 0.1"])
    assert found == [
        *("python", "-m", "t5.models.mesh_transformer_main", "--gin_param=run.train_steps = 5"),
        *("--model_dir=a_continue", "--gin_param=run.train_steps = 9", "--gin_param=dropout_rate = 0.1"),
    ]


def test_a_free_name_is_taken(tmp_path):
    assert run_record.free_name(f"{tmp_path}/a", "continue") == f"{tmp_path}/a_continue"
    for name in ("a_continue", "a_continue_2"):
        (tmp_path / name).mkdir()
    assert run_record.free_name(f"{tmp_path}/a/", "continue") == f"{tmp_path}/a_continue_3"


@pytest.mark.parametrize(
    ("steps", "message"),
    [("5", "cannot be continued: it has no run.json"), ("0", "--steps must be more than 0, got 0")],
)
def test_what_is_wrong_is_said(tmp_path, steps, message):
    words = ["-m", "code_t5.main.continue_training", f"--model_dir={tmp_path}", f"--steps={steps}"]
    found = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert found.returncode
    assert message in found.stderr


@pytest.mark.slow
def test_one_run_goes_on_from_the_other(data_dir, tmp_path):
    """Twelve steps and twelve more are twenty-four: the same batches in the same order."""

    def start(folder, steps: int) -> None:
        params = {
            **SMALL,
            "MIXTURE_NAME": "fl_py_dev",
            "run.train_steps": steps,
            "code_t5.Validation.full_at_end": False,
        }
        params["recorder.Recorder.path"] = str(tmp_path / f"{folder}.jsonl")
        flags = ["--module_import=tests.code_t5.training.recorder"]
        flags.append("--gin_param=code_t5.train_code_model.more_callbacks = [@recorder.Recorder()]")
        files = ("models/shared-prefix_lm.gin", "hardware/cpu.gin")
        entry_point(tmp_path / folder, data_dir, *files, params=params, flags=flags)

    start("long", 24)
    start("short", 12)
    words = ["-m", "code_t5.main.continue_training", f"--model_dir={tmp_path / 'short'}", "--steps=12"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "of step 12 goes on in" in done.stdout
    batches = [
        {step: batch for step, (_, batch) in recorder.read(tmp_path / f"{n}.jsonl").items()} for n in ("long", "short")
    ]
    assert batches[0] == batches[1]
    record = json.loads((tmp_path / "short_continue" / "run.json").read_text())
    assert (record["parent"]["step"], record["step"]) == (12, 24)
    assert not (tmp_path / "short" / "model.ckpt-24.index").exists()
