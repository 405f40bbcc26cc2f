import json
import math

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import names
from code_t5.inference.model import TrainedModel
from code_t5.training.scoring import Totals


def test_figures_are_per_token_and_per_byte():
    figures = Totals(nats=4.0, tokens=2, text_bytes=4, right={1: 0, 3: 1, 5: 2}).figures()
    assert figures == {
        "loss_per_token": 2.0,
        "bits_per_byte": 1 / math.log(2),
        "top_1_accuracy": 0.0,
        "top_3_accuracy": 0.5,
        "top_5_accuracy": 1.0,
    }
    with pytest.raises(ValueError, match="no tokens to score"):
        Totals().figures()


@pytest.mark.slow
def test_the_session_scores_as_the_finished_model_does(trained, use_data_dir):
    """Every kind of model: what run.json says of all held-out text, and Mesh TensorFlow's own scores of it."""
    record = json.loads((trained / "run.json").read_text())
    (figures,) = record["figures"]["held_out"].values()
    model = TrainedModel(str(trained), batch_size=32)
    with tf.Graph().as_default():
        task = names.find("fl_py_dev_heldout")
        windows = list(tfds.as_numpy(task.get_dataset(model.sequence_length, split="validation", shuffle=False)))
    nats = -math.fsum(model.score([w["inputs"] for w in windows], [w["targets"] for w in windows]))
    assert figures["bits_per_byte"] == pytest.approx(
        nats / math.log(2) / sum(int(w["targets_bytes"]) for w in windows), rel=1e-4
    )
    assert figures["top_1_accuracy"] < figures["top_3_accuracy"] < figures["top_5_accuracy"]
