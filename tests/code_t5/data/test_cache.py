import gin
import numpy as np
import pytest
import seqio
import tensorflow_datasets as tfds

from code_t5.data import cache, names

LENGTHS = {"inputs": 32, "targets": 24}


def rows(task, **kwargs) -> list:
    dataset = task.get_dataset(LENGTHS, split="validation", shuffle=False, seed=0, **kwargs)
    return [(e["inputs"].tolist(), e["targets"].tolist()) for e in tfds.as_numpy(dataset)]


@pytest.fixture
def cached(use_data_dir, tmp_path):
    gin.clear_config()
    task = names.find("fl_py_dev")
    stats = cache.cache_task(task, str(tmp_path))
    before = seqio.get_global_cache_dirs()
    seqio.set_global_cache_dirs([str(tmp_path)])
    task._cache_dir, task._stats = None, {}
    yield task, stats, tmp_path
    seqio.set_global_cache_dirs(before)
    task._cache_dir, task._stats = None, {}


def test_training_from_the_cache_sees_the_same_examples(cached):
    task, _, _ = cached
    plain, from_cache = rows(task), rows(task, use_cached=True)
    text = sorted(token for prefix, target in plain for token in prefix + target)
    assert text == sorted(token for prefix, target in from_cache for token in prefix + target)


def test_stats_are_those_that_seqio_reads(cached):
    task, stats, folder = cached
    assert task.get_cached_stats("validation") == stats["validation"]
    documents = [e["targets"] for e in tfds.as_numpy(task._get_cached_source("validation").get_dataset("validation"))]
    assert stats["validation"]["examples"] == len(documents)
    assert stats["validation"]["targets_tokens"] == sum(map(len, documents))
    assert stats["validation"]["targets_max_tokens"] == max(map(len, documents))
    assert (folder / "fl_py_dev" / "COMPLETED").exists()
    assert all(tokens.dtype == np.int32 for tokens in documents)


def test_what_is_complete_is_not_made_again_and_what_is_not_is(cached):
    task, stats, folder = cached
    with pytest.raises(ValueError, match="is complete already"):
        cache.cache_task(task, str(folder))
    (folder / "fl_py_dev" / "COMPLETED").unlink()
    assert cache.cache_task(task, str(folder)) == stats


def test_a_task_without_anything_to_cache_is_refused(use_data_dir, tmp_path):
    with pytest.raises(ValueError, match="fl_py_dev_line is not cached"):
        cache.cache_task(names.find("fl_py_dev_line"), str(tmp_path))
