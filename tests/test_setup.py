"""The set-up: what stops it, what it leaves behind, what the lock and the wheel hold."""

import contextlib
import hashlib
import importlib.metadata
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import built_wheel
from tests.built_wheel import ROOMS

ROOT = pathlib.Path(__file__).parents[1]
# What t5 and seqio ask for under another name, see scripts/lock.sh.
NIGHTLIES = {"seqio-nightly", "tfds-nightly"}


def lines_of(name: str) -> list[str]:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    return [line for line in lines if line]


def pins() -> dict[str, str]:
    return {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines_of("requirements.lock")}


@pytest.fixture
def checkout(tmp_path):
    """A copy of what set-up needs, in a folder with a space in its name, with a lock of one library and torch."""
    folder = tmp_path / "a checkout"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "requirements.lock").write_text("six==1.16.0\ntorch==2.13.0\n")
    return folder


def environment(tmp_path, **changes: str) -> dict[str, str]:
    """The environment without what would lead pip or the set-up elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "MAKE", "MFLAGS")) and k != "PYTHON"}
    return {**kept, "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, **changes}


def fake_command(folder: pathlib.Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def set_up(checkout, env) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["make", "setup"], cwd=checkout, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


def stamps(checkout) -> list[pathlib.Path]:
    return list((checkout / ".venv").glob("ready*"))


def test_wrong_python_is_named_and_3_11_explained(checkout, tmp_path):
    fake_command(tmp_path / "bin", "python3.11", "echo 3.9.2")
    fake_command(tmp_path / "bin", "python3", "echo 3.12.1")
    done = set_up(checkout, environment(tmp_path, PATH=f"{tmp_path}/bin:{os.environ['PATH']}"))
    assert done.returncode != 0
    assert "Python 3.11 is needed" in done.stderr
    assert "python3.11: 3.9.2\n" in done.stderr
    assert "python3: 3.12.1\n" in done.stderr
    assert "make setup PYTHON=/path/to/python3.11" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_that_is_asked_for_is_the_only_one_tried(checkout, tmp_path):
    done = set_up(checkout, environment(tmp_path, PYTHON="/nowhere/python3.11"))
    assert done.returncode != 0
    assert "/nowhere/python3.11: not there, or does not run\n" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_full_disk_is_told_before_anything_is_installed(checkout, tmp_path):
    fake_command(
        tmp_path / "bin",
        "df",
        "echo Filesystem 1024-blocks Used Available\necho /dev/x 99999999 97902847 2097152 99% /",
    )
    done = set_up(checkout, environment(tmp_path, PATH=f"{tmp_path}/bin:{os.environ['PATH']}", PYTHON=sys.executable))
    assert done.returncode != 0
    assert f"6 GB of free disk are needed in {checkout}, and there are 2.0 GB." in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize(
    "pip_settings", [{"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}, {"PIP_NO_INDEX": "1"}]
)
def test_an_unreachable_index_is_told_and_leaves_no_stamp(checkout, tmp_path, pip_settings):
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "ready-0123456789abcdef").touch()  # of another lock
    done = set_up(checkout, environment(tmp_path, PYTHON=sys.executable, **pip_settings))
    assert done.returncode != 0
    assert "no network, or the package index that pip is set to use cannot be reached" in done.stderr
    assert "  | ERROR: No matching distribution found for six==1.16.0" in done.stderr
    assert not stamps(checkout)


def test_a_killed_set_up_leaves_no_stamp_and_a_second_one_waits_for_the_first(checkout, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent, contextlib.ExitStack() as stack:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        env = environment(tmp_path, PYTHON=sys.executable, PIP_INDEX_URL=index)

        def start(name: str) -> pathlib.Path:
            log = tmp_path / name
            process = subprocess.Popen(
                ["make", "setup"], cwd=checkout, env=env, stdout=log.open("w"), start_new_session=True
            )

            def kill() -> None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

            stack.callback(kill)
            return log

        def wait_for(log: pathlib.Path, text: str) -> None:
            end = time.monotonic() + 60
            while text not in log.read_text():
                assert time.monotonic() < end, f"{text!r} did not come: {log.read_text()!r}"
                time.sleep(0.05)

        wait_for(start("first"), "1 libraries")
        wait_for(start("second"), "Another set-up of this checkout is running; waiting for it.")
    assert (checkout / ".venv").is_dir()
    assert not stamps(checkout)
    left = subprocess.run(["make", "--question", "test"], cwd=checkout, env=env, capture_output=True)
    assert left.returncode == 1, "make takes the half-made environment for a good one"


def test_a_good_environment_is_left_alone(checkout, tmp_path):
    digest = hashlib.sha256((checkout / "requirements.lock").read_bytes()).hexdigest()
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / f"ready-{digest[:16]}").touch()
    (checkout / ".venv" / "versions.txt").write_text("Python 3.11.7")
    done = set_up(checkout, environment(tmp_path))
    assert (done.returncode, done.stdout) == (0, "The environment .venv is ready (Python 3.11.7).\n")


def test_the_lock_is_pins_and_nothing_else():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|file:|--hash|--index|--find-links|\s@\s|sha256", text)
    for line in lines_of("requirements.lock"):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line
    assert len(pins()) == len(lines_of("requirements.lock"))


@pytest.mark.parametrize("name", ["requirements.in", "requirements-gpu.txt"])
def test_requirements_name_no_address(name):
    assert not re.search(r"https?:|file:|--", "\n".join(lines_of(name)))


def test_the_lock_holds_all_that_is_asked_for():
    locked = pins()
    for line in lines_of("requirements.in"):
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        assert name in locked, f"requirements.in asks for {line}; `make lock` was not run"
        assert wanted.specifier.contains(locked[name]), f"{line} in requirements.in, {locked[name]} in the lock"


def test_the_lock_is_complete_and_is_what_is_installed():
    """Each pin is installed, and what each pinned distribution needs is pinned too, but for torch's CUDA packages."""
    locked, missing, different = pins(), [], []
    for name, version in locked.items():
        installed = importlib.metadata.distribution(name)
        if installed.version.partition("+")[0] != version:
            different.append(f"{name}: {version} in the lock, {installed.version} installed")
        for line in installed.requires or []:
            needed = Requirement(line)
            if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
                continue
            needed_name = canonicalize_name(needed.name)
            if name == "torch" and re.match("nvidia-|cuda-|triton", needed_name):
                continue
            if needed_name not in locked.keys() | NIGHTLIES:
                missing.append(f"{name} needs {needed_name}")
    assert (different, missing) == ([], [])


