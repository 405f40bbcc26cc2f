"""How long to train: steps, passes over the data, seconds. What is reached first ends the run."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Budget:
    """The most that a run may take, over all the processes that it is trained in.

    Attributes:
      train_steps: of the optimizer.
      epochs: passes over the data; None for any number.
      max_seconds: of training, without what comes before the first step; None for any number.

    Raises:
      ValueError: a value that is not positive.
    """

    train_steps: int
    epochs: int | None = None
    max_seconds: float | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and value <= 0:
                raise ValueError(f"{field.name} = {value}: must be more than 0, or None for no such limit")

    def reached(self, *, step: int, epochs: int, seconds: float) -> str | None:
        """Which limit a run has reached, in words; None for none.

        Example: `Budget(100, max_seconds=60).reached(step=40, epochs=0, seconds=61.0)` is "max_seconds = 60".
        """
        if step >= self.train_steps:
            return f"train_steps = {self.train_steps}"
        if self.epochs is not None and epochs >= self.epochs:
            return f"epochs = {self.epochs}"
        if self.max_seconds is not None and seconds >= self.max_seconds:
            return f"max_seconds = {self.max_seconds:g}"
        return None

    def share_done(self, *, step: int, seconds: float) -> float:
        """How much of the run is over, from 0 to 1, by steps or by seconds, whichever is further."""
        shares = [step / self.train_steps]
        if self.max_seconds is not None:
            shares.append(seconds / self.max_seconds)
        return min(1.0, max(shares))
