"""Runs that are killed, refused, or out of space: nothing finished-looking is left, and a re-run is the same.

`tests/faults` does the same, and more, with every command.
"""

import contextlib
import pathlib
import random
import signal
import subprocess
import time

import psutil
import pytest

from preprocessing import output_folder, run, shards
from tests.flcc_tree import write_flcc
from tests.preprocessing.test_run import COMMAND, ROOT, command, everything, large_tree


@pytest.fixture
def tree(tmp_path):
    return write_flcc(tmp_path / "tree", {f"o{i}/n": {"a.py": f"x = {i}\n"} for i in range(4)})


def test_the_second_run_at_once_is_refused(tree, tmp_path, capsys):
    with output_folder.making(tmp_path / "out"), pytest.raises(SystemExit) as stopped:
        run.main(["--input_dir", str(tree), "--output_dir", str(tmp_path / "out")])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: another process is making {tmp_path / 'out'} at this moment")


def test_full_disk(tree, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "write_shard", full)
    with pytest.raises(SystemExit) as stopped:
        run.main(["--input_dir", str(tree), "--output_dir", str(tmp_path / "out"), "--workers=1"])
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith(f"error: no space left on the disk of {tmp_path / 'out'}")
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


def _wait_for(pattern: str, folder: pathlib.Path, process: subprocess.Popen, *, but: set[pathlib.Path]) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until and not set(folder.glob(pattern)) - but:
        time.sleep(0.002)


def _wait_until_gone(processes: list[psutil.Process]) -> None:
    until = time.monotonic() + 10
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            while process.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < until, f"{process} outlives its parent"
                time.sleep(0.01)


def test_killed_runs_leave_nothing_finished_and_a_rerun_is_the_same(tmp_path):
    tree = large_tree(tmp_path / "tree")
    run.main(["--input_dir", str(tree), "--output_dir", str(tmp_path / "expected"), "--workers=1"])
    out = tmp_path / "out"
    arguments = ["--input_dir", str(tree), "--output_dir", str(out), "--workers", "2"]
    generator = random.Random()
    moments = ["out.incomplete/run-*", "out.incomplete/run-*/spills/*", "out.incomplete/run-*/documents/*.parquet"]
    killed = 0
    for pattern in moments:
        left = set(tmp_path.glob(pattern))
        process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_for(pattern, tmp_path, process, but=left)
        time.sleep(generator.random() * 0.03)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            killed += 1
            assert not out.exists()
            _wait_until_gone(children)
    assert killed >= 2
    assert "already made" not in command(*arguments).stdout
    assert everything(out) == everything(tmp_path / "expected")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "out", "tree"]
