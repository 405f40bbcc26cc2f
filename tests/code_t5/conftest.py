"""A small data directory of real code, made once a session with the commands that users run."""

import pathlib
import subprocess
import sys
import sysconfig

import pytest
import seqio

from code_t5.data.vocabulary import VOCABULARY
from tests.flcc_tree import write_flcc

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


@pytest.fixture
def use_data_dir(data_dir):
    """Makes this process look for data and vocabulary there, as `--t5_tfds_data_dir` does."""
    seqio.set_tfds_data_dir_override(str(data_dir))
    VOCABULARY.forget()
    yield data_dir
    seqio.set_tfds_data_dir_override(None)
    VOCABULARY.forget()
