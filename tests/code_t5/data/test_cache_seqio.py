"""Our caches beside those of seqio's own cacher."""

import collections
import json
import pathlib
import subprocess
import sys

import pytest
import seqio
import tensorflow as tf
from seqio import beam_utils

from code_t5.data import cache, names
from tests.code_t5.data.small_tasks import encode, file_source, read_back, task


def random_token(dataset: tf.data.Dataset) -> tf.data.Dataset:
    @seqio.map_over_dataset(num_seeds=1)
    def add(example, seed):
        return {"targets": tf.concat([example["targets"], tf.random.stateless_uniform([2], seed, 0, 999, tf.int32)], 0)}

    return add(dataset)


def pairs(dataset: tf.data.Dataset) -> tf.data.Dataset:
    return dataset.padded_batch(2).map(lambda example: {"targets": tf.reshape(example["targets"], [-1])})


@pytest.fixture
def registered():
    """Puts a Task into the registry, where seqio's cacher looks for it."""
    added = []

    def add(made: seqio.Task) -> seqio.Task:
        seqio.TaskRegistry.add_provider(made.name, made)
        added.append(made.name)
        return made

    yield add
    for name in added:
        seqio.TaskRegistry.remove(name)


@pytest.mark.parametrize("preprocessor", [random_token, pairs], ids=["random numbers", "batches"])
def test_what_looks_across_examples_makes_what_it_makes_in_seqios_cacher(registered, preprocessor, tmp_path):
    made = registered(task(file_source(tmp_path / "in", 9, 20, 5), encode, preprocessor, name="compared"))
    theirs = beam_utils.PreprocessTask(made, "train")
    expected = [
        example["targets"].numpy().tolist() for shard in theirs.shards for example in theirs._emit_examples(shard)
    ]
    cache.cache_task(made, str(tmp_path))
    found = [example["targets"].numpy().tolist() for example in read_back(made, tmp_path)]
    assert sorted(found) == sorted(expected)
    assert len(found) in (34, 18)


def records(folder: pathlib.Path, split: str) -> collections.Counter:
    """How often each example occurs, whatever shard it is in."""
    found = collections.Counter()
    for path in folder.glob(f"{split}.tfrecord-*"):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            found[example.SerializeToString(deterministic=True)] += 1
    return found


@pytest.mark.slow
def test_a_cache_holds_what_seqios_script_writes(use_data_dir, tmp_path):
    ours, theirs = tmp_path / "ours" / "fl_py_dev", tmp_path / "theirs" / "fl_py_dev"
    command = [
        *(sys.executable, "-m", "seqio.scripts.cache_tasks_main", "--tasks=fl_py_dev", "--module_import=code_t5"),
        *(f"--tfds_data_dir={use_data_dir}", f"--output_cache_dir={theirs.parent}", "--min_shards=3"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    cache.cache_task(names.find("fl_py_dev"), str(ours.parent))
    output, _ = process.communicate()
    assert process.returncode == 0, output[-5000:]
    for split in ("train", "validation", "test"):
        found = records(ours, split)
        assert found == records(theirs, split)
        assert len(found) >= 3
        stats = f"stats.{split}.json"
        assert (ours / stats).read_bytes() == (theirs / stats).read_bytes()
        info, their_info = (json.loads((folder / f"info.{split}.json").read_text()) for folder in (ours, theirs))
        assert (info.pop("num_shards"), their_info.pop("num_shards")) == (min(16, found.total()), 3)
        assert info == their_info
    assert (ours / "COMPLETED").read_bytes() == (theirs / "COMPLETED").read_bytes()
    more = {path.name for path in ours.iterdir()} - {path.name for path in theirs.iterdir()}
    assert {name for name in more if ".tfrecord-" not in name} == {"manifest.json"}