def test_make_help_lists_every_target_and_six_first(tmp_path):
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE)
    done = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    head, rest = done.stdout.split("\nmore\n")
    names = [line.split()[0] for line in head.splitlines()[1:]]
    assert names == ["setup", "demo", "smoke", "test", "lint", "help"]
    assert sorted(names + [line.split()[0] for line in rest.splitlines()]) == sorted(targets)
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert sorted(phony) == sorted(targets)


def test_clean_deletes_nothing_without_a_yes(checkout, tmp_path):
    (checkout / ".venv").mkdir()
    done = subprocess.run(
        ["make", "clean"], cwd=checkout, env=environment(tmp_path), capture_output=True, text=True, input="\n"
    )
    assert done.returncode != 0
    assert "Nothing was deleted." in done.stdout
    assert (checkout / ".venv").is_dir()
    subprocess.run(["make", "clean"], cwd=checkout, env=environment(tmp_path), text=True, input="y\n", check=True)
    assert not (checkout / ".venv").exists()


def test_scripts_pass_shellcheck():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (apt-get install shellcheck)")
    scripts = [*sorted((ROOT / "scripts").glob("*.sh")), ROOT / ".ci" / "run"]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_wheel_carries_the_gin_files_and_configs_prints_where(tmp_path):
    installed, elsewhere = tmp_path / "installed", tmp_path / "else where"
    elsewhere.mkdir()
    source, wheel = built_wheel.build(tmp_path)
    install = ["install", "--no-deps", "--no-index", "--target", installed, wheel]
    subprocess.run([*built_wheel.PIP, *install], check=True)

    done = subprocess.run(
        [sys.executable, "-m", "code_t5.main.configs"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(installed)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    folder = pathlib.Path(done.stdout.removesuffix("\n"))
    assert folder.is_relative_to(installed)
    assert (folder / "models").is_dir()
    ours = {path.relative_to(ROOT / "gin_configs") for path in (ROOT / "gin_configs").rglob("*.gin")}
    assert {path.relative_to(folder) for path in folder.rglob("*.gin")} == ours
    modules = {path.relative_to(source) for room in ROOMS for path in (source / room).rglob("*.py")}
    assert {path for path in modules if not (installed / path).is_file()} == set()


@pytest.mark.slow
def test_in_a_checkout_configs_prints_the_folder_beside_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "code_t5.main.configs"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == f"{ROOT}/gin_configs\n"
