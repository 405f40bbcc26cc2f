"""Training examples in a folder or bucket: numbered, checksummed shards, written by some machines, read by another.

00000012.npz    the examples of shard 12, name -> uint16 or int32 [examples, tokens]
00000012.json   written last: how many, the SHA-256 of the other file, and what it was made of

Shard k holds the documents of part k % partitions in pass k // partitions, mixed and packed: a function of the seed and
of k alone, whoever writes it. The trainer reads the shards in the order of their numbers, each once; where it stands is
saved with its snapshots.
"""

import dataclasses
import hashlib
import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import gin
import numpy as np
import seqio
import tensorflow.compat.v1 as tf
import tensorflow_datasets as tfds

from code_t5.data import packing
from code_t5.training import configuration
from code_t5.training.input_stream import Batch, EndOfInput

_POSITION = "input.json"


def shard_path(folder: str, number: int) -> str:
    return os.path.join(folder, f"{number:08d}.npz")


def _description_path(folder: str, number: int) -> str:
    return os.path.join(folder, f"{number:08d}.json")


class Writer:
    """Writes shards of a Task's or Mixture's train split."""

    def __init__(
        self,
        folder: str,
        mixture_or_task_name: str,
        sequence_length: dict[str, int],
        *,
        num_shards: int,
        partitions: int,
    ):
        """Args:

        folder: local or gs://; made where it is missing.
        num_shards: of all writers together, in `describe`.
        partitions: parts of a pass.
        """
        self._folder, self._name, self._lengths = folder, mixture_or_task_name, sequence_length
        self._num_shards, self._partitions = num_shards, partitions
        tf.io.gfile.makedirs(folder)

    def write(self, number: int) -> str:
        """Makes a shard, where it is not there yet.

        Returns:
          A line that says so.
        """
        if tf.io.gfile.exists(_description_path(self._folder, number)):
            return f"shard {number:,} is there"
        epoch, part = divmod(number, self._partitions)
        with tf.Graph().as_default():
            dataset = packing.train_dataset(
                self._name, self._lengths, epoch=epoch, shard_info=seqio.ShardInfo(part, self._partitions)
            )
            examples = list(tfds.as_numpy(dataset))
        small = max((int(value.max()) for example in examples for value in example.values()), default=0) < 2**16
        kind = np.uint16 if small else np.int32
        names = examples[0] if examples else ()
        content = io.BytesIO()
        np.savez(content, **{name: np.stack([example[name] for example in examples]).astype(kind) for name in names})
        data = content.getvalue()
        _write(shard_path(self._folder, number), data)
        description = {
            "examples": len(examples), "sha256": hashlib.sha256(data).hexdigest(), "num_shards": self._num_shards,
            **made_of(self._lengths),
        }  # fmt: skip
        _write(_description_path(self._folder, number), json.dumps(description).encode())
        return f"shard {number:,} of {self._num_shards:,}: {len(examples):,} examples, {len(data) / 1e6:.1f} MB"


def made_of(sequence_length: dict[str, int]) -> dict[str, Any]:
    """What the writer and the trainer must agree on."""
    return {"sequence_length": dict(sequence_length), "vocabulary": configuration.vocabulary_digest()}


@gin.configurable("samples", module="code_t5")
@dataclasses.dataclass(frozen=True)
class Samples:
    """Where the trainer finds shards; without a folder it makes its examples itself.

    Attributes:
      folder: local or gs://.
      delete_used: delete shards that no kept snapshot needs any more.
      wait_seconds: the longest wait for a shard that is not there yet.
    """

    folder: str | None = None
    delete_used: bool = False
    wait_seconds: float = 3600.0


