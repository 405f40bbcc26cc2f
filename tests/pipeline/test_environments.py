"""Environments made from locks of a wheel that the test builds; no network."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from pipeline import environments
from pipeline.environments import Environment

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[2]
PYTHON = pathlib.Path(sys.executable)
WHEEL = "tiny-1.0-py3-none-any.whl"
MAKE = """
import pathlib, sys
from pipeline import environments
found = environments.Environment("tiny", pathlib.Path(sys.executable), pathlib.Path(sys.argv[1]))
print(environments.python_of(found, pathlib.Path(sys.argv[2])))
"""


@pytest.fixture
def lock(tmp_path) -> pathlib.Path:
    """Of one package `tiny` of one line, in a wheel beside it."""
    folder = tmp_path / "locks"
    folder.mkdir()
    about = "tiny-1.0.dist-info"
    files = {
        "tiny.py": "ANSWER = 42\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\nRequires-Dist: not-to-be-looked-for\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    (folder / "tiny.lock").write_text(f"./{WHEEL}\n")
    return folder / "tiny.lock"


def answer(python: pathlib.Path) -> str:
    words = [python, "-c", "import sys, tiny; print(tiny.ANSWER, sys.prefix)"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def start(lock: pathlib.Path, results: pathlib.Path) -> subprocess.Popen:
    words = [sys.executable, "-c", MAKE, lock, results]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_is_made_once_and_found_again(lock, tmp_path):
    told = []
    wanted = Environment("tiny", PYTHON, lock)
    python = environments.python_of(wanted, tmp_path, progress=told.append)
    folder = python.parents[1]
    assert folder.parent == tmp_path / ".environments"
    assert answer(python) == f"42 {folder}"
    assert "Successfully installed tiny-1.0" in told[-1]
    assert (folder / "made_from.lock").read_bytes() == lock.read_bytes()
    assert environments.python_of(wanted, tmp_path, progress=lambda line: pytest.fail(line)) == python


def test_a_wrong_lock_is_told_with_the_last_lines_and_tried_again(lock, tmp_path):
    wanted = Environment("tiny", PYTHON, lock)
    lock.write_text("./tiny-2.0-py3-none-any.whl\n")
    with pytest.raises(environments.SetUpError, match=r"tiny could not be made(.|\n)*No such file.*tiny-2\.0"):
        environments.python_of(wanted, tmp_path)
    (folder,) = (path for path in (tmp_path / ".environments").iterdir() if path.is_dir())
    assert not (folder / "made_from.lock").exists()
    wheel = lock.with_name(WHEEL)
    lock.write_text(f"./{WHEEL}\n")
    wheel.rename(lock.with_name("away"))
    with pytest.raises(environments.SetUpError):
        environments.python_of(wanted, tmp_path)
    lock.with_name("away").rename(wheel)
    assert answer(environments.python_of(wanted, tmp_path)).startswith("42 ")


def test_two_processes_at_once_make_it_once(lock, tmp_path):
    both = [start(lock, tmp_path), start(lock, tmp_path)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0] == said[1]
    (log,) = (tmp_path / ".environments").glob("*.log")
    assert log.read_text().count("Successfully installed") == 1
    assert answer(pathlib.Path(said[0][0].strip())).startswith("42 ")


def test_one_that_was_killed_is_made_anew(lock, tmp_path):
    process = start(lock, tmp_path)
    end = time.monotonic() + 60
    while not list((tmp_path / ".environments").glob("*/bin/python")) and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (python,) = (tmp_path / ".environments").glob("*/bin/python")
    assert not (python.parents[1] / "made_from.lock").exists()
    (python.parents[1] / "left").touch()
    assert environments.python_of(Environment("tiny", PYTHON, lock), tmp_path) == python
    assert answer(python).startswith("42 ")
    assert not (python.parents[1] / "left").exists()


def test_without_a_lock_it_is_the_interpreter(tmp_path):
    assert environments.python_of(Environment("here", PYTHON), tmp_path) == PYTHON
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(environments.SetUpError, match=r"the environment new wants .*/no.lock, which is not there"):
        environments.python_of(Environment("new", PYTHON, tmp_path / "no.lock"), tmp_path)
