import pathlib
import re
import subprocess
import sys

import pytest

from pipeline.gin_digest import Determined
from pipeline.model_gin import Gin
from pipeline.plan import Asked, Stage
from pipeline.stages import ARGUMENTS, STAGES

ROOT = pathlib.Path(__file__).parents[2]
# TensorFlow takes 10 s to import.
HEAVY = ("TrainingDataset", "CachedExamples", "Samples", "Predictions", "ExportedModel")


def command(stage: Stage) -> list[str]:
    """What makes it, where all that it may be made from is there."""
    inputs = {name: pathlib.Path("there", name) for name in stage.requires}
    gin = Gin(Determined({}, {}, {}, (), ""), ("--gin_file=a.gin",), "fl_py_dev")
    return stage.command(Asked({"source": ["here"], "shards": 4}, inputs, gin, "mine"))


def test_what_a_stage_is_made_from_comes_before_it():
    names = list(STAGES)
    assert all(names.index(one) < names.index(name) for name in names for one in STAGES[name].requires)


@pytest.mark.parametrize("name", STAGES)
def test_all_that_a_stage_is_made_from_is_in_its_command(name):
    words = command(STAGES[name])
    # Of two trees the smaller one; the cache comes with the model's data.
    used = [one for one in STAGES[name].requires if any(re.search(f"=( ')?there/{one}", word) for word in words)]
    assert used == [one for one in STAGES[name].requires if (name, one) != ("Documents", "FlccTree")]


@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=pytest.mark.slow) if one in HEAVY else one for one in STAGES if one != "TrainedModel"],
)
def test_the_command_takes_the_arguments_of_its_stage(name):
    module = command(STAGES[name])[1]
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, text=True, capture_output=True)
    known = set(re.findall(r"--(?:\[no\])?(\w+)", done.stdout + done.stderr))
    assert {*ARGUMENTS[name], STAGES[name].output.lstrip("-")} - known == set()
    assert {
        word.partition("=")[0].lstrip("-") for word in command(STAGES[name])[2:] if word[:2] == "--"
    } - known == set()
