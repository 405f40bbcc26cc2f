"""Streams of records, and what is wrong with an input."""

import numpy as np
import pytest
import seqio
import tensorflow as tf

from code_t5.data import cache_plan, cache_shards
from code_t5.data.cache_plan import Unit
from preprocessing.contract import DataContractError
from tests.code_t5.data.small_tasks import FEATURES, encode, file_source, function_source, task, texts


def make(made: seqio.Task, folder, *, units=None, plan=None) -> dict[str, dict]:
    """Makes units of the split `train`, all of them by default; gives the entries."""
    plan = plan or cache_plan.plan_split(made, "train")
    entries = {}
    units = plan.units if units is None else [plan.units[i] for i in units]
    for more in cache_shards.make_shards(made, plan, units, folder=str(folder), progress=lambda count: None):
        entries |= more
    return entries


def tokens(folder, shard: str) -> list[list[int]]:
    parsed = tf.data.TFRecordDataset(str(folder / shard)).map(
        lambda record: tf.io.parse_single_example(record, {"targets": tf.io.RaggedFeature(tf.int64)})["targets"]
    )
    return [row.numpy().tolist() for row in parsed]


def test_units_that_follow_one_another_are_read_in_one_go():
    units = [Unit((str(i),), None, 10 * i, 10 * (i + 1)) for i in range(6)]
    files = [Unit((str(i),), i) for i in range(3)]
    assert cache_shards._runs([units[i] for i in (0, 1, 3, 4, 5)]) == [units[0:2], units[3:6]]
    assert cache_shards._runs(files) == [[file] for file in files]
    assert cache_shards._runs([]) == []


def test_shards_hold_the_examples_of_their_units_in_order(tmp_path):
    made = task(function_source(train=50))
    entries = make(made, tmp_path)
    expected = [seqio.ByteVocabulary().encode(text) for text in texts(50)]
    assert [row for shard in sorted(entries) for row in tokens(tmp_path, shard)] == expected
    assert sum(entry["examples"] for entry in entries.values()) == 50
    assert sum(entry["tokens"]["targets"]["sum"] for entry in entries.values()) == sum(map(len, expected))
    assert max(entry["tokens"]["targets"]["max"] for entry in entries.values()) == max(map(len, expected))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(entries)


def test_a_unit_is_the_same_alone(tmp_path):
    made = task(function_source(train=50))
    (tmp_path / "alone").mkdir()
    (tmp_path / "all").mkdir()
    everything, some = make(made, tmp_path / "all"), make(made, tmp_path / "alone", units=[2, 9, 10, 15])
    assert len(some) == 4
    assert some.items() <= everything.items()


def test_eos_and_padding_are_not_counted_as_tokens(tmp_path):
    def with_special_ids(dataset):
        return dataset.map(lambda example: {"targets": tf.concat([[0, 1], example["targets"], [1, 0, 0]], 0)})

    plain = make(task(function_source(train=3)), tmp_path)
    special = make(task(function_source(train=3), encode, with_special_ids), tmp_path)
    assert [entry["tokens"] for entry in special.values()] == [entry["tokens"] for entry in plain.values()]


def test_a_file_of_the_input_goes_to_its_shards_in_turn(tmp_path):
    def filtered(dataset):
        return dataset.filter(lambda example: tf.size(example["targets"]) > 13)

    made = task(file_source(tmp_path / "in", 20, 12), encode, filtered)
    (tmp_path / "out").mkdir()
    make(made, tmp_path / "out")
    vocabulary = seqio.ByteVocabulary()
    for number, lines in ((0, range(10, 20)), (1, (10, 11))):
        for i in range(8):
            shard = f"train.tfrecord-{number + 2 * i:05d}-of-00016"
            expected = [vocabulary.encode(f"file {number} line {line}") for line in lines][i::8]
            assert tokens(tmp_path / "out", shard) == expected


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (60, "the input ends after 50 examples, where at least 52 were promised: make the dataset again"),
        (40, "the input of small, split train, has more than the 40 examples that it says: make the dataset again"),
    ],
)
def test_an_input_that_is_not_as_long_as_it_says_is_refused(tmp_path, said, message):
    source = function_source(train=50)
    source._num_input_examples = {"train": said}
    with pytest.raises(DataContractError, match=message):
        make(task(source), tmp_path)
    assert not list(tmp_path.glob("*.incomplete"))


def record_source(folder) -> seqio.TFExampleDataSource:
    features = {"text": tf.io.FixedLenFeature([], tf.string)}
    source = seqio.TFExampleDataSource({"train": str(folder / "*.tfrecord")}, features)
    for number in range(3):
        with tf.io.TFRecordWriter(str(folder / f"{number}.tfrecord")) as writer:
            for i in range(200):
                writer.write(seqio.dict_to_tfexample({"text": f"file {number} text {i}"}).SerializeToString())
    return source


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 16
    path.write_bytes(data)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize("damage", [flip, truncate])
def test_a_damaged_input_is_named(tmp_path, damage):
    source = record_source(tmp_path)
    plan = cache_plan.plan_split(task(source), "train")
    damage(tmp_path / "1.tfrecord")
    (tmp_path / "out").mkdir()
    message = rf"the input of small, split train, is damaged: {tmp_path}/1.tfrecord\. Copy it again, or make"
    with pytest.raises(DataContractError, match=message):
        make(task(source), tmp_path / "out", plan=plan)
    assert not list((tmp_path / "out").glob("*.incomplete"))


def test_examples_of_different_inner_sizes_are_refused(tmp_path):
    def table(dataset):
        def add(example):
            width = 2 + tf.cast(tf.size(example["targets"]) > 12, tf.int32)
            return {**example, "table": tf.ones([3, width])}

        return dataset.map(add)

    with pytest.raises(DataContractError, match="differ in more than the first dimension of a feature"):
        make(task(function_source(train=50), encode, table), tmp_path)


def test_ragged_and_float_features_are_not_counted():
    made = task(
        function_source(train=3), features={**FEATURES, "weight": FEATURES["targets"], "rows": FEATURES["targets"]}
    )
    features = {
        "targets": {"shape": [None], "dtype": "int32"},
        "weight": {"shape": [], "dtype": "float32"},
        "rows": {"shape": [None, None], "dtype": "int32"},
        "other": {"shape": [None], "dtype": "int32"},
    }
    plan = cache_plan.SplitPlan("train", 3, (), features, {})
    assert cache_shards.counted_features(made, plan) == ["targets"]
    assert cache_shards._totals([np.array([3]), np.array([9])], ["targets"]) == {
        "examples": 2,
        "tokens": {"targets": {"sum": 12, "max": 9}},
    }
