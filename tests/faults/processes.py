"""Commands in sessions of their own: killed at any moment, and all their processes can be found again."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil

ROOT = pathlib.Path(__file__).parents[2]
VICTIMS = ("group", "main", "worker")
# Every process that a command starts, however deep, has this variable with the command's own value.
_MARK = "CODE_T5_FAULTS"


class Running:
    """A command that runs.

    Args:
      argv: as for `subprocess.Popen`; "python" stands for this interpreter.
      environment: variables beside those of this process.

    Attributes:
      process: its main process.
    """

    def __init__(self, argv: Sequence[str | os.PathLike], *, environment: dict[str, str] | None = None):
        self._mark = f"{_MARK}={uuid.uuid4().hex}"
        name, value = self._mark.split("=")
        self._output = [tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") for _ in range(2)]  # noqa: SIM115
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable if argument == "python" else str(argument) for argument in argv],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "random", **(environment or {}), name: value},
            stdin=subprocess.DEVNULL,
            stdout=self._output[0],
            stderr=self._output[1],
            start_new_session=True,
        )

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def stdout(self) -> str:
        return self._read(0)

    @property
    def stderr(self) -> str:
        return self._read(1)

    def wait(self, *, timeout_s: float = 120) -> int | None:
        """The exit status, None where it has not ended in time."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def living(self) -> list[psutil.Process]:
        """Every process that belongs to the command and has not ended."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                is_of_command = self._mark.encode() in pathlib.Path(f"/proc/{process.pid}/environ").read_bytes()
                if is_of_command and process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """The processes that `preprocessing.workers` has started: children of the fork server."""
        with contextlib.suppress(psutil.Error):
            all_ = psutil.Process(self.process.pid).children(recursive=True)
            return sorted(
                (process for process in all_ if process.ppid() != self.process.pid), key=lambda process: process.pid
            )
        return []

    def kill(self, victim: str, *, choose: Callable[[list], Any] = lambda workers: workers[0]) -> str:
        """Sends SIGKILL.

        Args:
          victim: one of VICTIMS: all processes, the main one alone, or one worker, as soon as there is one.
          choose: takes one out of the workers.

        Returns:
          What was killed; "none" if the command had ended by then.
        """
        while victim == "worker" and self.process.poll() is None:
            if workers := self.workers():
                with contextlib.suppress(psutil.NoSuchProcess):
                    choose(workers).kill()
                return "worker"
        if self.process.poll() is not None:
            return "none"
        if victim == "group":
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        return victim

    def wait_until_gone(self, *, timeout_s: float = 10) -> list[str]:
        """What of its processes is still alive after some time, as command lines; they are killed then."""
        until = time.monotonic() + timeout_s
        while living := self.living():
            if time.monotonic() > until:
                orphans = [f"{process.pid} {' '.join(process.cmdline())[:100]}" for process in living]
                self.end()
                return orphans
            time.sleep(0.02)
        return []

    def end(self) -> None:
        """Kills whatever is left of it."""
        for process in self.living():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def _read(self, number: int) -> str:
        file = self._output[number]
        file.seek(0)
        return file.read()


@contextlib.contextmanager
def running(argv: Sequence[str | os.PathLike], **options) -> Iterator[Running]:
    """Starts a command, and ends what is left of it with the block."""
    command = Running(argv, **options)
    try:
        yield command
    finally:
        command.end()


def finished(argv: Sequence[str | os.PathLike], **options) -> Running:
    """Runs a command to its end, whatever that is."""
    command = Running(argv, **options)
    try:
        command.wait(timeout_s=600)
    finally:
        command.end()
    return command


def error_line(stderr: str) -> str:
    """The one line that begins with `error:`.

    Raises:
      AssertionError: there is none, or more, or a traceback.
    """
    lines = re.findall(r"^error: .*$", stderr, re.MULTILINE)
    assert len(lines) == 1, stderr[-3000:]
    assert "Traceback" not in stderr, stderr[-3000:]
    return lines[0]
