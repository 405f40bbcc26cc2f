"""Tokenises a Task once and for all, into the layout that seqio reads with `use_cached`."""

import collections
import json
import os

import seqio
import tensorflow as tf

# Cached documents are a few kB each: a shard of so many is some tens of megabytes.
EXAMPLES_PER_SHARD = 10_000


def cache_task(task: seqio.Task, cache_dir: str, *, splits: list[str] | None = None) -> dict[str, dict[str, int]]:
    """Writes what the Task's preprocessors make before its cache placeholder.

    Args:
      task: a Task that supports caching.
      cache_dir: the folder to give to `--additional_task_cache_dirs`; the Task gets a folder of its own in it.
      splits: all of the Task's that have data, where None.

    Returns:
      split -> {"examples", "targets_tokens", "targets_max_tokens"}.

    Raises:
      ValueError: the Task cannot be cached, or it is in that folder already.
    """
    if not task.supports_caching:
        raise ValueError(f"Task {task.name} is not cached: it makes its examples from text, not from tokens")
    output_dir = os.path.join(cache_dir, seqio.get_task_dir_from_name(task.name))
    if tf.io.gfile.exists(os.path.join(output_dir, "COMPLETED")):
        raise ValueError(f"{output_dir} is complete already; remove it to make it again")
    beside = output_dir + ".incomplete"
    if tf.io.gfile.exists(beside):
        tf.io.gfile.rmtree(beside)
    if tf.io.gfile.exists(output_dir):
        tf.io.gfile.rmtree(output_dir)
    tf.io.gfile.makedirs(beside)
    splits = splits or [split for split in task.splits if split in task.source.tfds_dataset.info.splits]
    stats = {split: _cache_split(task, split, beside) for split in splits}
    _write(os.path.join(beside, "COMPLETED"), "")
    tf.io.gfile.rename(beside, output_dir)
    return stats


def _cache_split(task: seqio.Task, split: str, output_dir: str) -> dict[str, int]:
    num_examples = task.source.num_input_examples(split)
    num_shards = max(1, -(-num_examples // EXAMPLES_PER_SHARD))
    prefix = seqio.utils.get_cached_tfrecord_prefix(output_dir, split)
    dataset = task.preprocess_precache(task.source.get_dataset(split=split, shuffle=False))
    stats, features = collections.Counter(), {}
    writers = [tf.io.TFRecordWriter(f"{prefix}-{i:05d}-of-{num_shards:05d}") for i in range(num_shards)]
    for i, example in enumerate(dataset):
        writers[i % num_shards].write(seqio.utils.dict_to_tfexample(example).SerializeToString())
        stats["examples"] += 1
        for name, value in example.items():
            features[name] = {
                "shape": [None] * min(1, value.ndim) + value.shape.as_list()[1:],
                "dtype": value.dtype.name,
            }
            if name in task.output_features:
                stats[f"{name}_tokens"] += int(value.shape[0])
                stats[f"{name}_max_tokens"] = max(stats[f"{name}_max_tokens"], int(value.shape[0]))
    for writer in writers:
        writer.close()
    info = {"num_shards": num_shards, "features": features, "seqio_version": seqio.__version__}
    _write(seqio.utils.get_cached_info_path(output_dir, split), json.dumps(info))
    _write(seqio.utils.get_cached_stats_path(output_dir, split), json.dumps(stats))
    return dict(stats)


def _write(path: str, text: str) -> None:
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)
