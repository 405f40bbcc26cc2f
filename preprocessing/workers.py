"""Worker processes whose death is an error that names what they were doing, never a hang."""

import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pyarrow as pa
import tqdm


class WorkerDiedError(RuntimeError):
    """A worker process ended without an answer: killed by a person, or by the system for want of memory."""


class Workers:
    """A pool of processes; with one worker everything happens in this process, which is what a debugger wants.

    The processes come from a fork server, not by forking this one: it may have threads by now (Arrow's, or
    TensorFlow's in a notebook), and their locks would be copied in whatever state they are.

    Args:
      count: number of processes.
      folder: a folder to be made, where each process notes what it is doing and leaves its answers.
    """

    def __init__(self, count: int, folder: pathlib.Path):
        self.count = count
        self._folder = folder
        folder.mkdir()
        self._pool = None
        if count > 1:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["preprocessing.chain"])
            self._pool = concurrent.futures.ProcessPoolExecutor(count, mp_context=context, initializer=_begin_worker)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *exception) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

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
        if not self._pool:
            for number, task in enumerate(tasks):
                yield number, function(task)
            return
        futures = {}
        processes = set()
        try:
            for number, (task, name) in enumerate(zip(tasks, names, strict=True)):
                answer = self._folder / f"answer-{number}"
                futures[self._pool.submit(_run_task, answer, name, function, task)] = number
                processes.update(multiprocessing.active_children())
            for future in concurrent.futures.as_completed(futures):
                yield futures.pop(future), _taken(future.result())
        except BrokenProcessPool as error:
            self._pool.shutdown(cancel_futures=True)
            raise WorkerDiedError(self._obituary(processes)) from error

    def _obituary(self, processes: set) -> str:
        # The pool ends the other processes with SIGTERM; the one that ended otherwise began it.
        notes = {int(file.name): file.read_text(encoding="utf-8") for file in self._folder.glob("[0-9]*")}
        exit_codes = {process.pid: process.exitcode for process in processes if process.pid in notes}
        first = [pid for pid, code in exit_codes.items() if code not in (None, 0, -signal.SIGTERM)]
        doing = " or ".join(sorted(notes[pid] for pid in first or notes)) or "starting"
        codes = {exit_codes[pid] for pid in first}
        how = f"signal {-min(codes)}" if codes and min(codes) < 0 else "no signal known"
        return (
            f"a worker process died ({how}) while {doing}. Signal 9 is mostly the system's answer to a lack of memory: "
            "try again with fewer --workers"
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


def _begin_worker() -> None:
    leave_pandas_out()
    # Ctrl-C reaches every process of the terminal; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _run_task(answer: pathlib.Path, name: str, function: Callable[[Any], Any], task: Any) -> pathlib.Path:
    """Leaves the answer in a file: the pool waits for ever for the rest of one whose writer died halfway in a pipe."""
    note = answer.with_name(str(os.getpid()))
    note.write_text(name, encoding="utf-8")
    try:
        with answer.open("wb") as file:
            pickle.dump(function(task), file, protocol=pickle.HIGHEST_PROTOCOL)
    finally:
        note.unlink()
    return answer


def _taken(answer: pathlib.Path) -> Any:
    with answer.open("rb") as file:
        result = pickle.load(file)
    answer.unlink()
    return result
