"""Worker processes whose death is an error that names what they were doing, never a hang.

Each process has a pipe of its own. The standard library's pool has two for all of them, and waits for ever when one
dies while it writes its answer, or while another one is just being started.
"""

import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import tqdm


class WorkerDiedError(RuntimeError):
    """A worker process ended without an answer: killed by a person, or by the system for want of memory."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Worker:
    process: multiprocessing.process.BaseProcess
    pipe: multiprocessing.connection.Connection


class Workers:
    """A pool of processes; with one worker everything happens in this process, which is what a debugger wants.

    The processes come from a fork server, not by forking this one: it may have threads by now (Arrow's, or
    TensorFlow's in a notebook), and their locks would be copied in whatever state they are.

    Args:
      count: number of processes; they are started when there is work.
    """

    def __init__(self, count: int):
        self.count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, kind: type | None, *rest) -> None:
        self._end(kill=kind is not None)

    def run(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], *, names: Sequence[str]
    ) -> Iterator[tuple[int, Any]]:
        """Calls `function` on every task.

        Args:
          function: of a module, one argument, picklable result.
          tasks: picklable.
          names: for each task what to call it when its process dies, such as "reading ann/tool".

        Yields:
          (number of the task, result), as they come.

        Raises:
          WorkerDiedError: a process died; its task is named.
          Exception: whatever `function` raised.
        """
        if self.count == 1:
            for number, task in enumerate(tasks):
                yield number, function(task)
            return
        try:
            yield from self._answers(function, tasks, names)
        except BaseException:
            # Also where the caller stops before the end: what is still to come would be taken for the next run's.
            self._end(kill=True)
            raise

    def _answers(
        self, function: Callable[[Any], Any], tasks: Sequence[Any], names: Sequence[str]
    ) -> Iterator[tuple[int, Any]]:
        waiting = list(range(len(tasks)))[::-1]
        doing: dict[multiprocessing.connection.Connection, tuple[_Worker, int]] = {}

        def give_work(worker: _Worker) -> None:
            if waiting:
                number = waiting.pop()
                doing[worker.pipe] = worker, number
                try:
                    worker.pipe.send((function, tasks[number]))
                except OSError as error:
                    raise WorkerDiedError(_obituary(worker, "waiting for work")) from error

        self._start(min(self.count, len(tasks)))
        for worker in self._workers:
            give_work(worker)
        while doing:
            for pipe in multiprocessing.connection.wait(list(doing)):
                worker, number = doing.pop(pipe)
                try:
                    result, error = pipe.recv()
                except (EOFError, OSError) as end:
                    raise WorkerDiedError(_obituary(worker, names[number])) from end
                if error is not None:
                    raise error
                give_work(worker)
                yield number, result

    def _start(self, count: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["preprocessing.chain"])
        while len(self._workers) < count:
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()  # so that the pipe ends with the process
            self._workers.append(_Worker(process, ours))

    def _end(self, *, kill: bool) -> None:
        for worker in self._workers:
            worker.pipe.close()  # which ends a process that waits for work
            if kill:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join()
        self._workers = []


def _obituary(worker: _Worker, doing: str) -> str:
    worker.process.join()
    code = worker.process.exitcode
    how = f"signal {-code}" if code < 0 else f"status {code}"
    return (
        f"a worker process died ({how}) while {doing}. Signal 9 is mostly the system's answer to a lack of memory: try "
        "again with fewer --workers"
    )


def progress(title: str, size: int, *, unit: str = "B") -> tqdm.tqdm:
    """A bar over bytes, or over what `unit` says, with rate and time left; quiet when not on a terminal."""
    return tqdm.tqdm(desc=title, total=size, unit=unit, unit_scale=True, disable=None, leave=False)


def leave_pandas_out() -> None:
    """Keeps Arrow from importing pandas (0.4 s and 60 MB) at its first array, to recognise objects nobody makes here.

    It asks once: here, where there is none. For processes of our own alone, in which nobody wants data frames.
    """
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is left out", name=name)


def _work(pipe: multiprocessing.connection.Connection) -> None:
    """Answers each (function, task) with (result, None) or (None, exception), until the pipe is closed."""
    leave_pandas_out()
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):  # the pipe is closed
        while True:
            pipe.send_bytes(_answer(*pipe.recv()))


def _answer(function: Callable[[Any], Any], task: Any) -> bytes:
    try:
        return pickle.dumps((function(task), None), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        try:
            answer = pickle.dumps((None, error))
            pickle.loads(answer)
        except Exception:  # an exception with arguments of its own may not come back
            answer = pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
        return answer


def _die_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
