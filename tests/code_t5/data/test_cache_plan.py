import hashlib

import pytest
import seqio
import tensorflow as tf

from code_t5.data import cache_plan
from tests.code_t5.data.small_tasks import FEATURES, encode, file_source, function_source, task


def test_units_share_out_the_examples_and_name_the_shards():
    plan = cache_plan.plan_split(task(function_source(train=100)), "train")
    assert [unit.shards for unit in plan.units] == [(f"train.tfrecord-{i:05d}-of-00016",) for i in range(16)]
    assert plan.units[0].start == 0
    assert [unit.stop for unit in plan.units[:-1]] == [unit.start for unit in plan.units[1:]]
    assert plan.units[-1].stop == plan.num_examples == 100
    assert {unit.stop - unit.start for unit in plan.units} == {6, 7}


@pytest.mark.parametrize(("examples", "shards"), [(1, 1), (3, 3), (16, 16), (17, 16), (0, 1)])
def test_few_examples_are_not_more_shards_than_examples(examples, shards):
    plan = cache_plan.plan_split(task(function_source(train=examples)), "train")
    assert len(plan.shards) == shards
    assert plan.info()["num_shards"] == shards


def test_shards_are_of_some_tens_of_megabytes(monkeypatch):
    monkeypatch.setattr(cache_plan, "PROBE_EXAMPLES", 1000)
    small = task(function_source(train=300))
    _, probe = cache_plan._probe(small, encode(raw(300), FEATURES))
    monkeypatch.setattr(cache_plan, "SHARD_BYTES", sum(map(len, probe)) / 59.5)
    assert len(cache_plan.plan_split(small, "train").units) == 60


def raw(count: int) -> tf.data.Dataset:
    return function_source(train=count).get_dataset("train", shuffle=False)


def double(dataset):
    return dataset.map(lambda example: {"targets": tf.concat([example["targets"]] * 2, 0)}, num_parallel_calls=2)


def random_token(dataset):
    @seqio.map_over_dataset(num_seeds=1)
    def add(example, seed):
        return {"targets": tf.concat([example["targets"], tf.random.stateless_uniform([1], seed, 0, 9, tf.int32)], 0)}

    return add(dataset)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (lambda dataset: dataset, True),
        (double, True),
        (lambda dataset: double(dataset).prefetch(2).map(lambda example: example), True),
        (lambda dataset: dataset.filter(lambda example: tf.size(example["targets"]) > 5), False),
        (lambda dataset: dataset.batch(2).unbatch(), False),
        (lambda dataset: dataset.flat_map(tf.data.Dataset.from_tensors), False),
        (lambda dataset: dataset.shuffle(3), False),
        (lambda dataset: dataset.enumerate().map(lambda i, example: example), False),
        (lambda dataset: dataset.concatenate(dataset), False),
        (random_token, False),
    ],
)
def test_whether_examples_are_made_one_by_one(more, expected):
    dataset = raw(10)
    assert cache_plan.is_one_by_one(dataset, more(encode(dataset, FEATURES))) is expected


def test_where_they_are_not_a_unit_is_a_file_of_the_input(tmp_path):
    def filtered(dataset):
        return dataset.filter(lambda example: tf.size(example["targets"]) > 12)

    plan = cache_plan.plan_split(task(file_source(tmp_path, 10, 20, 30), encode, filtered), "train")
    assert [unit.input_file for unit in plan.units] == [0, 1, 2]
    assert len(plan.shards) == 18  # at least 16, and as many for each file
    assert sorted(shard for unit in plan.units for shard in unit.shards) == plan.shards
    assert {len(unit.shards) for unit in plan.units} == {6}


def test_input_of_unknown_length_is_counted(tmp_path):
    assert cache_plan.plan_split(task(file_source(tmp_path, 10, 20, 5)), "train").num_examples == 35


def test_seeds_are_those_of_seqio(monkeypatch):
    """Taken from the code of seqio.beam_utils.PreprocessTask._emit_examples."""
    small = task(function_source(train=3), name="of_this_name")
    seen = set()
    for index in range(300):
        digest = hashlib.md5(("of_this_name" + f"shard{index}").encode()).digest()
        seed = int.from_bytes(digest, "little")
        if seed > 2**63 - 1:
            seed = int.from_bytes(digest[:7], "little")
        assert cache_plan.shard_seed(small, index) == seed
        seen.add(seed)
    assert len(seen) == 300


def made_of(*preprocessors, source=None, features=FEATURES, split="train") -> dict:
    made = task(source or function_source(train=30), *preprocessors, features=features)
    return {**cache_plan.made_of(made), **cache_plan.plan_split(made, split).made_of}


def changed(before: dict, after: dict) -> set[str]:
    assert set(before) == set(after)
    return {key for key in before if before[key] != after[key]}


def test_what_determines_the_content_is_named(tmp_path, monkeypatch):
    def rare(dataset):  # differs from `encode` alone in what the first examples do not show
        return dataset.map(lambda example: {"targets": example["targets"][:1000]})

    before = made_of()
    assert made_of() == before
    assert changed(before, made_of(encode, rare)) == {"code of the preprocessors"}
    other = {"targets": seqio.Feature(seqio.ByteVocabulary(extra_ids=7), add_eos=False)}
    assert changed(before, made_of(features=other)) == {"vocabulary of targets"}
    assert changed(before, made_of(source=function_source(train=31))) >= {"train: input examples"}
    monkeypatch.setattr(seqio, "__version__", "0.0.19")
    assert "version of seqio" in changed(before, made_of())


def test_a_changed_file_of_the_input_is_seen(tmp_path):
    before = made_of(source=file_source(tmp_path, 10, 500))
    assert made_of(source=file_source(tmp_path, 10, 500)) == before
    text = (tmp_path / "part-1.txt").read_text()
    (tmp_path / "part-1.txt").write_text(text.replace("line 499", "line 49X"))
    assert changed(before, made_of(source=file_source_of(tmp_path))) == {"train: input files"}


def file_source_of(folder) -> seqio.TextLineDataSource:
    return seqio.TextLineDataSource({"train": str(folder / "part-*.txt")})


@pytest.mark.parametrize("dtype", ["float64", "uint8", "int16", "bfloat16"])
def test_a_feature_that_seqio_could_not_read_back_is_refused(dtype):
    def add(dataset):
        return dataset.map(lambda example: {**example, "score": tf.cast(1, dtype)})

    with pytest.raises(ValueError, match=rf"a feature 'score' \(TensorSpec, {dtype}\) that seqio could not read back"):
        cache_plan.plan_split(task(function_source(train=3), encode, add), "train")