class SampleStream:
    """The batches of a folder of shards; the same methods as `InputStream`."""

    def __init__(
        self,
        samples: Samples,
        *,
        batch_size: int,
        sequence_length: dict[str, int],
        say: Callable[[str], None] = print,
        poll_seconds: float = 1.0,
    ):
        self._samples, self._batch_size, self._say = samples, batch_size, say
        self._poll_seconds = poll_seconds
        self._made_of = made_of(sequence_length)
        self._shard, self._row = 0, 0
        self._rows: dict[str, np.ndarray] | None = None
        self._needed = 0  # by the last snapshot
        self.epoch = self.batches = 0

    def fill(self) -> None:
        """Nothing is made ahead."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: (self._batch_size, value.shape[1]) for name, value in self._current().items()}

    def _current(self) -> dict[str, np.ndarray]:
        if self._rows is None:
            self._rows = self._load(self._shard)
        return self._rows

    def next(self) -> Batch:
        """The next batch, name -> int32 [batch, tokens]; rows of two shards may meet in it.

        Raises:
          EndOfInput: all shards that were planned are used up.
          TimeoutError: the next one did not come.
          ValueError: a shard is damaged, or was made for another run.
        """
        parts: list[dict[str, np.ndarray]] = []
        missing = self._batch_size
        while missing:
            rows = self._current()
            there = len(next(iter(rows.values()), ()))
            taken = min(missing, there - self._row)
            if taken:
                parts.append({name: value[self._row : self._row + taken] for name, value in rows.items()})
            self._row, missing = self._row + taken, missing - taken
            if missing:
                self._shard, self._row, self._rows = self._shard + 1, 0, None
        self.batches += 1
        return {name: np.concatenate([part[name] for part in parts]).astype(np.int32) for name in parts[0]}

    def _load(self, number: int) -> dict[str, np.ndarray]:
        description = self._wait(number)
        path = shard_path(self._samples.folder, number)
        wrong = {key: value for key, value in self._made_of.items() if description[key] != value}
        if wrong:
            raise ValueError(
                f"{path} was made with another {' and '.join(wrong)} than this run's: write the samples with the gin "
                "files and the data directory of the trainer"
            )
        with tf.io.gfile.GFile(path, "rb") as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != description["sha256"]:
            raise ValueError(f"{path} is damaged: its SHA-256 is not the one in its .json. Delete both, write it again")
        with np.load(io.BytesIO(data)) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def _wait(self, number: int) -> dict[str, Any]:
        path, started, told = _description_path(self._samples.folder, number), time.monotonic(), False
        while not tf.io.gfile.exists(path):
            if number and number >= self._planned:
                raise EndOfInput
            if time.monotonic() - started > self._samples.wait_seconds:
                raise TimeoutError(
                    f"shard {number:,} did not come to {self._samples.folder} within {self._samples.wait_seconds:g} s "
                    "(code_t5.samples.wait_seconds): is its writer still at work?"
                )
            if not told:
                self._say(f"waiting for shard {number:,} in {self._samples.folder}")
                told = True
            time.sleep(self._poll_seconds)
        with tf.io.gfile.GFile(path) as file:
            description = json.loads(file.read())
        self._planned = description["num_shards"]
        return description

    def save(self, folder: str) -> None:
        """Writes the position. Deletes shards before the last snapshot's, where that is wanted."""
        state = {"shard": self._shard, "row": self._row, "batches": self.batches}
        with tf.io.gfile.GFile(os.path.join(folder, _POSITION), "w") as file:
            file.write(json.dumps(state))
        if self._samples.delete_used:
            for number in range(self._needed - 1, -1, -1):
                if not tf.io.gfile.exists(_description_path(self._samples.folder, number)):
                    break
                for path in (_description_path, shard_path):
                    tf.io.gfile.remove(path(self._samples.folder, number))
        self._needed = self._shard

    def restore(self, folder: str) -> bool:
        """Goes on behind the last batch before `save`; True, because it always can."""
        with tf.io.gfile.GFile(os.path.join(folder, _POSITION)) as file:
            state = json.loads(file.read())
        self._shard, self._row, self.batches = state["shard"], state["row"], state["batches"]
        self._rows, self._needed = None, state["shard"]
        return True

    def close(self) -> None:
        self._rows = None


def _write(path: str, data: bytes) -> None:
    with tf.io.gfile.GFile(path + ".incomplete", "wb") as file:
        file.write(data)
    tf.io.gfile.rename(path + ".incomplete", path, overwrite=True)
