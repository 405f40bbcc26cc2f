"""A small data directory of real code, made once a session with the commands that users run."""

import pathlib
import subprocess
import sys
import sysconfig

import pytest
import seqio

from code_t5.data.vocabulary import VOCABULARY
from tests.flcc_tree import write_flcc

ROOT = pathlib.Path(__file__).parents[2]

# Packages of Python's standard library stand for repositories: real code, the same on every machine with this Python.
PACKAGES = (
    "asyncio",
    "concurrent",
    "ctypes",
    "dbm",
    "email",
    "html",
    "http",
    "importlib",
    "json",
    "logging",
    "unittest",
)


def command(*arguments: str | pathlib.Path, **kwargs) -> subprocess.CompletedProcess:
    """Runs a command of the project; its output is in the error when it fails."""
    result = subprocess.run([sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True, **kwargs)
    assert result.returncode == 0, f"{arguments}\n{result.stdout}\n{result.stderr}"
    return result


def standard_library() -> dict[str, dict[str, bytes]]:
    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    return {
        f"python/{package}": {
            path.relative_to(stdlib).as_posix(): path.read_bytes()
            for path in sorted((stdlib / package).rglob("*.py"))
            if not {"test", "tests", "site-packages"} & set(path.parts)
        }
        for package in PACKAGES
    }


@pytest.fixture(scope="session")
def documents(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("documents")
    write_flcc(folder / "flcc", standard_library())
    command("preprocessing.run", "--input_dir", folder / "flcc", "--output_dir", folder / "documents")
    return folder / "documents"


@pytest.fixture(scope="session")
def vocabulary_dir(documents) -> pathlib.Path:
    folder = documents.parent / "vocabulary"
    command(
        "preprocessing.vocabulary", "--documents", documents, "--output_dir", folder, "--vocab_size", "1000",
        "--sample_mb", "0.5",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def data_dir(documents, vocabulary_dir) -> pathlib.Path:
    folder = documents.parent / "data"
    command(
        "code_t5.main.build_dataset", "--dataset", "flcc_python/dev", "--documents", documents,
        "--vocabulary", vocabulary_dir, "--data_dir", folder,
    )  # fmt: skip
    return folder


MODELS = ("shared-prefix_lm", "prefix_lm", "lm", "causal_lm")
# Two layers of width 64 and windows of 32 + 32 tokens: what these tests look at does not depend on size.
SMALL = {
    "num_layers": 2, "d_model": 64, "d_ff": 128, "num_heads": 2, "d_kv": 32, "run.save_checkpoints_steps": 1000,
    "code_t5.TensorBoard.every_steps": 10,
    "utils.run.sequence_length": {"inputs": 32, "targets": 32}, "utils.run.batch_size": ("sequences_per_batch", 8),
}  # fmt: skip


def entry_point(
    model_dir, data_dir, *gin_files: str, params: dict, flags: list[str] | None = None, check: bool = True
) -> subprocess.CompletedProcess:
    """Runs t5's own program as the documentation does."""
    arguments = [
        f"--model_dir={model_dir}", f"--t5_tfds_data_dir={data_dir}", "--module_import=code_t5",
        "--gin_location_prefix=gin_configs/", *(f"--gin_file={name}" for name in gin_files),
        *(f"--gin_param={name} = {value!r}" for name, value in params.items()), *(flags or []),
    ]  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "t5.models.mesh_transformer_main", *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert not check or result.returncode == 0, result.stderr[-5000:]
    return result


def train(
    model_dir, data_dir, model: str, *, steps: int, flags: list[str] | None = None, check: bool = True, **more
) -> subprocess.CompletedProcess:
    params = {**SMALL, "MIXTURE_NAME": "fl_py_dev", "run.train_steps": steps, **more}
    files = (f"models/{model}.gin", "hardware/cpu.gin")
    return entry_point(model_dir, data_dir, *files, params=params, flags=flags, check=check)


@pytest.fixture(scope="session")
def train_once(tmp_path_factory, data_dir):
    """Gives the model directory of one of MODELS, 20 steps old, trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("models")

    def trained_model(name: str) -> pathlib.Path:
        if not (folder / name).exists():
            train(folder / name, data_dir, name, steps=20)
        return folder / name

    return trained_model


@pytest.fixture(scope="session", params=MODELS)
def trained(request, train_once) -> pathlib.Path:
    """A model directory of each of MODELS."""
    return train_once(request.param)


@pytest.fixture(scope="session")
def trained_shared(train_once) -> pathlib.Path:
    """One model directory, for what is the same for all models."""
    return train_once("shared-prefix_lm")


@pytest.fixture
def use_data_dir(data_dir):
    """Makes this process look for data and vocabulary there, as `--t5_tfds_data_dir` does."""
    seqio.set_tfds_data_dir_override(str(data_dir))
    VOCABULARY.forget()
    yield data_dir
    seqio.set_tfds_data_dir_override(None)
    VOCABULARY.forget()
