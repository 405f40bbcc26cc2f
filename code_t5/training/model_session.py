"""The model of an Estimator in a session of our own: its steps, its weights to and from a checkpoint.

Estimator's loop takes a minute to its first step, most of it for a checkpoint of untrained weights with its graph,
and cannot be asked anything between two steps.
"""

import time
from collections.abc import Mapping

import mesh_tensorflow as mtf
import numpy as np
import tensorflow.compat.v1 as tf

from code_t5.data import data_dir
from code_t5.training import step_randomness


class ModelSession:
    """A model to be trained.

    Attributes:
      graph, session: TensorFlow's; callbacks may add to the graph, through `graph.as_default()`.
      step: how many were trained.
    """

    def __init__(self, estimator, shapes: Mapping[str, tuple[int, ...]], *, seed: int):
        """Builds the graph, and gives the weights their first values.

        Args:
          estimator: that of Mesh TensorFlow; its configuration (gin's) says everything about the model.
          shapes: name -> [batch, tokens] of the batches.
          seed: of the weights and of dropout.
        """
        self.graph = tf.Graph()
        with self.graph.as_default():
            tf.set_random_seed(seed)
            self._step = tf.train.get_or_create_global_step()
            # Mesh TensorFlow reads the step while it is counted up, before or after; so the reading is fed.
            self._step_read = tf.convert_to_tensor(self._step)
            self._features = {name: tf.placeholder(tf.int32, shape, name) for name, shape in shapes.items()}
            with step_randomness.keyed_by(seed, self._step_read):
                spec = estimator._model_fn(
                    features=dict(self._features),
                    labels=None,
                    mode=tf.estimator.ModeKeys.TRAIN,
                    config=estimator.config,
                    params={},
                )
            # Mesh TensorFlow prints every loss to stderr; the loss itself is what goes in.
            self._loss = spec.loss.op.inputs[0] if spec.loss.op.type == "Print" else spec.loss
            self._train = spec.train_op
            self._learning_rate = _summarised("learning_rate")
            hooks = spec.training_chief_hooks
            lowering = next(hook._lowering for hook in hooks if isinstance(hook, mtf.MtfRestoreHook))
            self._masters_to_slices = lowering.copy_masters_to_slices()
            self._slices_to_masters = lowering.copy_slices_to_masters()
            self._saver = tf.train.Saver(tf.global_variables(), max_to_keep=None, save_relative_paths=True)
            initialize = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())
        self.session = tf.Session(graph=self.graph, config=_config(estimator))
        self.session.run(initialize)
        self.session.run(self._masters_to_slices)
        self.step = int(self.session.run(self._step))

    def train(self, batch: Mapping[str, np.ndarray]) -> tuple[float, float]:
        """One step: the loss that Mesh TensorFlow minimises (nats over all positions), and how many seconds it took."""
        started = time.perf_counter()
        feed = {self._features[name]: batch[name] for name in self._features}
        loss, _ = self.session.run([self._loss, self._train], {**feed, self._step_read: self.step})
        self.step += 1
        return float(loss), time.perf_counter() - started

    @property
    def learning_rate(self) -> float | None:
        """Of the next step; None where gin binds a number, which needs no asking."""
        if self._learning_rate is None:
            return None
        return float(self.session.run(self._learning_rate, {self._step_read: self.step}))

    def update_masters(self) -> None:
        """Brings the variables that are saved, and read by other graphs, up to date."""
        self.session.run(self._slices_to_masters)

    def save(self, prefix: str) -> None:
        """Writes a checkpoint, without its graph, which would take a hundred times as long.

        Raises:
          tf.errors.OpError: it could not be written.
        """
        self.update_masters()
        self._saver.save(self.session, prefix, write_meta_graph=False, write_state=False)

    def restore(self, prefix: str) -> None:
        """Takes weights, the optimizer's state and the step from a checkpoint.

        Raises:
          tf.errors.OpError, ValueError: it is not there, is damaged, or is of another model.
        """
        self._saver.restore(self.session, prefix)
        self.session.run(self._masters_to_slices)
        self.step = int(self.session.run(self._step))

    def close(self) -> None:
        self.session.close()


def _config(estimator) -> tf.ConfigProto:
    """The Estimator's own, with as many virtual CPUs as `utils.run.mesh_devices` names."""
    config = tf.ConfigProto()
    config.CopyFrom(estimator._session_config)
    devices = data_dir.gin_value("utils.run.mesh_devices") or []
    numbers = [int(device.rpartition(":")[2]) for device in devices if device.lower().startswith("cpu:")]
    config.device_count["CPU"] = max(numbers, default=0) + 1
    return config


def _summarised(name: str) -> tf.Tensor | None:
    """The value of a scalar that the graph summarises for TensorBoard."""
    for summary in tf.get_collection(tf.GraphKeys.SUMMARIES):
        if summary.op.name.rsplit("/", 1)[-1] == name:
            return summary.op.inputs[1]
    return None
