"""How long does a step wait for its input? Steps fed by the pipeline, and by one batch over and over, in turns.

The difference is all that the pipeline costs: waiting for it, and the cores that it takes from the model. A timer
around the iterator would miss the second, which on two cores is the greater part, since tf.data works ahead.
"""

from collections.abc import Callable

import gin
import tensorflow as tf


@gin.configurable(module="benchmarks")
def in_turns(
    sequence_length: dict[str, int],
    vocabulary=None,
    dataset_split: str = "train",
    *,
    dataset_fn: Callable[..., tf.data.Dataset] = gin.REQUIRED,
    batch_size: int = gin.REQUIRED,
    steps: int = gin.REQUIRED,
) -> tf.data.Dataset:
    """Examples of a training set for so many steps, then its first batch for as many, and so on.

    Args:
      sequence_length, vocabulary, dataset_split: what Mesh TensorFlow gives `utils.run.train_dataset_fn`.
      dataset_fn: makes the training set of them; it has no end.
      batch_size: sequences a step.
      steps: of a turn.
    """
    real = dataset_fn(sequence_length=sequence_length, vocabulary=vocabulary, dataset_split=dataset_split)
    repeated = real.take(batch_size).cache().repeat()
    turns = tf.data.Dataset.range(2).flat_map(
        lambda turn: tf.data.Dataset.from_tensors(turn).repeat(batch_size * steps)
    )
    return tf.data.Dataset.choose_from_datasets([real, repeated], turns.repeat())
