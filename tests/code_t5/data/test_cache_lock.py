import errno
import signal
import subprocess
import sys

import filelock
import pytest

from code_t5.data import cache_lock

# As a process that makes a cache, without the twelve seconds that importing TensorFlow takes.
HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path):
    path = tmp_path / ".a_task.lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    message = f"another process is making the cache of a_task in {tmp_path} at this moment: wait for it"
    try:
        with pytest.raises(cache_lock.AlreadyRunningError, match=message), cache_lock.locked(str(tmp_path), "a_task"):
            pass
        with cache_lock.locked(str(tmp_path), "another_task"):
            pass
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.exists()
    with cache_lock.locked(str(tmp_path), "a_task"):
        pass


def test_the_lock_is_given_back_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyError), cache_lock.locked(str(tmp_path), "a_task"):
            raise KeyError


def test_two_at_once_in_one_process_are_refused_too(tmp_path):
    first, second = (cache_lock.locked(str(tmp_path), "a_task") for _ in range(2))
    with first, pytest.raises(cache_lock.AlreadyRunningError), second:
        pass


def test_an_object_store_is_not_locked():
    with cache_lock.locked("gs://bucket/cache", "a_task"), cache_lock.locked("gs://bucket/cache", "a_task"):
        pass


def test_a_file_system_without_locks_is_not_locked(tmp_path, monkeypatch):
    def no_locks(*arguments):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(filelock._unix.fcntl, "flock", no_locks)
    with cache_lock.locked(str(tmp_path), "a_task"):
        pass
