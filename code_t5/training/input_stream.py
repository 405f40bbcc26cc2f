"""The batches of a training dataset, epoch after epoch, with a position that can be saved and taken up again.

The dataset runs in a graph and a session of its own, so that the model's graph does not depend on where the data come
from, and the batches pass through Python, where they are counted: a step of training takes hundreds of times as long.
"""

import concurrent.futures
import inspect
import json
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from code_t5.data import service

Batch = dict[str, np.ndarray]
# Of the files beside a snapshot.
_STATE, _POSITION = "input.json", "input"


class EndOfInput(Exception):  # noqa: N818 (no error: the epochs that were asked for are over)
    """There are no more batches."""


class InputStream:
    """Batches of a dataset function, one epoch after the other.

    A function that takes an `epoch` gives one pass over the data at a time, in an order of its own each; what is left
    of a pass at its end, less than a batch, is dropped. Any other function, such as t5's `mesh_train_dataset_fn`, is
    one endless epoch, and so is what comes from a data service: a pass of it would not end if one of its workers died.

    Attributes:
      epoch: that of the next batch, from 0.
      batches: taken out so far, over all epochs and processes.
      shapes: name -> shape of a batch's arrays.
    """

    def __init__(
        self,
        dataset_fn: Callable[..., tf.data.Dataset],
        *,
        batch_size: int,
        epochs: int | None = None,
        **arguments: Any,
    ):
        """Begins to build the first dataset in a thread of its own.

        Args:
          dataset_fn: `arguments` -> examples of fixed shapes.
          batch_size: examples.
          epochs: the most passes; None for no end.

        Raises:
          ValueError: epochs are asked for, and the function has none.
        """
        has_passes = "epoch" in inspect.signature(dataset_fn).parameters
        self._by_epoch = has_passes and service.address() is None
        if epochs is not None and has_passes and not self._by_epoch:
            raise ValueError(
                f"code_t5.train_code_model.epochs = {epochs}, but the passes of a data service ({service.address()}) "
                "cannot be counted, because its workers come and go: say how long with run.train_steps, or let the "
                "workers write sample shards (code_t5.samples.folder)"
            )
        if epochs is not None and not self._by_epoch:
            raise ValueError(
                f"code_t5.train_code_model.epochs = {epochs}, but the passes of "
                f"{getattr(dataset_fn, '__name__', dataset_fn)} cannot be counted: it gives examples without end. Use "
                "code_t5.packing.train_dataset (the default), or say how long with run.train_steps"
            )
        self._dataset_fn, self._arguments = dataset_fn, arguments
        self._batch_size, self._epochs = batch_size, epochs
        self.epoch = self.batches = self._batches_of_epoch = 0
        # Building the pipeline and filling its buffers takes seconds, in which the model's graph can be built.
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._pipeline: _Pipeline | None = None
        self._building = self._built = self._thread.submit(self._build, 0)

    def _build(self, epoch: int) -> "_Pipeline":
        arguments = {**self._arguments, "epoch": epoch} if self._by_epoch else self._arguments
        return _Pipeline(lambda: self._dataset_fn(**arguments), self._batch_size)

    def _ready(self) -> "_Pipeline":
        if self._pipeline is None:
            self._pipeline = self._building.result()
        return self._pipeline

    def fill(self) -> None:
        """Begins to fill the buffers from the start of the epoch; for a run that does not `restore`."""
        self._building = self._thread.submit(self._fill, self._building)

    def _fill(self, building: concurrent.futures.Future) -> "_Pipeline":
        pipeline = building.result()
        pipeline.fill()
        return pipeline

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return (self._pipeline or self._built.result()).shapes

    def next(self) -> Batch:
        """The next batch, name -> int32 [batch, tokens].

        Raises:
          EndOfInput: all epochs are over.
          ValueError: an epoch has no batch at all.
        """
        while True:
            if self._epochs is not None and self.epoch >= self._epochs:
                raise EndOfInput
            batch = self._ready().next()
            if batch is not None:
                self.batches += 1
                self._batches_of_epoch += 1
                return batch
            if not self._batches_of_epoch:
                raise ValueError(
                    f"the training data give less than one batch of {self._batch_size} examples in a pass: take more "
                    "data, a smaller utils.run.batch_size or a shorter utils.run.sequence_length"
                )
            self._begin(self.epoch + 1)

    def _begin(self, epoch: int) -> None:
        self._ready().close()
        self._pipeline, self._batches_of_epoch, self.epoch = None, 0, epoch
        if self._epochs is None or epoch < self._epochs:
            self._built = self._building = self._thread.submit(self._build, epoch)

    def save(self, folder: str) -> None:
        """Writes the position into a folder: a few megabytes, mostly the buffers in which examples are mixed.

        Raises:
          tf.errors.OpError: it could not be written.
        """
        # The start of an epoch needs no position.
        exact = not self._batches_of_epoch or self._ready().save(os.path.join(folder, _POSITION))
        state = {"epoch": self.epoch, "batches": self.batches, "batches_of_epoch": self._batches_of_epoch}
        with tf.io.gfile.GFile(os.path.join(folder, _STATE), "w") as file:
            file.write(json.dumps({**state, "exact": exact}))

    def restore(self, folder: str) -> bool:
        """Goes on behind the last batch before `save`.

        Returns:
          Whether the batches go on as if nothing had happened. Not so where the data come from a service, or the
          position was saved with another version of the pipeline: then the epoch begins again.

        Raises:
          OSError, ValueError, tf.errors.OpError: there is no position in the folder, or it is damaged.
        """
        with tf.io.gfile.GFile(os.path.join(folder, _STATE)) as file:
            state = json.loads(file.read())
        self.batches = state["batches"]
        if state["epoch"] != self.epoch:
            self._begin(state["epoch"])
        if not state["batches_of_epoch"] or not state["exact"]:
            return bool(state["exact"])
        self._ready().restore(os.path.join(folder, _POSITION))
        self._batches_of_epoch = state["batches_of_epoch"]
        return True

    def close(self) -> None:
        self._thread.shutdown()
        if self._pipeline is None and self._building.exception() is None:
            self._pipeline = self._building.result()
        if self._pipeline is not None:
            self._pipeline.close()


