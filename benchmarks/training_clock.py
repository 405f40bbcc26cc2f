"""Tells when each step of a training run ended, and what a snapshot and a validation cost, for `benchmarks/training.py`.

Brought in by gin: `code_t5.train_code_model.more_callbacks = [@benchmarks.Clock()]`, with `chunk_steps = 1`.
"""

import json
import pathlib
import time

import gin

from code_t5.training import callbacks, validation


@gin.configurable(module="benchmarks")
class Clock(callbacks.Callback):
    """Writes {"steps": [...], "snapshot_s": [...], "validation_s": [...], "restore_s": ...} when the run ends.

    A step is [time of its end in seconds since 1970, its seconds, those of waiting for input, real tokens].
    """

    def __init__(self, path: str = "", repeats: int = 3):
        self._path, self._repeats = pathlib.Path(path), repeats
        self._steps: list[list[float]] = []

    def begin(self, run) -> None:
        self._run = run

    def after_chunk(self, step, estimator, chunk) -> None:
        self._steps.append([time.time(), chunk.seconds, chunk.input_seconds, chunk.real_tokens])

    def end(self, step, estimator) -> None:
        found = {"steps": self._steps, "snapshot_s": self._timed(self._run.save_snapshot)}
        found["restore_s"] = self._timed(self._run.restore_snapshot)
        for callback in self._run.callbacks:
            if isinstance(callback, validation.Validation):
                callback.validate(step)  # builds its graph and reads its windows
                found["validation_s"] = self._timed(lambda one=callback: one.validate(step))
        self._path.write_text(json.dumps(found), encoding="utf-8")

    def _timed(self, action) -> list[float]:
        seconds = []
        for _ in range(self._repeats):
            started = time.perf_counter()
            action()
            seconds.append(round(time.perf_counter() - started, 4))
        return seconds
