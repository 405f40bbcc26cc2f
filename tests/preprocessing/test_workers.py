import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import psutil
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
def test_every_task_has_its_result(count):
    with Workers(count) as workers:
        for _ in range(2):
            assert sorted(workers.run(double, range(9), names=names(9))) == [(i, 2 * i) for i in range(9)]


def test_one_worker_is_this_process_and_two_are_not():
    with Workers(1) as workers:
        assert {pid for _, pid in workers.run(process, range(3), names=names(3))} == {os.getpid()}
    with Workers(2) as workers:
        pids = {pid for _, pid in workers.run(process, range(8), names=names(8))}
    assert len(pids) == 2
    assert os.getpid() not in pids


@pytest.mark.parametrize("count", [1, 2])
def test_an_exception_comes_through(count):
    with pytest.raises(ValueError, match="task 0 is wrong"), Workers(count) as workers:
        list(workers.run(fail, range(1), names=names(1)))


def test_a_death_names_the_task():
    message = r"a worker process died \(signal 9\) while reading unit 3\. .* fewer --workers"
    with pytest.raises(WorkerDiedError, match=message), Workers(2) as workers:
        list(workers.run(die, range(9), names=names(9)))


def die_at_once(number: int) -> int:
    if number == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_death_while_others_are_just_being_started_is_no_hang():
    for _ in range(5):
        with pytest.raises(WorkerDiedError, match=r"\(signal 9\) while reading unit 0\."), Workers(4) as workers:
            list(workers.run(die_at_once, range(9), names=names(9)))


def test_the_death_of_a_process_without_work_is_seen_when_it_gets_some():
    with pytest.raises(WorkerDiedError) as raised, Workers(2) as workers:  # noqa: PT012
        for pid in {pid for _, pid in workers.run(process, range(8), names=names(8))}:
            idle = psutil.Process(pid)
            idle.kill()
            idle.wait(timeout=10)
        list(workers.run(double, range(9), names=names(9)))
    assert "(signal 9) while waiting for work." in str(raised.value)


def test_the_answers_of_an_abandoned_run_are_not_taken_for_those_of_the_next():
    with Workers(2) as workers:
        assert next(workers.run(process, range(8), names=names(8)))[0] in (0, 1)
        assert sorted(workers.run(double, range(9), names=names(9))) == [(i, 2 * i) for i in range(9)]


class OddError(Exception):
    """Cannot be made of one argument, which is what pickle tries."""

    def __init__(self, place: str, what: str):
        super().__init__(f"{place} is {what}")


def fail_oddly(_: int) -> None:
    raise OddError("the spill", "wrong")


def test_an_exception_that_cannot_be_sent_is_told_all_the_same():
    with pytest.raises(RuntimeError, match="^OddError: the spill is wrong$"), Workers(2) as workers:
        list(workers.run(fail_oddly, range(1), names=names(1)))


def sleep_long(number: int) -> None:
    if number:
        time.sleep(600)
    raise ValueError("task 0 is wrong")


def test_an_exception_does_not_wait_for_the_others():
    started = time.monotonic()
    with pytest.raises(ValueError, match="task 0 is wrong") as raised, Workers(2) as workers:
        list(workers.run(sleep_long, range(2), names=names(2)))
    assert time.monotonic() - started < 60
    assert "in a worker process:" in raised.value.__notes__[0]


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


def test_a_death_while_a_large_answer_is_on_its_way_is_no_hang():
    program = """
import os
os.environ["MAIN_PROCESS"] = str(os.getpid())
from preprocessing.workers import WorkerDiedError, Workers
from tests.preprocessing import test_workers
try:
    with Workers(2) as workers:
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
