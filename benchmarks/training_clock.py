"""Tells when each step of a run ended, and what a snapshot and a validation cost, for `benchmarks/training.py`.

Brought in by gin: `code_t5.train_code_model.more_callbacks = [@benchmarks.Clock()]`, with `chunk_steps = 1`.
"""

import json
import os
import pathlib
import time

import gin

from code_t5.training import callbacks, snapshots, validation


@gin.configurable(module="benchmarks")
class Clock(callbacks.Callback):
    """Writes what it saw when the run ends.

    {"steps": one [time of its end in seconds since 1970, seconds, of which for input, real tokens] each,
    "snapshot_s", "restore_s", "validation_s": each done a few times; "snapshot_bytes": {"weights", "input"}}
    """

    def __init__(self, path: str = "", repeats: int = 3):
        self._path, self._repeats = pathlib.Path(path), repeats
        self._steps: list[list[float]] = []

    def begin(self, run) -> None:
        self._run = run

    def after_chunk(self, step, estimator, chunk) -> None:
        self._steps.append([time.time(), chunk.seconds, chunk.input_seconds, chunk.real_tokens])

    def end(self, step, estimator) -> None:
        found = {"steps": self._steps}
        if self._repeats:
            found["snapshot_s"] = self._timed(self._run.save_snapshot)
            found["restore_s"] = self._timed(self._run.restore_snapshot)
            found["snapshot_bytes"] = self._bytes(step)
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

    def _bytes(self, step: int) -> dict[str, int]:
        model_dir = pathlib.Path(self._run.model_dir)
        weights = model_dir.glob(f"{pathlib.Path(snapshots.prefix('', step)).name}.*")
        state = pathlib.Path(snapshots.folder(os.fspath(model_dir), step)).iterdir()
        return {
            name: sum(path.stat().st_size for path in paths) for name, paths in (("weights", weights), ("input", state))
        }
