"""What a person watching sees: a bar, or a line now and then where there is no terminal; and TensorBoard's scalars."""

import dataclasses
import math
import sys
import time
from collections.abc import Mapping

import gin
import tensorflow.compat.v1 as tf
import tqdm

from code_t5.training import callbacks


class Smoothed:
    """Sums over the last steps, older ones weighing less: halved after every `half_life` seconds of training.

    Example: with a half-life of 10, adding x=4 and then, 10 seconds later, x=1 gives a sum of 3.
    """

    def __init__(self, half_life: float):
        self._half_life = half_life
        self._sums: dict[str, float] = {}

    def add(self, seconds: float, values: Mapping[str, float]) -> None:
        """Adds values that took so many seconds."""
        decay = 0.5 ** (seconds / self._half_life)
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) * decay + value

    def ratio(self, numerator: str, denominator: str) -> float:
        """0 over 0 is not a number."""
        over = self._sums.get(denominator, 0.0)
        return self._sums.get(numerator, 0.0) / over if over else math.nan


def figures(smoothed: Smoothed) -> dict[str, float]:
    """The figures of training, by the names that TensorBoard shows."""
    return {
        "train/loss_per_token": smoothed.ratio("nats", "target_tokens"),
        "train/bits_per_byte": smoothed.ratio("nats", "target_bytes") / math.log(2),
        "speed/steps_per_second": smoothed.ratio("steps", "seconds"),
        "speed/real_tokens_per_second": smoothed.ratio("real_tokens", "seconds"),
        "speed/share_waiting_for_input": smoothed.ratio("input_seconds", "seconds"),
    }


def add_chunk(smoothed: Smoothed, chunk: callbacks.Chunk) -> None:
    names = ("nats", "target_tokens", "target_bytes", "real_tokens", "seconds", "input_seconds")
    smoothed.add(chunk.seconds, {"steps": len(chunk.losses), **{name: getattr(chunk, name) for name in names}})


@gin.configurable(module="code_t5")
@dataclasses.dataclass
class Progress(callbacks.Callback):
    """A bar on a terminal, else a line every `line_seconds`.

    Attributes:
      line_seconds: between two lines.
      half_life_seconds: of the smoothing of loss and speed.
    """

    line_seconds: float = 30.0
    half_life_seconds: float = 20.0

    def begin(self, run) -> None:
        self._run, self._smoothed = run, Smoothed(self.half_life_seconds)
        self._bar = None
        self._last_line = time.monotonic()
        if sys.stderr.isatty():
            self._bar = tqdm.tqdm(
                total=run.budget.train_steps, initial=run.step, unit="step", dynamic_ncols=True,
                bar_format="{percentage:3.0f}% |{bar}| step {n_fmt} of {total_fmt} {postfix}",
            )  # fmt: skip
            run.say = self._bar.write

    def after_chunk(self, step, estimator, chunk) -> None:
        add_chunk(self._smoothed, chunk)
        if self._bar is not None:
            self._bar.n = step
            self._bar.set_postfix_str(self.line(chunk))
        elif time.monotonic() - self._last_line >= self.line_seconds:
            self._last_line = time.monotonic()
            self._run.say(f"step {step:,} of {self._run.budget.train_steps:,}  {self.line(chunk)}")

    def line(self, chunk: callbacks.Chunk) -> str:
        """Example: "loss 4.21, 2.29 bits/byte, 3.7 steps/s, 3,780 tokens/s, rate 0.0071, 5:12 left"."""
        now = figures(self._smoothed)
        rate = "" if chunk.learning_rate is None else f", rate {chunk.learning_rate:.2g}"
        return (
            f"loss {now['train/loss_per_token']:.2f}, {now['train/bits_per_byte']:.2f} bits/byte, "
            f"{now['speed/steps_per_second']:.2g} steps/s, {now['speed/real_tokens_per_second']:,.0f} tokens/s"
            f"{rate}, {duration(self.seconds_left(now['speed/steps_per_second']))} left"
        )

    def seconds_left(self, steps_per_second: float) -> float:
        budget, run = self._run.budget, self._run
        left = (budget.train_steps - run.step) / steps_per_second
        return left if budget.max_seconds is None else max(0.0, min(left, budget.max_seconds - run.seconds))

    def end(self, step, estimator) -> None:
        if self._bar is not None:
            self._run.say = print
            self._bar.close()


def duration(seconds: float) -> str:
    """Example: `duration(3725)` is "1:02:05", `duration(65)` is "1:05"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@gin.configurable(module="code_t5")
@dataclasses.dataclass
class TensorBoard(callbacks.Callback):
    """Scalars for TensorBoard, in the model directory.

    Attributes:
      every_steps: between two points of the curves.
      half_life_seconds: of the smoothing.
    """

    every_steps: int = 100
    half_life_seconds: float = 20.0

    def begin(self, run) -> None:
        self._smoothed, self._last = Smoothed(self.half_life_seconds), run.step
        with tf.Graph().as_default():  # the writer refuses eager mode
            run.scalars = self._writer = tf.summary.FileWriter(run.model_dir)
        # What an earlier process wrote of later steps is not shown any more.
        self._writer.add_session_log(tf.SessionLog(status=tf.SessionLog.START), run.step)

    def after_chunk(self, step, estimator, chunk) -> None:
        add_chunk(self._smoothed, chunk)
        if step // self.every_steps > self._last // self.every_steps:
            self._last = step
            now = figures(self._smoothed)
            if chunk.learning_rate is not None:
                now["train/learning_rate"] = chunk.learning_rate
            write_scalars(self._writer, step, now)

    def end(self, step, estimator) -> None:
        # It stays open: what ends after this has figures, too.
        self._writer.flush()


def write_scalars(writer: tf.summary.FileWriter, step: int, values: dict[str, float]) -> None:
    summary = tf.Summary(value=[tf.Summary.Value(tag=name, simple_value=value) for name, value in values.items()])
    writer.add_summary(summary, step)
    writer.flush()
