"""How full rows are, on rows that are known."""

import json

import gin
import pytest
import seqio
import tensorflow as tf

from benchmarks import pipeline_rows
from code_t5.data.vocabulary import VOCABULARY


def test_padding_and_masked_targets_are_no_tokens():
    row = {"inputs": tf.constant([5, 6, 0, 0]), "targets": tf.constant([7, -8, 9, 0])}
    found = pipeline_rows.measure_rows(tf.data.Dataset.from_tensors(row).repeat(), windows=20, seconds=0.1)
    assert (found["inputs"], found["targets"], found["windows"]) == (0.5, 0.5, 20)
    assert found["tokens_per_s"] > 1000


def test_only_the_first_windows_count_for_the_fill():
    full, empty = ({"inputs": tf.fill([4], n), "targets": tf.fill([4], n)} for n in (1, 0))
    rows = tf.data.Dataset.from_tensors(full).repeat(20).concatenate(tf.data.Dataset.from_tensors(empty).repeat())
    found = pipeline_rows.measure_rows(rows, windows=25, seconds=0.05)
    assert found["inputs"] == found["targets"] == pytest.approx(0.8)


@pytest.mark.heavy
def test_our_rows_are_fuller_than_the_stock_pipelines(small_data, capsys):
    VOCABULARY.forget()
    try:
        pipeline_rows.main(["--data_dir", str(small_data / "data_dir"), "--windows", "100", "--seconds", "0.2"])
    finally:
        gin.clear_config()
        seqio.set_tfds_data_dir_override(None)
        VOCABULARY.forget()
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(found) == 6
    for lengths in ("128/128", "512/512", "512/128"):
        stock, ours = found[f"{lengths} stock_prefix_lm"], found[f"{lengths} packed_prefix_lm"]
        for side in ("inputs", "targets"):
            assert 0.3 < stock[side] < ours[side] <= 1
            assert ours[side] > 0.95
