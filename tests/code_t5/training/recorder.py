"""A callback for the tests: it writes down each step's loss and the digest of its batch."""

import hashlib
import json
import os
import pathlib
import signal

import gin

from code_t5.training import callbacks
from tests.faults.small_disk import SmallDisk


@gin.configurable(module="recorder")
class Recorder(callbacks.Callback):
    """Appends {"step", "loss", "batch"} of each step to a file; may kill its own process at a step."""

    def __init__(self, path: str = "", signal_at: int | None = None, signal_name: str = "SIGKILL"):
        self._path, self._signal_at, self._signal = path, signal_at, signal.Signals[signal_name]

    def after_chunk(self, step, estimator, chunk):
        first = step - len(chunk.losses) + 1
        with pathlib.Path(self._path).open("a") as file:
            for number, (loss, batch) in enumerate(zip(chunk.losses, chunk.batches, strict=True)):
                text = b"".join(batch[name].tobytes() for name in sorted(batch))
                digest = hashlib.sha256(text).hexdigest()
                file.write(json.dumps({"step": first + number, "loss": float(loss), "batch": digest}) + "\n")
        if self._signal_at is not None and step >= self._signal_at:
            self._signal_at = None
            os.kill(os.getpid(), self._signal)


def read(path) -> dict[int, tuple[float, str]]:
    """Step -> loss and digest; what was trained once more after a restart counts as it was trained last."""
    with pathlib.Path(path).open() as file:
        rows = [json.loads(line) for line in file]
    return {row["step"]: (row["loss"], row["batch"]) for row in rows}


@gin.configurable(module="recorder")
class DiskFiller(callbacks.Callback):
    """Fills the disk of a folder at a step, and gives the space back at another."""

    def __init__(self, folder: str = "", fill_at: int = 0, clear_at: int | None = None):
        self._disk, self._fill_at, self._clear_at = SmallDisk(pathlib.Path(folder)), fill_at, clear_at

    def after_chunk(self, step, estimator, chunk):
        if step == self._fill_at:
            self._disk.fill(leave=20_000)
        if step == self._clear_at:
            self._disk.clear()
