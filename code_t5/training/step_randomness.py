"""Dropout whose masks follow from the run's seed and the step, so that a run that was stopped goes on with the same."""

import contextlib
import itertools
import zlib
from collections.abc import Iterator

import tensorflow.compat.v1 as tf
from mesh_tensorflow import placement_mesh_impl

_STATELESS = {"random_uniform": tf.random.stateless_uniform, "random_normal": tf.random.stateless_normal}


@contextlib.contextmanager
def keyed_by(seed: int, step: tf.Tensor) -> Iterator[None]:
    """In graphs that are lowered inside, random numbers are drawn by the seed, the step and the place in the graph.

    Mesh TensorFlow seeds its random operations from Python's `random` and from `hash` of a text, which are others in
    each process, and they count from the start of the process. Inside a loop, where Mesh TensorFlow takes a batch apart
    into microbatches, they keep counting, because a step would give each microbatch the same masks; only their seed is
    ours.

    Args:
      seed: of the run.
      step: int64 scalar, the global step.
    """
    places = itertools.count()
    stock = placement_mesh_impl.PlacementMeshImpl.random

    def random(self, shape, tf_fn, kwargs):
        place = next(places)

        def draw(processor):
            # Processors that hold the same part of a tensor must draw the same.
            key = zlib.crc32(f"{seed},{place},{self.slice_begin(shape, processor)}".encode())
            if _in_loop():
                return tf_fn(self.slice_shape(shape), seed=key, **kwargs)
            seeds = tf.stack([tf.constant(key, tf.int64), tf.cast(step, tf.int64)])
            return _STATELESS[tf_fn.__name__](self.slice_shape(shape), seed=seeds, **kwargs)

        return self.slicewise(draw, self.laid_out_pnum())

    placement_mesh_impl.PlacementMeshImpl.random = random
    try:
        yield
    finally:
        placement_mesh_impl.PlacementMeshImpl.random = stock


def _in_loop() -> bool:
    """Whether operations that are added now belong to the body of a loop, of TensorFlow 1 or 2."""
    graph = tf.get_default_graph()
    return graph._get_control_flow_context() is not None or hasattr(graph, "outer_graph")
