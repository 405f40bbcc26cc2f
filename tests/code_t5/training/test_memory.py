"""What is said of a model before training, against the checkpoint of it after training."""

import os
import re
import subprocess
import sys

import pytest
import tensorflow as tf

from code_t5.training.memory import RESERVED_BYTES, Footprint
from tests.code_t5.conftest import ROOT, SMALL, command

FOOTPRINT = Footprint(
    parameters=1_000_000, weights=4_000_000, gradients=4_000_000, optimizer=100_000, activations_per_row=2_000_000
)


def test_rows_that_fit():
    assert FOOTPRINT.total(10) == 28_100_000
    assert FOOTPRINT.rows_that_fit(RESERVED_BYTES + 28_100_000) == 10
    assert FOOTPRINT.rows_that_fit(RESERVED_BYTES + 28_099_999) == 9
    assert FOOTPRINT.rows_that_fit(8_000_000) == 0


@pytest.mark.slow
def test_weights_and_optimizer_are_those_of_the_checkpoint(trained):
    """For every kind of model, to the last byte that is printed."""
    params = [f"--gin_param={name} = {value!r}" for name, value in SMALL.items()]
    said = command(
        "code_t5.main.memory", "--gin_location_prefix=gin_configs/", f"--gin_file=models/{trained.name}.gin",
        "--vocab_size=1000", "--device_gb=0.5,16", *params, cwd=ROOT,
    ).stdout  # fmt: skip
    sizes = {
        name: 4 * tf.TensorShape(shape).num_elements()
        for name, shape in tf.train.list_variables(tf.train.latest_checkpoint(os.fspath(trained)))
        if name != "global_step"
    }
    weights = sum(size for name, size in sizes.items() if "_slot_" not in name)
    found = dict(re.findall(r"^(parameters|weights|gradients|optimizer) +([\d.,]*\d)", said, re.M))
    assert found == {
        "parameters": f"{weights // 4:,}",
        "weights": f"{weights / 1e6:,.2f}",
        "gradients": f"{weights / 1e6:,.2f}",
        "optimizer": f"{(sum(sizes.values()) - weights) / 1e6:,.2f}",
    }
    assert "does not fit 0.5 GB: not even one row does" in said
    assert re.search(
        r'fits 16 GB: \d+ rows at a time, --gin_param="serialize_num_microbatches\.tokens_per_microbatch', said
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "which model? Give --gin_file"),
        (["--gin_file=models/lm.gin", "--device_gb=big"], "--device_gb big: give numbers, as in 16,24,80"),
    ],
)
def test_what_is_wrong_is_said(flags, message):
    words = [sys.executable, "-m", "code_t5.main.memory", "--gin_location_prefix=gin_configs/", *flags]
    found = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert found.returncode
    assert message in found.stderr
