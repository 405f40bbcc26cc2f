"""What is called between the chunks of a training run: everything but the training itself is one of these.

A callback of your own, which tells how many windows began a file:

    @gin.configurable(module="mine")
    class FileStarts(callbacks.Callback):
        def after_chunk(self, step, estimator, chunk):
            starts = sum((batch["inputs_position"][:, 0] == 0).sum() for batch in chunk.batches)
            print(f"step {step}: {starts} rows begin with the start of a piece")

    --module_import="mine" --gin_param="code_t5.train_code_model.more_callbacks = [@mine.FileStarts()]"
"""

import dataclasses
import typing
from typing import Any

import numpy as np

if typing.TYPE_CHECKING:
    from code_t5.training.run import Run


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some steps that were trained one after the other.

    Attributes:
      batches: what was trained on, name -> int32 [batch, tokens].
      losses: float64 [steps], what Mesh TensorFlow minimised: nats (and its z-loss) over all positions.
      real_tokens: positions of all rows that are no padding.
      nats: sum of the losses of the targets.
      target_tokens, target_bytes: what these targets are, and the UTF-8 bytes that they stand for.
      seconds: all of it; input_seconds: of which it waited for input.
      learning_rate: at its end; None where it cannot be told.
    """

    batches: list[dict[str, np.ndarray]]
    losses: np.ndarray
    real_tokens: int
    nats: float
    target_tokens: int
    target_bytes: int
    seconds: float
    input_seconds: float
    learning_rate: float | None


class Callback:
    """Called by a run; a subclass overrides what it needs. The order is that of the list in gin."""

    # The key under which `state` is kept with each snapshot; None where there is nothing to keep.
    name: str | None = None

    def begin(self, run: "Run") -> None:
        """Before the first step. The run's state is the one that was restored."""

    def after_chunk(self, step: int, estimator: Any, chunk: Chunk) -> None:
        """After each chunk; `step` is the number of steps trained so far. `Run.stop` ends the run."""

    def end(self, step: int, estimator: Any) -> None:
        """After the last chunk, however the run came to its end, errors excepted."""

    def state(self) -> Any:
        """What it needs to go on after a restart, JSON-like; given to `restore` before `begin`."""
        return None

    def restore(self, state: Any) -> None:
        """Takes what `state` gave."""
