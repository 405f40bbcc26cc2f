"""The table of contestants, and the commands that train them."""

import dataclasses
import pathlib

import pytest

from benchmarks import training_variants
from benchmarks.training_variants import (
    DEEP,
    LONG,
    PACKED,
    PREDECESSOR_VOCABULARY,
    SHALLOW,
    STOCK,
    WITH_INFILLING,
    gin_layers,
)
from tests.benchmarks.training_records import settings

ALL = (STOCK, PACKED, WITH_INFILLING, PREDECESSOR_VOCABULARY, LONG)


def test_names_are_unique_and_make_file_names():
    names = {settings(variant, seed).name for variant in ALL for seed in range(2)}
    assert len(names) == 2 * len(ALL)
    assert settings(STOCK, 2).name == "stock_prefix_lm-10min-seed2"


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"minutes": 11.0}, {"vocab_size": 4000}, {"lines": 0}, {"data": "whole"}, {"variant": STOCK}],
)
def test_other_settings_have_another_digest(change):
    made = settings(PACKED)
    assert dataclasses.replace(made, **change).digest != made.digest
    assert dataclasses.replace(made).digest == made.digest


def test_words_for_the_table_are_no_setting():
    renamed = dataclasses.replace(PACKED, about="another name")
    assert settings(renamed).digest == settings(PACKED).digest


def test_what_all_runs_share_is_a_setting(monkeypatch):
    before = settings(PACKED).digest
    monkeypatch.setattr(training_variants, "BATCH_SIZE", 8)
    assert settings(PACKED).digest != before


def test_layers_of_the_two_objectives_differ_in_their_files_only():
    stock, ours = (training_variants.gin_layers(settings(variant)) for variant in (STOCK, PACKED))
    assert stock[0][:-1] == ours[0][:-1]
    assert (stock[0][-1], ours[0][-1]) == ("objectives/stock_prefix_lm.gin", "objectives/code_prefix_lm.gin")
    assert stock[1] == ours[1]
    assert "code_t5.train_code_model.max_seconds = 600.0" in ours[1]


def test_the_seed_is_that_of_weights_and_data():
    assert "SEED = 2" in training_variants.gin_layers(settings(PACKED, 2))[1]


def test_more_parameters_win():
    files, params = training_variants.gin_layers(
        settings(PACKED), more_files=["sizes/small.gin"], more={"run.keep_checkpoint_max": "1"}
    )
    assert files[-1] == "sizes/small.gin"
    assert "run.keep_checkpoint_max = 1" in params
    assert sum(param.startswith("run.keep_checkpoint_max") for param in params) == 1


def test_the_command_is_that_of_the_documentation():
    command = training_variants.train_command(pathlib.Path("m"), pathlib.Path("d"), layers=(["a.gin"], ["b = 1"]))
    assert command[1:] == [
        *("-m", "t5.models.mesh_transformer_main", "--model_dir=m", "--t5_tfds_data_dir=d", "--module_import=code_t5"),
        *("--module_import=benchmarks.timed_training", "--module_import=benchmarks.input_turns"),
        *("--gin_location_prefix=gin_configs/", "--gin_file=a.gin", "--gin_param=b = 1"),
    ]


def test_a_variants_parameters_reach_the_command_and_make_another_run():
    _, params = gin_layers(settings(SHALLOW))
    assert "num_layers = 12" in params
    assert "decoder/transformer.make_layer_stack.num_layers = 2" in params
    assert settings(SHALLOW).digest != settings(DEEP).digest
    assert "params" not in settings(PACKED).as_json()["variant"], "records of before are found again"
