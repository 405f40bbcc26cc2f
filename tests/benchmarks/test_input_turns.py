"""The pipeline's batches and one batch over and over, in turns."""

import pytest
import tensorflow as tf

from benchmarks import input_turns


def numbers(sequence_length, vocabulary, dataset_split):
    assert (sequence_length, vocabulary, dataset_split) == ({"targets": 1}, None, "train")
    return tf.data.Dataset.range(10**6).map(lambda number: {"targets": number})


def test_turns():
    made = input_turns.in_turns({"targets": 1}, dataset_fn=numbers, batch_size=2, steps=3)
    batches = [batch["targets"].numpy().tolist() for batch in made.batch(2).take(12)]
    assert batches[:3] == [[0, 1], [2, 3], [4, 5]]
    assert batches[3:6] == [[0, 1]] * 3
    assert batches[6:9] == [[6, 7], [8, 9], [10, 11]]
    assert batches[9:] == [[0, 1]] * 3


def test_the_training_set_has_to_be_named():
    with pytest.raises(RuntimeError, match="dataset_fn"):
        input_turns.in_turns({"targets": 1})
