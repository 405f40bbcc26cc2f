"""A stage's command: started in a process group of its own, its output kept, and never left behind."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

LAST_LINES = 20
# Training saves a snapshot when it is told to stop.
GRACE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
# No line of use is longer; a log may have one line of gigabytes.
_TAIL_BYTES = 64 * 1024


class CommandError(RuntimeError):
    """A command failed.

    Attributes:
      command: its words.
      code: its exit status, negative the signal that killed it; 127 where it could not be started.
      reason: in one line.
      last_lines: of its log, 20 at most.
    """

    def __init__(self, command: Sequence[str], code: int, last_lines: Sequence[str], log: pathlib.Path):
        self.command, self.code, self.last_lines = list(command), code, list(last_lines)
        how = "could not be started" if code == 127 else f"ended with status {code}"
        if code < 0:
            out_of_memory = ": out of memory?" if code == -signal.SIGKILL else ""
            how = f"was killed by {_signal_name(-code)}{out_of_memory}"
        self.reason = f"{' '.join(self.command[:4])}{' ...' if self.command[4:] else ''} {how}"
        shown = "".join(f"\n  {line}" for line in self.last_lines)
        super().__init__(f"{self.reason}; all of its output is in {log}{', which ends:' if shown else ''}{shown}")


class Stopped(KeyboardInterrupt):
    """The pipeline got SIGTERM. Luigi takes other exceptions for a failed task, and would go on with the next."""


def run(
    command: Sequence[str | os.PathLike],
    log: pathlib.Path,
    *,
    progress: Callable[[str], None] = lambda line: None,
    environment: Mapping[str, str] | None = None,
    folder: pathlib.Path | None = None,
    hold: Sequence[int] = (),
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Runs a command to its end. Its children end with it, and all of them when the pipeline is told to stop.

    Args:
      command: the program and its arguments; no shell looks at them.
      log: what it says is written at the end of this file.
      progress: is told its last line whenever there is another one; a bar's "\\r" ends a line, too.
      environment: variables beside, or instead of, those of the pipeline.
      folder: where it runs; here, where it is not given.
      hold: open file descriptors that the command gets, so that a lock is held as long as any of its processes lives,
        even when the pipeline was killed.
      grace_seconds: between being told to stop and being killed.

    Raises:
      CommandError: it ended with another status than 0, or could not be started.
      KeyboardInterrupt: Ctrl-C, or as `Stopped` SIGTERM; the command has ended by then.
    """
    words = [os.fspath(word) for word in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output, _noted_signals() as told:
        start = output.tell()
        try:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A line is in the log when it is said.
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                cwd=folder,
                pass_fds=hold,
                start_new_session=True,
            )
        except OSError as error:
            raise CommandError(words, 127, [str(error)], log) from error
        try:
            code = _follow(process, log, start, progress, told)
        finally:
            _end(process, grace_seconds, told)
    if told:
        raise Stopped("told to stop (SIGTERM)") if told[0] == signal.SIGTERM else KeyboardInterrupt
    if code:
        raise CommandError(words, code, last_lines(log, start), log)


def last_lines(log: pathlib.Path, start: int = 0, count: int = LAST_LINES) -> list[str]:
    """The last lines of a log that have something in them.

    Args:
      start: bytes of the log that are left out, as of an earlier run.
    """
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - _TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    return [line.rstrip() for line in re.split(r"[\r\n]", text) if line.strip()][-count:]


def _follow(
    process: subprocess.Popen,
    log: pathlib.Path,
    start: int,
    progress: Callable[[str], None],
    told: Sequence[int],
) -> int | None:
    """Waits for the end; gives the exit status, None where the pipeline was told to stop."""
    line, size = "", start
    while not told:
        # Asked before the log is read, so that the last words are not missed.
        code = process.poll()
        if log.stat().st_size != size:
            size = log.stat().st_size
            found = last_lines(log, start, 1)
            if found and found[0] != line:
                line = found[0]
                progress(line)
        if code is not None:
            return code
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
    return None


def _end(process: subprocess.Popen, grace_seconds: float, told: Sequence[int]) -> None:
    """Ends what is left of a process group: nothing where it ended by itself and left no children."""
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            end, before = time.monotonic() + grace_seconds, len(told)
            # Told a second time to stop, it stops at once.
            while process.poll() is None and time.monotonic() < end and len(told) == before:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Gives a list to which SIGINT and SIGTERM are added as they come.

    An exception at once, as Python's own of Ctrl-C, may come while the command is being started, and leave it behind.
    """
    told: list[int] = []
    before = {}
    # Python lets the main thread alone set handlers. What is ignored, as Ctrl-C behind `nohup ... &`, stays so.
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda number, frame: told.append(number))
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