class _Pipeline:
    """One dataset, batched, in a session."""

    def __init__(self, make: Callable[[], tf.data.Dataset], batch_size: int):
        with tf.Graph().as_default() as graph:
            dataset = make().batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
            iterator = tf.data.make_initializable_iterator(dataset)
            self._next = iterator.get_next()
            # seqio marks its maps as stateful because of the vocabulary's resource; the draws are all stateless.
            saveable = tf.data.experimental.make_saveable_from_iterator(iterator, external_state_policy="ignore")
            self._saver = tf.train.Saver([saveable])
        self.shapes = {name: tuple(spec.shape.as_list()) for name, spec in dataset.element_spec.items()}
        self._graph = graph
        self._session = tf.Session(graph=graph, config=tf.ConfigProto(device_count={"GPU": 0}))
        self._session.run(iterator.initializer)
        self._first: Batch | None = None

    def fill(self) -> None:
        """Takes the first batch, for which the buffers must be full, and keeps it for `next`."""
        self._first = self._take()

    def next(self) -> Batch | None:
        """The next batch; None at the end."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._take()

    def _take(self) -> Batch | None:
        try:
            return self._session.run(self._next)
        except tf.errors.OutOfRangeError:
            return None

    def save(self, prefix: str) -> bool:
        """Whether the position could be saved; a tf.data service keeps its own."""
        try:
            with self._graph.as_default():
                self._saver.save(self._session, prefix, write_meta_graph=False, write_state=False)
        except (tf.errors.UnimplementedError, tf.errors.FailedPreconditionError):
            return False
        return True

    def restore(self, prefix: str) -> None:
        self._first = None
        with self._graph.as_default():
            self._saver.restore(self._session, prefix)

    def close(self) -> None:
        self._session.close()
