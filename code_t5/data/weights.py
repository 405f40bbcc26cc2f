"""Sampling weights: how often a document is seen an epoch, and how large its dataset counts in a Mixture.

Documents get their weights from `python -m preprocessing.weights`, and carry them up to here as the feature `weight`,
through TFDS and through caches. Datasets and caches without it are read as before.
"""

import json

import gin
import seqio
import tensorflow as tf

FEATURE = "weight"
# seqio gives the steps after the cache seeds from one number upwards, two for each random map; this is beyond them.
_SEED_OFFSET = 1_000


@gin.configurable("sampling", module="code_t5")
def uses_weights(use_weights: bool = True) -> bool:
    """Whether the weights of documents count; `code_t5.sampling.use_weights = False` shows each once an epoch."""
    return use_weights


def repeat_by_weight(dataset: tf.data.Dataset, *, seed: int | None) -> tf.data.Dataset:
    """Shows a document of weight w floor(w) times, and once more with probability w - floor(w).

    So it appears w times an epoch on average. The copies stand one behind the other; objectives cut each at places of
    its own, and seqio's shuffle buffer comes after them.

    Args:
      dataset: elements with `weight`, float32 scalar, not negative.
      seed: the same one gives the same choice; each repetition of the dataset gets a choice of its own. None for
        another one each time.

    Returns:
      The elements without `weight`, in their order. Where all weights are 1.0 that is all that changes.

    Example: weights 0.25, 1.0, 2.5 of a, b, c may give b, c, c in one epoch and a, b, c, c, c in the next.
    """

    @seqio.map_over_dataset(num_seeds=1)
    def draw_copies(example, seed):
        weight = example[FEATURE]
        chance = tf.random.stateless_uniform([], seed)
        copies = tf.floor(weight) + tf.cast(chance < weight - tf.floor(weight), tf.float32)
        return _without_weight(example), tf.cast(copies, tf.int64)

    with seqio.utils.map_seed_manager(seed):  # afterwards seqio's own count of seeds is as it was
        drawn = draw_copies(dataset)
    return drawn.flat_map(lambda example, copies: tf.data.Dataset.from_tensors(example).repeat(copies))


def sample_by_weight(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The preprocessor of the Tasks: `repeat_by_weight` with seqio's seed, where there are weights and they count.

    Held-out documents have a weight of 1.0, so that it changes nothing of them.
    """
    if FEATURE not in dataset.element_spec:
        return dataset
    if not uses_weights():
        return dataset.map(_without_weight, num_parallel_calls=tf.data.AUTOTUNE)
    seed = seqio.utils._NEXT_MAP_SEED
    return repeat_by_weight(dataset, seed=None if seed is None else seed + _SEED_OFFSET)


def _without_weight(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: value for name, value in example.items() if name != FEATURE}


def mixing_rate(task: seqio.Task) -> float:
    """A Task's rate in a Mixture: the sum of the weights of its train documents, their number where they have none.

    Raises:
      FileNotFoundError: the dataset is not made; the error says how.
      ValueError: only a cache of the Task is there, and its documents have weights.
    """
    if not uses_weights():
        return seqio.mixing_rate_num_examples(task)
    try:
        num_examples = task.num_input_examples("train")
    except FileNotFoundError:
        if not task.cache_dir:
            raise
        return _cached_rate(task)
    metadata = task.source.tfds_dataset.info.metadata or {}
    return float(metadata.get("weights", {}).get("train", num_examples))


def _cached_rate(task: seqio.Task) -> float:
    with tf.io.gfile.GFile(seqio.utils.get_cached_info_path(task.cache_dir, "train")) as file:
        features = json.load(file)["features"]
    if FEATURE in features:
        raise ValueError(
            f"the rate of {task.name} in a Mixture is the sum of its documents' weights, and that stands in the TFDS "
            f"dataset {task.source.tfds_dataset.name}, not in the cache {task.cache_dir}: put the dataset into the "
            'data directory, or count files instead, --gin_param="code_t5.sampling.use_weights = False"'
        )
    return float(task.get_cached_stats("train")["examples"])
