"""Whole caches: what seqio reads from them, and that equal input gives equal bytes."""

import json

import gin
import numpy as np
import pytest
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import cache, names
from tests.code_t5.data.small_tasks import (
    encode,
    everything,
    file_source,
    function_source,
    inodes,
    read_back,
    task,
    texts,
)

LENGTHS = {"inputs": 32, "targets": 24}


def decoded(example: dict) -> str:
    return seqio.ByteVocabulary().decode(example["targets"].numpy().tolist())


@pytest.fixture
def cached(use_data_dir, tmp_path):
    gin.clear_config()
    dev = names.find("fl_py_dev")
    made = cache.cache_task(dev, str(tmp_path))
    before = seqio.get_global_cache_dirs()
    seqio.set_global_cache_dirs([str(tmp_path)])
    dev._cache_dir, dev._stats = None, {}
    yield dev, made
    seqio.set_global_cache_dirs(before)
    dev._cache_dir, dev._stats = None, {}


def test_training_from_the_cache_sees_the_same_tokens_and_weights(cached):
    dev, made = cached
    for split in ("train", "validation", "test"):
        fresh = dev.preprocess_precache(dev.source.get_dataset(split, shuffle=False))
        stored = dev._get_cached_source(split).get_dataset(split, shuffle=False)
        assert stored.element_spec == fresh.element_spec
        fresh, stored = (
            sorted((e["targets"].tolist(), float(e["weight"])) for e in tfds.as_numpy(dataset))
            for dataset in (fresh, stored)
        )
        assert stored == fresh
        lengths = [len(tokens) for tokens, _ in stored]
        assert dev.get_cached_stats(split) == made.stats[split]
        assert made.stats[split] == {
            "examples": len(lengths),
            "targets_tokens": sum(lengths),
            "targets_max_tokens": max(lengths),
        }

    def training_tokens(**kwargs) -> list[int]:
        dataset = dev.get_dataset(LENGTHS, split="validation", shuffle=False, seed=0, **kwargs)
        return sorted(token for e in tfds.as_numpy(dataset) for token in (*e["inputs"], *e["targets"]))

    assert training_tokens(use_cached=True) == training_tokens()


def test_features_of_any_dtype_and_rank_are_read_back(tmp_path):
    def more(dataset):
        def add(example):
            n = tf.size(example["targets"])
            return {
                **example,
                "weight": tf.cast(n, tf.float32) / 7,
                "flag": n > 9,
                "long": tf.cast(n, tf.int64) * 2**40,
                "text": tf.strings.as_string(n),
                "texts": tf.strings.as_string(example["targets"][:3]),
                "matrix": tf.reshape(tf.range(6.0), [3, 2]) * tf.cast(n, tf.float32),
                "ragged": tf.RaggedTensor.from_row_lengths(example["targets"], [1, 0, n - 1]),
            }

        return dataset.map(add)

    made = task(function_source(train=20), encode, more)
    cache.cache_task(made, str(tmp_path))
    expected = list(made.preprocess_precache(made.source.get_dataset("train", shuffle=False)))
    found = read_back(made, tmp_path)
    assert len(found) == len(expected) == 20
    for one, other in zip(found, expected, strict=True):
        assert set(one) == set(other)
        for name, value in other.items():
            assert one[name].dtype == value.dtype
            if isinstance(value, tf.RaggedTensor):
                assert one[name].to_list() == value.to_list()
            else:
                np.testing.assert_array_equal(one[name].numpy(), value.numpy())
    info = json.loads((tmp_path / "small" / "info.train.json").read_text())
    assert info["features"]["matrix"] == {"dtype": "float32", "shape": [None, 2]}
    assert info["features"]["ragged"] == {"dtype": "int32", "shape": [None, None]}
    assert info["features"]["weight"] == {"dtype": "float32", "shape": []}


def test_a_split_without_examples(tmp_path):
    def none(dataset):
        return dataset.filter(lambda example: False)

    made = task(function_source(train=10), encode, none)
    assert cache.cache_task(made, str(tmp_path)).stats == {"train": {"examples": 0}}
    assert read_back(made, tmp_path) == []


def test_examples_stand_in_the_order_of_the_input(small, whole):
    found = [decoded(example) for example in read_back(small, whole.parent)]
    assert found == texts(50)


def test_equal_input_gives_equal_bytes_and_what_is_complete_is_not_made_again(small, whole, tmp_path):
    made = cache.cache_task(small, str(tmp_path / "again"))
    assert made.made == 32
    assert everything(tmp_path / "again" / "small") == everything(whole)
    before = inodes(whole)
    again = cache.cache_task(small, str(whole.parent), say=pytest.fail)
    assert again.made == 0
    assert (again.stats, again.shards, again.num_bytes) == (made.stats, made.shards, made.num_bytes)
    assert inodes(whole) == before


def test_splits_are_made_one_after_the_other(small, whole, tmp_path):
    out = str(tmp_path / "out")
    assert set(cache.cache_task(small, out, splits=["validation"]).stats) == {"validation"}
    assert set(cache.cache_task(small, out, splits=["train"]).stats) == {"train", "validation"}
    assert everything(tmp_path / "out" / "small") == everything(whole)
    with pytest.raises(ValueError, match="Task small has no data for the split test: it has train, validation"):
        cache.cache_task(small, out, splits=["train", "test"])


def test_where_examples_are_dropped_the_files_of_the_input_are_the_units(tmp_path):
    def filtered(dataset):
        return dataset.filter(lambda example: tf.size(example["targets"]) > 13)

    made = task(file_source(tmp_path / "in", 20, 12, 30), encode, filtered)
    cache.cache_task(made, str(tmp_path))
    found = [decoded(example) for example in read_back(made, tmp_path)]
    kept = ((0, 20), (1, 12), (2, 30))
    assert sorted(found) == sorted(f"file {number} line {i}" for number, stop in kept for i in range(10, stop))


def test_the_cache_of_a_task_inside_of_anothers_is_left_alone(whole, small):
    cache.cache_task(task(function_source(train=3), name="small:inner"), str(whole.parent))
    before = everything(whole / "inner")
    cache.cache_task(small, str(whole.parent), overwrite=True)
    assert everything(whole / "inner") == before


def test_tfds_reads_as_before_when_a_cache_was_made(whole):
    assert seqio.utils._TFDS_DATA_READ_CONFIG_OVERRIDE is None


def test_a_task_without_anything_to_cache_is_refused(tmp_path):
    with pytest.raises(ValueError, match="fl_py_dev_line is not cached"):
        cache.cache_task(names.find("fl_py_dev_line"), str(tmp_path))


def test_a_dataset_that_is_not_there_is_said(tmp_path):
    seqio.set_tfds_data_dir_override(str(tmp_path))
    try:
        with pytest.raises(FileNotFoundError, match=r"there is no dataset flcc_python/10stars_2019/1\.0\.0"):
            cache.cache_task(names.find("fl_py_10stars_2019"), str(tmp_path / "cache"))
    finally:
        seqio.set_tfds_data_dir_override(None)
