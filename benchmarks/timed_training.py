"""Training by the clock, for t5's own program: `--module_import=benchmarks.timed_training`, the rest by gin.

Comparisons need the same time for every contestant, not the same number of steps. `train_for_seconds` trains as
`code_t5.training.loop.train_code_model` does and stops after so many seconds of training. They begin at the end of the
first step: building the graph takes a minute, is the same for all, and is not counted. The learning rate can fall by
the clock as well (`decay_by_time`), so nobody has to guess the number of steps.
"""

import bisect
import json
import os
import pathlib
import time
from collections.abc import Callable
from typing import Any

import gin
import numpy as np
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import utils as mesh_utils

from code_t5.training import loop

PROGRESS = "progress.json"
# Losses of single steps are of no use; so many means over equal parts of the time are kept.
LOSS_PARTS = 50


class Clock:
    """Seconds of training, also over several processes, and what happened when.

    It has the four methods of the timer in TensorFlow's `CheckpointSaverHook`, which it replaces: a checkpoint is
    saved at `points` equally spaced times, the last at the end.

    Attributes:
      budget: seconds to train.
      saved: [step, seconds] of each checkpoint, in order.
      losses: for each of LOSS_PARTS parts of the time [sum of losses, steps].
      step_seconds: of each step, where they are asked for.
    """

    def __init__(self, budget: float, *, points: int, path: pathlib.Path, now: Callable[[], float] = time.perf_counter):
        """`path` is the file that keeps all this between processes; it need not be there."""
        self.budget = budget
        self.saved: list[list[float]] = []
        self.losses = [[0.0, 0] for _ in range(LOSS_PARTS)]
        self.step_seconds: list[float] = []
        self.starts = 0
        self._marks = [budget * number / points for number in range(1, points)]
        self._path, self._now = path, now
        self._before = 0.0
        self._began: float | None = None
        self._last_end: float | None = None
        self._triggered: int | None = None

    def resume(self, step: int) -> None:
        """Goes on where the checkpoint of this step was saved.

        Raises:
          ValueError: the checkpoint is not one of those that the file names.
        """
        kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {"saved": []}
        self.starts = kept.get("starts", 0) + 1
        if step == 0:
            return
        found = [entry for entry in kept["saved"] if entry[0] == step]
        if not found:
            raise ValueError(
                f"{self._path} knows no checkpoint of step {step}, so how long it was trained is not known: it names "
                f"steps {[entry[0] for entry in kept['saved']]}. Delete {self._path.parent} to begin again"
            )
        self.saved = [entry for entry in kept["saved"] if entry[0] <= step]
        self._before = found[0][1]
        # The part of the time in which the checkpoint lies is trained once more from there on.
        part = self._part()
        self.losses[:part] = kept["losses"][:part]

    def seconds(self) -> float:
        """Seconds of training; 0 until the first step has ended."""
        return self._before + (self._now() - self._began if self._began is not None else 0.0)

    def end_step(self, loss: float) -> bool:
        """Takes the end of a step; whether the time is over."""
        now = self._now()
        if self._began is None:
            self._began = now
        else:
            self.step_seconds.append(now - self._last_end)
        self._last_end = now
        part = self.losses[self._part()]
        part[0] += float(loss)
        part[1] += 1
        return self.seconds() >= self.budget

    def remaining(self) -> float:
        """The share of the time that is left, in [0, 1]."""
        return max(0.0, 1.0 - self.seconds() / self.budget)

    def write(self, *, finished: bool, step_seconds: bool = False) -> None:
        """Keeps everything in the file, whole or not at all."""
        state: dict[str, Any] = {"budget": self.budget, "starts": self.starts, "finished": finished}
        state |= {"saved": self.saved, "losses": self.losses}
        if step_seconds:
            state["step_seconds"] = [round(seconds, 5) for seconds in self.step_seconds]
        beside = self._path.with_suffix(".incomplete")
        beside.write_text(json.dumps(state), encoding="utf-8")
        beside.replace(self._path)

    def note_checkpoint(self, step: int) -> None:
        """Adds a checkpoint, unless the last one is of the same step."""
        if not self.saved or self.saved[-1][0] != step:
            self.saved.append([step, round(self.seconds(), 3)])

    def _part(self) -> int:
        return min(int(self.seconds() / self.budget * LOSS_PARTS), LOSS_PARTS - 1)

    # What CheckpointSaverHook asks of its timer.

    def reset(self) -> None:
        pass

    def should_trigger_for_step(self, step: int) -> bool:
        """Whether one of the times to save has passed since the last checkpoint."""
        del step
        last = self.saved[-1][1] if self.saved else 0.0
        return bisect.bisect(self._marks, self.seconds()) > bisect.bisect(self._marks, last)

    def update_last_triggered_step(self, step: int) -> None:
        """Called when a checkpoint of this step is saved, and at the beginning, where one is saved as well."""
        self._triggered = int(step)
        self.note_checkpoint(int(step))
        self.write(finished=False)

    def last_triggered_step(self) -> int | None:
        return self._triggered


