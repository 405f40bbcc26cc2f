"""Weights from documents to the stream that is trained on, and to the rates of Mixtures."""

import collections
import json

import gin
import numpy as np
import pytest
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import cache, imports, names, objectives, tasks, weights
from code_t5.data.vocabulary import VOCABULARY
from preprocessing import run, shards
from preprocessing import weights as weighting
from preprocessing.weight_law import WeightParameters
from tests.code_t5.conftest import command
from tests.flcc_tree import write_flcc

LENGTHS = {"inputs": 32, "targets": 24}


@pytest.fixture(autouse=True)
def _as_after_import():
    gin.clear_config()
    yield
    gin.clear_config()
    seqio.set_tfds_data_dir_override(None)
    VOCABULARY.forget()


def stream(values: list[float], *, epochs: int = 1, seed: int | None = 3) -> list[int]:
    """The numbers of the documents of some weights, in the order in which they come."""
    elements = {"targets": np.arange(len(values)), "weight": np.array(values, np.float32)}
    dataset = tf.data.Dataset.from_tensor_slices(elements).repeat(epochs)
    repeated = weights.repeat_by_weight(dataset, seed=seed)
    assert set(repeated.element_spec) == {"targets"}
    return [int(example["targets"]) for example in tfds.as_numpy(repeated)]


def test_appearances_an_epoch_are_the_weight_on_average():
    values, epochs = [0.0, 0.1, 0.5, 1.0, 1.75, 2.0, 4.0], 500
    seen = collections.Counter(stream(values, epochs=epochs))
    means = [seen[i] / epochs for i in range(len(values))]
    assert [means[i] for i in (0, 3, 5, 6)] == [0.0, 1.0, 2.0, 4.0]
    # Four standard deviations of a mean of 500 draws of 0 or 1.
    assert means == pytest.approx(values, abs=4 * 0.5 / epochs**0.5)


def test_an_epoch_shows_a_document_floor_or_ceiling_times_in_the_order_of_the_dataset():
    values = [0.25, 1.0, 2.5]
    epochs = [stream(values, seed=seed) for seed in range(40)]
    assert all(numbers == sorted(numbers) for numbers in epochs)
    counts = [[numbers.count(i) for i in range(3)] for numbers in epochs]
    assert {tuple(count) for count in counts} == {(a, 1, c) for a in (0, 1) for c in (2, 3)}


def test_each_epoch_draws_anew_and_a_seed_repeats_all():
    values = [0.5] * 64
    once, twice = stream(values), stream(values, epochs=2)
    assert twice[: len(once)] == once
    assert twice[len(once) :] != once
    assert stream(values, epochs=2) == twice
    assert stream(values, seed=4) != once
    assert stream(values, seed=None) != stream(values, seed=None)


def test_a_stream_without_weights_is_left_alone():
    dataset = tf.data.Dataset.range(3).map(lambda i: {"targets": i})
    assert weights.sample_by_weight(dataset) is dataset


def test_switched_off_only_the_feature_goes():
    gin.bind_parameter("code_t5.sampling.use_weights", False)
    elements = {"targets": np.arange(4), "weight": np.array([0, 0.5, 2, 4], np.float32)}
    dataset = weights.sample_by_weight(tf.data.Dataset.from_tensor_slices(elements))
    assert [dict(example) for example in tfds.as_numpy(dataset)] == [{"targets": i} for i in range(4)]


# A small data directory, made in this process: weighted documents as one dataset, the same ones unweighted as another.
TASK, PLAIN = "fl_py_50stars_2019", "fl_py_10stars_2019"
MIXTURE = "fl_py_2019_mix"


def build(name: str, documents, data_dir) -> tfds.core.DatasetBuilder:
    builder = tfds.builder(name, data_dir=str(data_dir), documents_dir=str(documents))
    builder.download_and_prepare()
    return builder


