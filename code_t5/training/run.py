"""A training run in this process: the model, its input, how far it is, and the callbacks around it."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from code_t5.data import data_dir, vocabulary
from code_t5.training import snapshots
from code_t5.training.budget import Budget
from code_t5.training.callbacks import Callback, Chunk
from code_t5.training.input_stream import EndOfInput, InputStream
from code_t5.training.model_session import ModelSession
from code_t5.training.snapshots import SnapshotError
from preprocessing import prompt

# What reading a damaged file ends in.
_DAMAGE = (tf.errors.OpError, ValueError, OSError)


class Run:
    """What callbacks see of a training run.

    Attributes:
      estimator: Mesh TensorFlow's, whose configuration the model was built from.
      model_dir: where snapshots and records go.
      model: its session; `model.graph` may be added to.
      stream: the batches.
      budget: how long it may take.
      callbacks: in the order in which they are called.
      sequence_length: {"inputs": tokens, "targets": tokens}.
      piece_bytes: int64 [vocab_size], the UTF-8 bytes that each id stands for.
      step, seconds, real_tokens: trained so far, over all processes. Tokens are positions that are no padding.
      stopped: why the run is to end, None while it goes on.
    """

    def __init__(
        self,
        estimator: Any,
        *,
        model_dir: str,
        model: ModelSession,
        stream: InputStream,
        budget: Budget,
        callbacks: Sequence[Callback],
        sequence_length: dict[str, int],
        say: Callable[[str], None] = print,
    ):
        self.estimator, self.model_dir, self.model, self.stream = estimator, model_dir, model, stream
        self.budget, self.callbacks, self.say = budget, list(callbacks), say
        self.sequence_length = dict(sequence_length)
        codec = prompt.Codec(vocabulary.VOCABULARY.sp_model)
        self.piece_bytes = np.array([len(piece) for piece in codec.piece_bytes()], np.int64)
        self.step, self.seconds, self.real_tokens = model.step, 0.0, 0
        self.stopped: str | None = None

    def stop(self, why: str) -> None:
        """Ends the run after the step that is being trained; the first reason given counts."""
        self.stopped = self.stopped or why

    def train_chunk(self, end: int) -> Chunk | None:
        """Trains to the step `end`, or less where the run is stopped or its budget is used up.

        Returns:
          What was trained; None where no step was.
        """
        batches, losses = [], []
        started = time.perf_counter()
        before, input_seconds = self.seconds, 0.0
        while self.step < end and not self.stopped:
            asked = time.perf_counter()
            try:
                batch = self.stream.next()
            except EndOfInput:
                break
            input_seconds += time.perf_counter() - asked
            loss, _ = self.model.train(batch)
            self.step = self.model.step
            batches.append(batch)
            losses.append(loss)
            self.seconds = before + time.perf_counter() - started
            if self.budget.max_seconds is not None and self.seconds >= self.budget.max_seconds:
                break
        if not batches:
            return None
        return self._chunk(batches, np.array(losses), seconds=self.seconds - before, input_seconds=input_seconds)

    def _chunk(self, batches: list[dict], losses: np.ndarray, *, seconds: float, input_seconds: float) -> Chunk:
        targets = np.concatenate([batch["targets"].ravel() for batch in batches])
        targets = targets[targets > 0]  # negative ids are read, and have no loss
        rows = [batch[name] for batch in batches for name in ("inputs", "targets") if name in batch]
        real_tokens = sum(int(np.count_nonzero(row)) for row in rows)
        self.real_tokens += real_tokens
        return Chunk(
            batches=batches,
            losses=losses,
            real_tokens=real_tokens,
            nats=float(losses.sum()) * self._loss_positions(batches[0]),
            target_tokens=len(targets),
            target_bytes=int(self.piece_bytes[targets].sum()),
            seconds=seconds,
            input_seconds=input_seconds,
            learning_rate=self.model.learning_rate,
        )

    def _loss_positions(self, batch: dict[str, np.ndarray]) -> float:
        """What Mesh TensorFlow divides the sum of the losses by: all positions of the row that the decoder writes."""
        bound = data_dir.gin_value("Unitransformer.loss_denominator")
        if bound:
            return float(bound)
        names = ("inputs", "targets") if data_dir.gin_value("utils.run.model_type") == "delimited_lm" else ("targets",)
        return float(sum(batch[name].size for name in names))

    def limit(self) -> str | None:
        """The limit of the budget that is reached, in words."""
        return self.budget.reached(step=self.step, epochs=self.stream.epoch, seconds=self.seconds)

    def save_snapshot(self, *, keep_every_steps: int | None = None) -> None:
        """Saves everything at this step.

        Raises:
          SnapshotError: it could not be written.
        """
        snapshots.write(
            self.model_dir,
            self.step,
            save_model=self.model.save,
            save_input=self.stream.save,
            state={
                "seconds": round(self.seconds, 3),
                "real_tokens": self.real_tokens,
                "epoch": self.stream.epoch,
                "callbacks": {one.name: one.state() for one in self.callbacks if one.name},
            },
        )
        keep_last = data_dir.gin_value("utils.run.keep_checkpoint_max")
        snapshots.prune(self.model_dir, keep_last=keep_last, keep_every_steps=keep_every_steps)

    def restore_snapshot(self) -> int | None:
        """Goes on from the last snapshot that is whole.

        Returns:
          Its step; None where there is none, and the run begins.

        Raises:
          SnapshotError: there are snapshots, and none of them can be used.
        """
        snapshots.clear_remains(self.model_dir)
        found = snapshots.steps(self.model_dir)
        for step in reversed(found):
            try:
                self._take(step)
            except (SnapshotError, *_DAMAGE) as error:
                snapshots.set_aside(self.model_dir, step)
                self.say(f"WARNING: the snapshot of step {step} is damaged, and was set aside: {_first_line(error)}")
                continue
            return step
        if found:
            raise SnapshotError(
                f"none of the snapshots of steps {found} in {self.model_dir} can be read; their files are still there, "
                "named damaged-*. Train anew in another --model_dir"
            )
        return self._take_plain_checkpoint()

    def _take(self, step: int) -> None:
        state = snapshots.read_state(self.model_dir, step)
        self.model.restore(snapshots.prefix(self.model_dir, step))
        if not self.stream.restore(snapshots.folder(self.model_dir, step)):
            self.say(f"the input's position was not saved with step {step}: its pass begins again, in the same order")
        self.step, self.seconds, self.real_tokens = self.model.step, state["seconds"], state["real_tokens"]
        for one in self.callbacks:
            if one.name in state["callbacks"]:
                one.restore(state["callbacks"][one.name])

    def _take_plain_checkpoint(self) -> int | None:
        """Goes on from a checkpoint that t5's own loop saved: weights and step, the input from its start."""
        checkpoint = tf.train.latest_checkpoint(self.model_dir)
        if not checkpoint:
            return None
        self.model.restore(checkpoint)
        self.step = self.model.step
        self.say(f"{os.path.basename(checkpoint)} says nothing about the input: it begins from its start")
        return self.step


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", error)).splitlines()[0]
