"""A small dataset of real code, and a model of two layers trained by the clock with t5's own program."""

import pathlib
import subprocess
from collections.abc import Callable

import pytest

from benchmarks import training_variants
from benchmarks.measure import ROOT
from tests.flcc_tree import write_flcc


@pytest.fixture(scope="session")
def small_data(tmp_path_factory) -> pathlib.Path:
    """A folder with `documents` and `data_dir`."""
    # Only here, because it imports TensorFlow, which most tests of this folder do without.
    from tests.code_t5 import conftest as commands

    folder = tmp_path_factory.mktemp("small_data")
    write_flcc(folder / "flcc", commands.standard_library())
    commands.command("preprocessing.run", "--input_dir", folder / "flcc", "--output_dir", folder / "documents")
    vocabulary = ["--documents", folder / "documents", "--output_dir", folder / "vocabulary"]
    commands.command("preprocessing.vocabulary", *vocabulary, "--vocab_size", "1000", "--sample_mb", "0.5")
    dataset = ["--documents", folder / "documents", "--vocabulary", folder / "vocabulary"]
    commands.command("code_t5.main.build_dataset", *dataset, "--data_dir", folder / "data_dir")
    return folder


@pytest.fixture(scope="session")
def train_small(small_data) -> Callable[..., str]:
    """Trains a model for so many seconds, or goes on, and gives what the program wrote to its log."""
    from tests.code_t5.conftest import SMALL

    def train(model_dir: pathlib.Path, variant: training_variants.Variant, *, seconds: float) -> str:
        settings = training_variants.Settings(variant, 3, seconds / 60, points=2)
        more = {name: repr(value) for name, value in SMALL.items()}
        more |= {"benchmarks.Points.step_seconds": "True", "code_t5.train_code_model.chunk_steps": "1"}
        layers = training_variants.gin_layers(settings, more=more)
        command = training_variants.train_command(model_dir, small_data / "data_dir", layers=layers)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return train


@pytest.fixture(scope="session")
def small_model(train_small, tmp_path_factory) -> pathlib.Path:
    """The folder of a model with infilling, trained for two seconds; its log is in `stdout.txt`."""
    folder = tmp_path_factory.mktemp("small_model")
    log = train_small(folder, training_variants.WITH_INFILLING, seconds=2)
    (folder / "stdout.txt").write_text(log)
    return folder
