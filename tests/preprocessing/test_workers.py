import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from preprocessing.workers import WorkerDiedError, Workers


def double(number: int) -> int:
    return 2 * number


def process(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def fail(number: int) -> int:
    raise ValueError(f"task {number} is wrong")


def die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return number


def names(count: int) -> list[str]:
    return [f"reading unit {i}" for i in range(count)]


@pytest.mark.parametrize("count", [1, 2])
def test_every_task_has_its_result(tmp_path, count):
    with Workers(count, tmp_path / "doing") as workers:
        for _ in range(2):
            assert sorted(workers.run(double, range(9), names=names(9))) == [(i, 2 * i) for i in range(9)]


def test_one_worker_is_this_process_and_two_are_not(tmp_path):
    with Workers(1, tmp_path / "one") as workers:
        assert {pid for _, pid in workers.run(process, range(3), names=names(3))} == {os.getpid()}
    with Workers(2, tmp_path / "two") as workers:
        pids = {pid for _, pid in workers.run(process, range(8), names=names(8))}
    assert len(pids) == 2
    assert os.getpid() not in pids


@pytest.mark.parametrize("count", [1, 2])
def test_an_exception_comes_through(tmp_path, count):
    with pytest.raises(ValueError, match="task 0 is wrong"), Workers(count, tmp_path / "doing") as workers:
        list(workers.run(fail, range(1), names=names(1)))


def test_a_death_names_the_task(tmp_path):
    message = r"a worker process died \(signal 9\) while reading unit 3\. .* fewer --workers"
    with pytest.raises(WorkerDiedError, match=message), Workers(2, tmp_path / "doing") as workers:
        list(workers.run(die, range(9), names=names(9)))


def die_while_answering(number: int) -> bytes:
    """Task 0 stops the main process, so that its answer fills the pipe, and dies when the main process goes on."""

    def end() -> None:
        os.kill(main_process, signal.SIGCONT)
        os.kill(os.getpid(), signal.SIGKILL)

    if number == 0:
        main_process = int(os.environ["MAIN_PROCESS"])
        os.kill(main_process, signal.SIGSTOP)
        threading.Timer(0.5, end).start()
        return bytes(50_000_000)
    time.sleep(1)
    return b""


def test_a_death_while_a_large_answer_is_on_its_way_is_no_hang(tmp_path):
    program = f"""
import os, pathlib
os.environ["MAIN_PROCESS"] = str(os.getpid())
from preprocessing.workers import WorkerDiedError, Workers
from tests.preprocessing import test_workers
try:
    with Workers(2, pathlib.Path({str(tmp_path / "doing")!r})) as workers:
        list(workers.run(test_workers.die_while_answering, range(9), names=test_workers.names(9)))
except WorkerDiedError as error:
    print(error)
"""
    command = [sys.executable, "-c", program]
    root = pathlib.Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.communicate(timeout=20)[0].startswith("a worker process died (signal 9)")
    finally:
        process.kill()
