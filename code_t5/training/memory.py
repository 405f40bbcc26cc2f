"""How much memory of a device a training step takes, told before it is tried.

Mesh TensorFlow's graph says how large every tensor is before any of it exists. Weights, gradients and the optimizer's
state follow exactly. Activations are counted as the sum of all results of the forward pass of one microbatch, of which
the backward pass needs most; `KEPT` is the share of them that is taken to be alive at the peak.
"""

import dataclasses
from collections.abc import Mapping

import gin
import mesh_tensorflow as mtf
import tensorflow.compat.v1 as tf
from mesh_tensorflow import optimize  # noqa: F401 (registers the optimizers with gin)
from mesh_tensorflow.transformer import transformer
from mesh_tensorflow.transformer import utils as mesh_utils

# TensorFlow's own share of a GPU, its libraries and fragmentation: CUDA and cuDNN take about 1 GB.
RESERVED_BYTES = 1.2e9
# The peak of a process on the CPU grows with 0.49 to 0.62 of them for each row, less in larger models:
# `python -m benchmarks.training --only memory`.
KEPT = 0.6
# One device, whatever the run will have: `utils.run.mesh_shape` must say so, too, for what depends on it.
MESH_SHAPE = "model:1,batch:1"


@dataclasses.dataclass(frozen=True)
class Footprint:
    """Bytes of one replica of a model.

    Attributes:
      parameters: how many weights.
      weights, gradients, optimizer: bytes.
      activations_per_row: bytes of a row (inputs and targets) of a microbatch.
    """

    parameters: int
    weights: int
    gradients: int
    optimizer: int
    activations_per_row: int

    def total(self, rows: int) -> int:
        """Bytes with so many rows at a time."""
        return self.weights + self.gradients + self.optimizer + rows * self.activations_per_row

    def rows_that_fit(self, device_bytes: float) -> int:
        """The most rows of a microbatch; 0 where the weights alone are too much."""
        left = device_bytes - RESERVED_BYTES - self.total(0)
        return max(0, int(left // self.activations_per_row))


def footprint(sequence_length: Mapping[str, int], *, vocab_size: int) -> Footprint:
    """What gin's model takes; builds its graph, and runs nothing.

    Args:
      sequence_length: {"inputs": tokens, "targets": tokens}.
      vocab_size: pieces.
    """
    small, large = (_count(sequence_length, vocab_size=vocab_size, rows=rows) for rows in (1, 2))
    return dataclasses.replace(small[0], activations_per_row=round((large[1] - small[1]) * KEPT))


def _count(sequence_length: Mapping[str, int], *, vocab_size: int, rows: int) -> tuple[Footprint, int]:
    model_type = gin.query_parameter("utils.run.model_type")
    with tf.Graph().as_default():
        graph = mtf.Graph()
        mesh = mtf.Mesh(graph, "mesh")
        shape, layout = mtf.convert_to_shape(MESH_SHAPE), mtf.convert_to_layout_rules("batch:batch")
        model = mesh_utils.build_model(
            model_type=model_type, input_vocab_size=vocab_size, output_vocab_size=vocab_size, mesh_shape=shape,
            layout_rules=layout,
        )  # fmt: skip
        one_row = isinstance(model, transformer.Unitransformer)
        lengths = dict(sequence_length)
        if one_row:
            lengths = {"targets": sum(lengths.values()) if model_type == "delimited_lm" else lengths["targets"]}
        batch = mtf.Dimension("batch", rows)
        features = {
            name: mtf.zeros(mesh, mtf.Shape([batch, mtf.Dimension("length", length)]), tf.int32)
            for name, length in lengths.items()
        }
        dtype = mesh_utils.get_variable_dtype()
        _, loss = model.call_simple(
            inputs=transformer.autoregressive_inputs(features["targets"]) if one_row else features["inputs"],
            targets=features["targets"],
            compute_loss=True,
            mode=tf.estimator.ModeKeys.TRAIN,
            variable_dtype=dtype,
        )
        forward = sum(
            output.size * output.dtype.size
            for operation in graph.operations
            if not isinstance(operation, mtf.Variable)
            for output in operation.outputs
        )
        trained = list(graph.trainable_variables)
        gradients = mtf.gradients([loss], [variable.outputs[0] for variable in trained])
        optimizer = gin.query_parameter("utils.run.optimizer").scoped_configurable_fn(learning_rate=0.01)
        optimizer.apply_grads(gradients, trained)
        weights = {id(variable) for variable in trained}
        # A master that is another tensor than its slice is there twice.
        copies = 1 if dtype.master_dtype == dtype.slice_dtype else 2
        found = Footprint(
            parameters=sum(variable.size for variable in trained),
            weights=sum(variable.size * 4 for variable in trained) * copies,
            gradients=sum(variable.size * 4 for variable in trained),
            optimizer=sum(v.size * 4 for v in graph.all_variables if id(v) not in weights),
            activations_per_row=0,
        )
        return found, forward
