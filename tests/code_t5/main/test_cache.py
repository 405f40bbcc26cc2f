"""The command as users start it: killed, refused, on one core and on all, and what --verify says."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from code_t5.data.cache_manifest import CacheManifest
from tests.code_t5.data.small_tasks import everything, inodes

pytestmark = pytest.mark.slow
CACHE = [sys.executable, "-m", "code_t5.main.cache", "--tasks", "fl_py_dev"]


def cache(cache_dir: pathlib.Path, *more, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run([*CACHE, "--cache_dir", cache_dir, *more], capture_output=True, text=True, **kwargs)


@pytest.fixture(scope="module")
def undisturbed(data_dir, tmp_path_factory) -> pathlib.Path:
    """A cache that was made on one core."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = cache(folder, "--data_dir", data_dir, preexec_fn=lambda: os.sched_setaffinity(0, {0}))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["fl_py_dev", s] for s in ("train", "validation", "test")]
    assert lines[-1] == (
        f'  --additional_task_cache_dirs="{folder}" --gin_param="mesh_train_dataset_fn.use_cached = True"'
    )
    return folder / "fl_py_dev"


@contextlib.contextmanager
def stopped(cache_dir: pathlib.Path, data_dir: pathlib.Path, *, shards: int) -> Iterator[subprocess.Popen]:
    """A run that stands still as soon as it has made so many shards."""
    process = subprocess.Popen(
        [*CACHE, "--cache_dir", cache_dir, "--data_dir", data_dir],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None and len(inodes(cache_dir / "fl_py_dev")) < shards:
            time.sleep(0.001)
        process.send_signal(signal.SIGSTOP)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_second_run_is_refused_and_after_a_kill_it_goes_on(data_dir, undisturbed, tmp_path):
    folder = tmp_path / "fl_py_dev"
    with stopped(tmp_path, data_dir, shards=10) as process:
        assert process.poll() is None
        refused = cache(tmp_path, "--data_dir", data_dir)
        assert refused.returncode == 2
        message = f"error: another process is making the cache of fl_py_dev in {tmp_path} at this moment: wait for it"
        assert refused.stderr.splitlines()[-1].startswith(message)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "COMPLETED").exists()
    finished = CacheManifest.read(str(folder)).files
    before = {name: inode for name, inode in inodes(folder).items() if name in finished}
    assert len(before) >= 9
    done = cache(tmp_path, "--data_dir", data_dir)
    assert done.returncode == 0, done.stderr
    assert f"{folder}: {len(before)} finished shards of an earlier run are kept" in done.stderr
    assert before.items() <= inodes(folder).items()
    assert everything(folder) == everything(undisturbed)


def test_verify_names_what_is_damaged(undisturbed, tmp_path):
    good = cache(undisturbed.parent, "--verify")
    assert good.returncode == 0, good.stdout
    assert good.stdout.startswith(f"{undisturbed}: {len(everything(undisturbed)) - 2} files, ")
    shard = undisturbed / "train.tfrecord-00003-of-00016"
    data = shard.read_bytes()
    shard.write_bytes(data[:100] + bytes([data[100] ^ 4]) + data[101:])
    try:
        bad = cache(undisturbed.parent, "--verify")
    finally:
        shard.write_bytes(data)
    assert bad.returncode == 1
    assert bad.stdout == f"{shard} is damaged: its SHA-256 is not the manifest's\n"
