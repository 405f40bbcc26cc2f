"""Validation while a run trains: held-out sets scored in the same process; the best checkpoint; early stopping."""

import dataclasses
import itertools
import os
import time
from collections.abc import Iterator, Sequence

import gin
import numpy as np
import seqio
import tensorflow.compat.v1 as tf
import tensorflow_datasets as tfds

from code_t5.data import data_dir, names, vocabulary
from code_t5.training import callbacks, progress, run_record, scoring, snapshots

BEST = "best"


@gin.configurable(module="code_t5")
@dataclasses.dataclass
class Validation(callbacks.Callback):
    """Scores held-out sets every so many steps or minutes, some windows of each, and at the end all of them.

    Attributes:
      sets: "task:split" each, of `_heldout` Tasks; empty for the validation split of what is trained on, where its text
        is there: a machine may have nothing but a cache of tokens.
      every_steps, every_minutes: None for not by these. The first one that is due counts for both.
      num_windows: of each set, while the run goes on: the same ones each time, spread over its files.
      full_at_end: whether all windows are scored at the end, for `run.json`.
      keep_best: whether the checkpoint with the fewest bits per byte, on the first set, is kept in `best/`.
      batch_size: windows at a time.

    Raises:
      ValueError: a set is not "task:split", or has no windows.
    """

    sets: Sequence[str] = ()
    every_steps: int | None = 1000
    every_minutes: float | None = None
    num_windows: int = 256
    full_at_end: bool = True
    keep_best: bool = True
    batch_size: int = 16
    name = "validation"

    def __post_init__(self):
        self.best: dict[str, float] | None = None
        self.last: dict[str, dict[str, float]] = {}
        self._done_step, self._done_seconds = 0, 0.0
        self._scorer: scoring.Scorer | None = None
        self._windows: dict[str, list[dict[str, np.ndarray]]] = {}

    def state(self) -> dict:
        return {"best": self.best, "step": self._done_step, "seconds": self._done_seconds}

    def restore(self, state: dict) -> None:
        self.best, self._done_step, self._done_seconds = state["best"], state["step"], state["seconds"]

    def begin(self, run) -> None:
        self._run = run
        self._sets: dict[str, HeldOutSet] = {}
        for name in self.sets or [f"{task}_heldout:validation" for task in _trained_tasks()]:
            try:
                self._sets[name] = HeldOutSet(name, run.sequence_length)
            except FileNotFoundError as error:
                if self.sets:
                    raise
                run.say(f"WARNING: no validation on {name}: {str(error).splitlines()[0]}")

    def after_chunk(self, step, estimator, chunk) -> None:
        by_steps = self.every_steps and step // self.every_steps > self._done_step // self.every_steps
        by_time = self.every_minutes and self._run.seconds - self._done_seconds >= 60 * self.every_minutes
        if self._sets and (by_steps or by_time):
            self.validate(step)

    def validate(self, step: int) -> None:
        """Scores some windows of each set, tells it, and keeps the checkpoint if it is the best so far."""
        started = time.perf_counter()
        self._done_step, self._done_seconds = step, self._run.seconds
        for name, held_out in self._sets.items():
            if name not in self._windows:
                self._windows[name] = held_out.some(self.num_windows)
            self.last[name] = self._score(self._windows[name])
        self._tell(step, self.last, prefix="validation", seconds=time.perf_counter() - started)
        bits = next(iter(self.last.values()))["bits_per_byte"]
        if self.best is None or bits < self.best["bits_per_byte"]:
            self.best = {"bits_per_byte": bits, "step": step}
            if self.keep_best:
                self._keep(step)

    def end(self, step, estimator) -> None:
        if self._run.signal or not self.full_at_end or not step or not self._sets:
            return
        started = time.perf_counter()
        found = {name: self._score(held_out.all()) for name, held_out in self._sets.items()}
        self._tell(step, found, prefix="validation_full", seconds=time.perf_counter() - started)
        run_record.update(
            self._run.model_dir, self._run.record, figures={"step": step, "held_out": found, "best": self.best}
        )

    def _score(self, windows) -> dict[str, float]:
        if self._scorer is None:
            self._scorer = scoring.Scorer(
                self._run.model, vocab_size=vocabulary.VOCABULARY.vocab_size,
                sequence_length=self._run.sequence_length, batch_size=self.batch_size,
            )  # fmt: skip
        return self._scorer.score(windows, self._run.piece_bytes).figures()

    def _tell(self, step: int, found: dict[str, dict[str, float]], *, prefix: str, seconds: float) -> None:
        for name, figures in found.items():
            top = ", ".join(f"top-{k} {figures[f'top_{k}_accuracy']:.1%}" for k in scoring.TOP)
            self._run.say(
                f"step {step:,}  {name}: {figures['bits_per_byte']:.3f} bits/byte, loss "
                f"{figures['loss_per_token']:.3f}, {top}  ({seconds:.0f} s)"
            )
        writer = getattr(self._run, "scalars", None)
        if writer is not None:
            named = {f"{prefix}/{name}/{key}": value for name, of_set in found.items() for key, value in of_set.items()}
            progress.write_scalars(writer, step, named)

    def _keep(self, step: int) -> None:
        """Puts this step's weights into `best/`, a model directory of its own, in the place of earlier ones."""
        model_dir = os.path.join(self._run.model_dir, BEST)
        tf.io.gfile.makedirs(model_dir)
        before = [name for name in tf.io.gfile.listdir(model_dir) if name.startswith("model.ckpt-")]
        try:
            self._run.model.save(snapshots.prefix(model_dir, step))
        except tf.errors.OpError as error:
            self._run.say(f"WARNING: the best checkpoint, of step {step:,}, could not be written: {error.message}")
            return
        snapshots.list_one_checkpoint(model_dir, step)
        for name in before:
            if not name.startswith(f"model.ckpt-{step}."):
                tf.io.gfile.remove(os.path.join(model_dir, name))
        vocabulary.copy_to_model_dir(model_dir)
        run_record.write(model_dir, run_record.CONFIG, gin.operative_config_str())