@pytest.fixture(scope="module")
def small(tmp_path_factory, vocabulary_dir):
    folder = tmp_path_factory.mktemp("weights")
    tree = {f"o{i}/n": {f"{k}.py": f"x{i}_{k} = {i * k}\n" * 9 for k in range(3 * i)} for i in range(1, 7)}
    run.main(["--input_dir", str(write_flcc(folder / "tree", tree)), "--output_dir", str(folder / "documents"),
              "--workers", "1"])  # fmt: skip
    parameters = WeightParameters("repository", weight_power=0.0, max_weight=3.0, mean_weight=1.5)
    weighting.make(folder / "documents", folder / "weighted", parameters=parameters)
    build("flcc_python/50stars_2019", folder / "weighted", folder / "data")
    build("flcc_python/10stars_2019", folder / "documents", folder / "data")
    (folder / "data" / "vocabulary").mkdir()
    for path in vocabulary_dir.iterdir():
        (folder / "data" / "vocabulary" / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def use_small(small):
    seqio.set_tfds_data_dir_override(str(small / "data"))
    VOCABULARY.forget()
    return small


@pytest.fixture
def whole_files(monkeypatch):
    """Tasks give whole files, so that they can be counted."""

    def inputs_too(dataset, *_, **__):
        return dataset.map(lambda example: {**example, "inputs": example["targets"]})

    monkeypatch.setattr(objectives, "code_prefix_lm", inputs_too)


def appearances(task: str, *, seed: int = 0, **kwargs) -> collections.Counter:
    """The name at the start of each train file -> how often the Task gives it."""
    dataset = names.find(task).get_dataset(None, split="train", shuffle=False, seed=seed, **kwargs)
    texts = [VOCABULARY.decode(example["targets"].tolist()) for example in tfds.as_numpy(dataset)]
    return collections.Counter(text.split(" ")[0] for text in texts)


def weight_of_files(documents) -> dict[str, float]:
    batches = shards.read_columns(documents, "train", columns=["content", "weight"])
    return {row["content"].split(" ")[0]: row["weight"] for batch in batches for row in batch.to_pylist()}


def test_tokenised_examples_carry_the_weights_and_a_task_follows_them(use_small):
    task = names.find(TASK)
    tokenised = task.preprocess_precache(task.source.get_dataset("train", shuffle=False))
    found = {
        VOCABULARY.decode(e["targets"].tolist()).split(" ")[0]: float(e["weight"]) for e in tfds.as_numpy(tokenised)
    }
    assert found == weight_of_files(use_small / "weighted")
    assert len(set(found.values())) > 2
    assert tokenised.element_spec["weight"] == tf.TensorSpec([], tf.float32)


def test_over_the_epochs_a_task_shows_each_file_as_often_as_its_weight_says(use_small, whole_files):
    epochs, expected = 100, weight_of_files(use_small / "weighted")
    seen = appearances(TASK, num_epochs=epochs)
    means = {name: seen[name] / epochs for name in expected}
    assert means == pytest.approx(expected, abs=4 * 0.5 / epochs**0.5)
    assert {means[name] for name, weight in expected.items() if weight == 3.0} == {3.0}
    assert sum(seen.values()) / epochs == pytest.approx(1.5 * len(expected), rel=0.02)
    assert set(appearances(PLAIN, num_epochs=2).values()) == {2}
    assert appearances(TASK, seed=1) == appearances(TASK, seed=1) != appearances(TASK, seed=2)


def examples(task: seqio.Task, **kwargs) -> list[tuple]:
    dataset = task.get_dataset(LENGTHS, split="train", **{"shuffle": False, "seed": 5, **kwargs})
    return [(e["inputs"].tolist(), e["targets"].tolist()) for e in tfds.as_numpy(dataset)]


def without_weights(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """In the place of `sample_by_weight`, the Task as it was before there were weights."""
    return dataset.map(lambda example: {"targets": example["targets"]})


def test_weights_of_one_change_nothing_in_the_stream(use_small):
    task = names.find(PLAIN)
    assert "weight" in task.preprocess_precache(task.source.get_dataset("train")).element_spec
    steps = [without_weights if step is weights.sample_by_weight else step for step in task.preprocessors]
    before = task.replace(preprocessors=steps)
    for shuffle in (False, True):
        assert examples(task, num_epochs=2, shuffle=shuffle) == examples(before, num_epochs=2, shuffle=shuffle)


def test_held_out_documents_are_seen_once(use_small, whole_files):
    dataset = names.find(TASK).get_dataset(None, split="validation", shuffle=False, seed=0)
    texts = [VOCABULARY.decode(example["targets"].tolist()) for example in tfds.as_numpy(dataset)]
    documents = [file.content for file in shards.read_documents(use_small / "weighted", "validation")]
    assert sorted(texts) == sorted(documents) != []


def test_rates_of_a_mixture_are_the_sums_of_weights(use_small):
    mixture = names.find(MIXTURE)
    files = shards.read_manifest(use_small / "documents").counts["train"]["files"]
    found = {task.name: mixture.get_rate(task) for task in mixture.tasks}
    assert found == {TASK: pytest.approx(1.5 * files, rel=1e-6), PLAIN: files}
    gin.bind_parameter("code_t5.sampling.use_weights", False)
    assert [mixture.get_rate(task) for task in mixture.tasks] == [files, files]


@pytest.mark.slow
def test_programs_print_weights_and_rates(small):
    built = command("code_t5.main.build_dataset", "--dataset", "flcc_python/50stars_2019", "--data_dir", small / "data",
                    "--documents", small / "weighted").stdout  # fmt: skip
    files = shards.read_manifest(small / "documents").counts["train"]["files"]
    [train] = [line for line in built.splitlines() if line.startswith("train ")]
    assert train.endswith(f"weights of {1.5 * files:,.1f}")
    listed = command("code_t5.main.inspect_task", "--list", "--data_dir", small / "data").stdout
    shown = [line.split() for line in listed.splitlines() if line.startswith("  ")]
    assert shown == [[PLAIN, f"{files:,.1f}", "40.0%"], [TASK, f"{1.5 * files:,.1f}", "60.0%"]]


def test_a_dataset_that_is_not_made_says_what_makes_it(use_small):
    with pytest.raises(FileNotFoundError, match=r"(?s)no dataset github_python/at_2020/1\.0\.0 in .*build_dataset"):
        names.find("bq_at_py_mix").get_rate(names.find("at_py_2020"))


def test_metadata_and_features_are_there_for_tfds_alone(small):
    manifest = shards.read_manifest(small / "weighted")
    builder = tfds.builder_from_directory(str(small / "data" / "flcc_python" / "50stars_2019" / "1.0.0"))
    assert builder.info.metadata["weights"] == {split: count["weight"] for split, count in manifest.counts.items()}
    rows = list(tfds.as_numpy(builder.as_dataset(split="train")))
    expected = weight_of_files(small / "weighted")
    assert {row["content"].decode().split(" ")[0]: float(row["weight"]) for row in rows} == expected
    plain = tfds.builder_from_directory(str(small / "data" / "flcc_python" / "10stars_2019" / "1.0.0"))
    assert {float(row["weight"]) for row in tfds.as_numpy(plain.as_dataset(split="train"))} == {1.0}


@pytest.fixture
def old_dataset(use_small, tmp_path, monkeypatch):
    """A dataset as it was written before there were weights, and import spans."""
    later = ("weight", *imports.FEATURES)

    class Old(tasks.builder.DocumentsBuilder, skip_registration=True):
        name = "flcc_python"
        BUILDER_CONFIGS = tasks.builder.FlccPython.BUILDER_CONFIGS

        def _info(self):
            info = super()._info()
            texts = {name: feature for name, feature in info.features.items() if name not in later}
            metadata = {name: value for name, value in (info.metadata or {}).items() if name != "weights"}
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(texts),
                metadata=tfds.core.MetadataDict(**metadata),
            )

        def _generate_examples(self, split):
            for key, row in super()._generate_examples(split):
                yield key, {name: value for name, value in row.items() if name not in later}

    old = Old(config="50stars_2019", data_dir=str(tmp_path), documents_dir=str(use_small / "documents"))
    old.download_and_prepare()
    (tmp_path / "vocabulary").mkdir()
    for path in (use_small / "data" / "vocabulary").iterdir():
        (tmp_path / "vocabulary" / path.name).write_bytes(path.read_bytes())
    seqio.set_tfds_data_dir_override(str(tmp_path))
    return tmp_path


def test_datasets_made_before_weights_are_read_as_before(old_dataset, use_small):
    task = names.find(TASK)
    assert set(task.source.get_dataset("train").element_spec) == {"content"}
    files = shards.read_manifest(use_small / "documents").counts["train"]["files"]
    assert names.find(MIXTURE).get_rate(task) == files
    old = examples(task)
    seqio.set_tfds_data_dir_override(str(use_small / "data"))
    assert old == examples(names.find(PLAIN))


@pytest.fixture
def cached(use_small, tmp_path):
    """The Task, and the folder of its cache."""
    task = names.find(TASK)
    cache.cache_task(task, str(tmp_path), splits=["train"])
    before = seqio.get_global_cache_dirs()
    seqio.set_global_cache_dirs([str(tmp_path)])
    task._cache_dir, task._stats = None, {}
    yield task, tmp_path / TASK
    seqio.set_global_cache_dirs(before)
    task._cache_dir, task._stats = None, {}


def test_a_cache_carries_the_weights(cached, use_small, whole_files):
    task, _ = cached
    dataset = task._get_cached_source("train").get_dataset("train", shuffle=False)
    found = sorted(float(example["weight"]) for example in tfds.as_numpy(dataset))
    assert found == sorted(weight_of_files(use_small / "weighted").values())
    clipped = {name for name, weight in weight_of_files(use_small / "weighted").items() if weight == 3.0}
    seen = appearances(TASK, use_cached=True)
    assert {seen[name] for name in clipped} == {3}


def test_a_cache_alone_gives_a_rate_only_where_it_has_no_weights(cached, tmp_path):
    task, folder = cached
    seqio.set_tfds_data_dir_override(str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"the rate of fl_py_50stars_2019 .* not in the cache .*use_weights = False"):
        weights.mixing_rate(task)
    info = json.loads((folder / "info.train.json").read_text())
    del info["features"]["weight"]
    (folder / "info.train.json").write_text(json.dumps(info))
    assert weights.mixing_rate(task) == task.get_cached_stats("train")["examples"]