class _StepHook(tf.train.SessionRunHook):
    """Tells the clock of each step, and stops when it says so."""

    def __init__(self, clock: Clock, loss: tf.Tensor, *, step_seconds: bool):
        self._clock, self._loss, self._step_seconds = clock, loss, step_seconds
        self._step = tf.train.get_global_step()

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self._loss)

    def after_run(self, run_context, run_values):
        if self._clock.end_step(run_values.results):
            run_context.request_stop()

    def end(self, session):
        # The saver's hook has ended before this one, and has saved the last step without telling its timer.
        self._clock.note_checkpoint(int(session.run(self._step)))
        finished = self._clock.seconds() >= self._clock.budget
        self._clock.write(finished=finished, step_seconds=self._step_seconds)


# The learning rate is part of the graph, which is built where no argument of ours gets to.
_clock: Clock | None = None


@gin.configurable(module="benchmarks")
def decay_by_time(step: tf.Tensor, total_train_steps: int, *, share: float = 0.3) -> tf.Tensor:
    """A factor of the learning rate: 1, falling to 0 on a straight line over the last `share` of the time.

    Example: with a budget of 100 s and a share of 0.3 it is 1.0 after 50 s, 0.5 after 85 s and 0 after 100 s.
    """
    del step, total_train_steps

    def factor():
        return np.float32(min(1.0, _clock.remaining() / share))

    found = tf.py_func(factor, [], tf.float32)
    found.set_shape([])
    return found


@gin.configurable(module="benchmarks")
def train_for_seconds(
    estimator,
    *args,
    seconds: float = gin.REQUIRED,
    points: int = 5,
    seed: int = gin.REQUIRED,
    step_seconds: bool = False,
    **kwargs,
) -> None:
    """Trains as `code_t5.train_code_model` does, for so many seconds; bound to `utils.run.train_model_fn`.

    The model directory gets a file `progress.json`, and checkpoints without meta graph, which take 0.04 s to save
    instead of 5. A run that was stopped goes on from its last checkpoint with the seconds that it had left.

    Args:
      estimator: the Estimator that Mesh TensorFlow built.
      *args, **kwargs: those of `train_code_model`.
      seconds: the time to train, from the end of the first step of the first process on.
      points: so many checkpoints, at equally spaced times, the last at the end; all are kept.
      seed: of the initial weights. (That of the data is the dataset function's own parameter.)
      step_seconds: also keep the time of each single step.
    """
    global _clock
    _clock = clock = Clock(seconds, points=points, path=pathlib.Path(estimator.model_dir) / PROGRESS)
    latest = tf.train.latest_checkpoint(estimator.model_dir)
    clock.resume(mesh_utils.get_step_from_checkpoint_path(latest) if latest else 0)
    build = estimator._model_fn

    def model_fn(features, labels, mode, config, params):
        # The operations' own seeds come from this one and from their order, which is the same in each process.
        tf.set_random_seed(seed)
        spec = build(features=features, labels=labels, mode=mode, config=config, params=params)
        for hook in spec.training_chief_hooks:
            if isinstance(hook, tf.train.CheckpointSaverHook):
                hook._timer, hook._save_graph_def = clock, False
        hook = _StepHook(clock, spec.loss, step_seconds=step_seconds)
        return spec._replace(training_hooks=[*spec.training_hooks, hook])

    estimator._model_fn = model_fn
    os.makedirs(estimator.model_dir, exist_ok=True)  # noqa: PTH103 (as Mesh TensorFlow does)
    loop.train_code_model(estimator, *args, **kwargs)