class HeldOutSet:
    """A split of a `_heldout` Task."""

    def __init__(self, name: str, sequence_length: dict[str, int]):
        """Args: name: "task:split".

        Raises:
          ValueError: it is no such name, or there is no such Task or split.
          FileNotFoundError: the dataset is not there.
        """
        task, separator, split = name.partition(":")
        if not separator or not split:
            raise ValueError(f"{name!r} is no held-out set: name a Task and a split, 'fl_py_dev_heldout:validation'")
        self.name, self._task, self._split = name, names.find(task), split
        self._lengths = sequence_length
        if split not in self._task.splits:
            raise ValueError(f"{task} has no split {split!r}; it has {', '.join(self._task.splits)}")
        self._task.num_input_examples(split)  # asks for the dataset now, not after hours of training

    def all(self) -> Iterator[dict[str, np.ndarray]]:
        """All windows."""
        with tf.Graph().as_default():
            dataset = self._task.get_dataset(self._lengths, split=self._split, shuffle=False, try_in_mem_cache=False)
            yield from tfds.as_numpy(dataset)

    def some(self, count: int) -> list[dict[str, np.ndarray]]:
        """At most so many windows, one of a file in turn: the first windows of many files, then the second ones.

        Raises:
          ValueError: there are none.
        """
        with tf.Graph().as_default():
            dataset = self._task.get_dataset(
                self._lengths, split=self._split, shuffle=True, shuffle_buffer_size=20_000, seed=0,
                try_in_mem_cache=False,
            )  # fmt: skip
            found = list(itertools.islice(tfds.as_numpy(dataset), count))
        if not found:
            raise ValueError(f"the held-out set {self.name} has no windows: its split is empty")
        return found


@gin.configurable(module="code_t5")
@dataclasses.dataclass
class EarlyStopping(callbacks.Callback):
    """Ends a run whose bits per byte on the first held-out set do not get better. Stands after Validation in the list.

    Attributes:
      patience: validations without a new best.
      least_gain: bits per byte that count as better.
    """

    patience: int = 5
    least_gain: float = 0.0
    name = "early_stopping"

    def __post_init__(self):
        self._best, self._without = None, 0
        self._seen = 0

    def state(self) -> dict:
        return {"best": self._best, "without": self._without, "seen": self._seen}

    def restore(self, state: dict) -> None:
        self._best, self._without, self._seen = state["best"], state["without"], state["seen"]

    def begin(self, run) -> None:
        self._run = run
        self._validation = next((one for one in run.callbacks if isinstance(one, Validation)), None)
        if self._validation is None or not self._validation._sets:
            raise ValueError(
                "code_t5.EarlyStopping needs code_t5.Validation before it in the list of callbacks, with a held-out set"
            )

    def after_chunk(self, step, estimator, chunk) -> None:
        if not self._validation.last or self._validation._done_step == self._seen:
            return
        self._seen = self._validation._done_step
        bits = next(iter(self._validation.last.values()))["bits_per_byte"]
        if self._best is None or bits < self._best - self.least_gain:
            self._best, self._without = bits, 0
            return
        self._without += 1
        if self._without >= self.patience:
            self._run.stop(f"early stopping: no better than {self._best:.3f} bits/byte in {self.patience} validations")


def _trained_tasks() -> list[str]:
    provider = names.find(data_dir.gin_value("mesh_train_dataset_fn.mixture_or_task_name"))
    return [task.name for task in seqio.get_subtasks(provider)]
