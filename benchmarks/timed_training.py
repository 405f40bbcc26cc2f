"""Training by the clock, for t5's own program: `--module_import=benchmarks.timed_training`, the rest by gin.

Comparisons need the same time for every contestant, not the same number of steps: `train_code_model.max_seconds`. Here
is what else they need: checkpoints at equally spaced times, all kept, with what happened when in `progress.json`; and a
learning rate that falls by the clock, so nobody has to guess the number of steps.
"""

import bisect
import json
import os
import pathlib
from typing import Any

import gin
import numpy as np
import tensorflow.compat.v1 as tf

from code_t5.training import callbacks

PROGRESS = "progress.json"
# Losses of single steps are of no use; so many means over equal parts of the time are kept.
LOSS_PARTS = 50


@gin.configurable(module="benchmarks")
class Points(callbacks.Callback):
    """Saves a run's checkpoints at equally spaced times, the last at the end, and keeps what happened when.

    Attributes:
      saved: [step, seconds] of each checkpoint, in order.
      losses: for each of LOSS_PARTS parts of the time [sum of losses, steps].
      step_seconds: of each step, where they are asked for (with `train_code_model.chunk_steps = 1`).
      starts: processes that the run has taken.
    """

    name = "benchmark_points"

    def __init__(self, points: int = 5, step_seconds: bool = False):
        self._points, self._with_steps = points, step_seconds
        self.saved: list[list[float]] = []
        self.losses = [[0.0, 0] for _ in range(LOSS_PARTS)]
        self.step_seconds: list[float] = []
        self.starts = 0

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("saved", "losses", "step_seconds", "starts")}

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def begin(self, run) -> None:
        global _run
        _run = self._run = run
        self._budget = run.budget.max_seconds
        self._marks = [self._budget * number / self._points for number in range(1, self._points)]
        self.starts += 1

    def after_chunk(self, step, estimator, chunk) -> None:
        part = self.losses[min(int(self._run.seconds / self._budget * LOSS_PARTS), LOSS_PARTS - 1)]
        part[0] += float(chunk.losses.sum())
        part[1] += len(chunk.losses)
        if self._with_steps:
            self.step_seconds.append(round(chunk.seconds, 5))
        last = self.saved[-1][1] if self.saved else 0.0
        if bisect.bisect(self._marks, self._run.seconds) > bisect.bisect(self._marks, last):
            self._save(step)

    def end(self, step, estimator) -> None:
        self._save(step)

    def _save(self, step: int) -> None:
        if not self.saved or self.saved[-1][0] != step:
            self.saved.append([step, round(self._run.seconds, 3)])
        self._run.save_snapshot()
        self._write(finished=self._run.seconds >= self._budget)

    def _write(self, *, finished: bool) -> None:
        path = pathlib.Path(self._run.model_dir, PROGRESS)
        content = {"budget": self._budget, "finished": finished, **self.state()}
        path.with_suffix(".incomplete").write_text(json.dumps(content), encoding="utf-8")
        os.replace(path.with_suffix(".incomplete"), path)  # noqa: PTH105 (a rename over what is there)


# The learning rate is part of the graph, which is built where no argument of ours gets to.
_run = None


@gin.configurable(module="benchmarks")
def decay_by_time(step: tf.Tensor, total_train_steps: int, *, share: float = 0.3) -> tf.Tensor:
    """A factor of the learning rate: 1, falling to 0 on a straight line over the last `share` of the time.

    Example: with a budget of 100 s and a share of 0.3 it is 1.0 after 50 s, 0.5 after 85 s and 0 after 100 s.
    """
    del step, total_train_steps

    def factor():
        left = max(0.0, 1.0 - _run.seconds / _run.budget.max_seconds)
        return np.float32(min(1.0, left / share))

    found = tf.py_func(factor, [], tf.float32)
    found.set_shape([])
    return found
