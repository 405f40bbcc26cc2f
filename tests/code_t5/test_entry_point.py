"""t5's own program with our module, Tasks and gin files: training and its other modes, and what goes wrong in them."""

import re
import shutil

import pytest
import tensorflow as tf

from tests.code_t5.conftest import ROOT, SMALL, command, entry_point

pytestmark = pytest.mark.slow
LATEST = {"eval_checkpoint_step": -1, "split": "validation"}


def small(**params) -> dict:
    """The small test model's parameters, without its batch, which hardware/cpu.gin given last decides."""
    return {**{k: v for k, v in SMALL.items() if "batch" not in k}, **params}


def run_mode(model_dir, data_dir, *gin_files: str, params: dict, check: bool = True):
    files = ("models/shared-prefix_lm.gin", *gin_files, "hardware/cpu.gin")
    return entry_point(model_dir, data_dir, *files, params=small(**params), check=check)


def test_the_documented_command_trains_at_its_default_size(data_dir, tmp_path):
    """As README.md has it, on a CPU, for two steps: small model, 16 sequences of 512 + 512 tokens."""
    params = {
        "utils.run.mesh_shape": "model:1,batch:1", "utils.run.mesh_devices": ["cpu:0"], "run.keep_checkpoint_max": 8,
        "MIXTURE_NAME": "fl_py_dev", "run.train_steps": 2,
    }  # fmt: skip
    entry_point(tmp_path / "model", data_dir, "models/shared-prefix_lm.gin", params=params)
    reader = tf.train.load_checkpoint(str(tmp_path / "model" / "model.ckpt-2"))
    assert reader.get_variable_to_shape_map()["shared/embedding"][-1] == 512
    assert not any(name.startswith("encoder/") for name in reader.get_variable_to_shape_map())
    assert (tmp_path / "model" / "vocabulary" / "code.model").exists()


def test_every_model_trains_and_its_loss_falls(trained):
    events = [event for path in trained.glob("events*") for event in tf.compat.v1.train.summary_iterator(str(path))]
    points = [
        (event.step, value.simple_value)
        for event in events
        for value in event.summary.value
        if value.tag == "train/loss_per_token"
    ]
    assert [step for step, _ in points] == [10, 20]
    assert points[1][1] < points[0][1]
    assert (trained / "operative_config.gin").exists()
    shared = {name.split("/")[0] for name, _ in tf.train.list_variables(str(trained / "model.ckpt-20"))}
    assert ("encoder" in shared) == (trained.name == "prefix_lm")


def test_eval_measures_line_completion(trained_shared, data_dir):
    params = {**LATEST, "MIXTURE_NAME": "fl_py_dev_line", "Bitransformer.decode.max_decode_length": 8}
    result = run_mode(trained_shared, data_dir, "eval.gin", "greedy_decode.gin", params=params)
    for metric in ("exact_match", "edit_similarity"):
        assert re.search(rf"eval/fl_py_dev_line/{metric} at step 20: \d+\.\d+", result.stderr)


@pytest.mark.parametrize("decode", ["beam_search.gin", "sample_decode.gin"])
def test_eval_with_t5s_other_decoders(trained_shared, data_dir, decode):
    params = {
        **LATEST, "MIXTURE_NAME": "fl_py_dev_line", "Bitransformer.decode.max_decode_length": 4,
        "mesh_eval_dataset_fn.num_eval_examples": 8,
    }  # fmt: skip
    result = run_mode(trained_shared, data_dir, "eval.gin", decode, params=params)
    assert "eval/fl_py_dev_line/exact_match at step 20" in result.stderr


def test_perplexity_and_score_agree_and_are_repeatable(trained_shared, data_dir):
    params = {**LATEST, "MIXTURE_NAME": "fl_py_dev_heldout", "mesh_eval_dataset_fn.num_eval_examples": 64}
    perplexity = {**params, "utils.run.perplexity_eval_steps": 1}
    found = [
        re.search(r"neg_log_perplexity = (-[\d.]+), num_eval_tokens = ([\d.]+)",
                  run_mode(trained_shared, data_dir, "perplexity_eval.gin", params=perplexity).stderr).groups()
        for _ in range(2)
    ]  # fmt: skip
    assert found[0] == found[1]
    result = run_mode(trained_shared, data_dir, "score_eval.gin", params=params)
    bits_per_byte = float(re.search(r"fl_py_dev_heldout/bits_per_byte at step 20: ([\d.]+)", result.stderr)[1])
    bits_per_token = -float(found[0][0]) / 0.6931
    assert 1.5 < bits_per_token / bits_per_byte < 5  # bytes a token


def test_inference_mode_writes_a_line_a_prompt(trained_shared, data_dir, tmp_path):
    (tmp_path / "prompts.txt").write_text("import os\ndef f(x):\n")
    params = {
        "MIXTURE_NAME": "fl_py_dev", "infer_checkpoint_step": -1, "Bitransformer.decode.max_decode_length": 4,
        "input_filename": str(tmp_path / "prompts.txt"), "output_filename": str(tmp_path / "out.txt"),
    }  # fmt: skip
    run_mode(trained_shared, data_dir, "infer.gin", "greedy_decode.gin", params=params)
    assert len((tmp_path / "out.txt-20").read_text().splitlines()) == 2


def test_a_cached_task_trains(data_dir, tmp_path):
    command("code_t5.main.cache", "--tasks", "fl_py_dev", "--cache_dir", tmp_path / "cache", "--data_dir", data_dir)
    hidden = tmp_path / "data"  # the vocabulary alone: the text cannot be read
    shutil.copytree(data_dir / "vocabulary", hidden / "vocabulary")
    params = small(**{"MIXTURE_NAME": "fl_py_dev", "run.train_steps": 2, "mesh_train_dataset_fn.use_cached": True})
    files = ("models/shared-prefix_lm.gin", "hardware/cpu.gin")
    cache = f"--additional_task_cache_dirs={tmp_path / 'cache'}"
    trained = entry_point(tmp_path / "model", hidden, *files, params=params, flags=[cache])
    assert (tmp_path / "model" / "model.ckpt-2.index").exists()
    assert "WARNING: no validation on fl_py_dev_heldout:validation: there is no dataset" in trained.stdout
    params["code_t5.Validation.sets"] = ["fl_py_dev_heldout:test"]
    asked = entry_point(tmp_path / "other", hidden, *files, params=params, flags=[cache], check=False)
    assert asked.returncode
    assert "FileNotFoundError: there is no dataset" in asked.stderr


def test_finetuning_starts_from_the_other_models_weights(trained_shared, data_dir, tmp_path):
    params = small(**{
        "MIXTURE_NAME": "fl_py_dev", "run.train_steps": 21, "INIT_CHECKPOINT": str(trained_shared / "model.ckpt-20"),
        "code_t5.vocabulary.path": str(trained_shared / "vocabulary" / "code.model"),
        "learning_rate_schedules.constant_learning_rate.learning_rate": 0.0,
    })  # fmt: skip
    files = ("models/shared-prefix_lm.gin", "runs/finetune.gin", "hardware/cpu.gin")
    entry_point(tmp_path / "model", data_dir, *files, params=params)
    before, after = (
        tf.train.load_checkpoint(str(folder / f"model.ckpt-{step}")).get_tensor("shared/embedding")
        for folder, step in ((trained_shared, 20), (tmp_path / "model", 21))
    )
    assert abs(before - after).max() < 1e-6


@pytest.mark.parametrize(
    "params, message",
    [
        ({"MIXTURE_NAME": "fl_py_deb"}, "no Task or Mixture is named 'fl_py_deb'. Did you mean fl_py_dev"),
        ({}, "MIXTURE_NAME is not set"),
        ({"MIXTURE_NAME": "fl_py_dev", "utils.run.mesh_devices": ["gpu:0"]}, "names gpu:0, and TensorFlow sees 0 GPUs"),
        ({"MIXTURE_NAME": "fl_py_50stars_2019"}, "there is no dataset flcc_python/50stars_2019/1.0.0 in"),
    ],
)
def test_what_is_wrong_is_said(data_dir, tmp_path, params, message):
    params = small(**{"run.train_steps": 2, **params})
    files = ("models/shared-prefix_lm.gin", "hardware/cpu.gin")
    result = entry_point(tmp_path / "model", data_dir, *files, params=params, check=False)
    assert result.returncode != 0
    assert message in result.stderr


def test_a_data_directory_without_a_vocabulary_is_said(tmp_path):
    params = small(**{"MIXTURE_NAME": "fl_py_dev", "run.train_steps": 2})
    files = ("models/shared-prefix_lm.gin", "hardware/cpu.gin")
    result = entry_point(tmp_path / "model", tmp_path / "data", *files, params=params, check=False)
    assert (
        f"no vocabulary at {tmp_path}/data/vocabulary/code.model: `python -m preprocessing.vocabulary`" in result.stderr
    )


@pytest.mark.parametrize("mode", ["train", "eval.gin"])
def test_a_vocabulary_that_does_not_fit_the_checkpoint_is_refused(trained_shared, data_dir, documents, tmp_path, mode):
    other = tmp_path / "data"
    shutil.copytree(data_dir, other)
    shutil.rmtree(other / "vocabulary")
    command("preprocessing.vocabulary", "--documents", documents, "--output_dir", other / "vocabulary",
            "--vocab_size", "1000", "--sample_mb", "0.1")  # fmt: skip
    params = {"MIXTURE_NAME": "fl_py_dev_line", **LATEST} if mode == "eval.gin" else {"MIXTURE_NAME": "fl_py_dev"}
    files = [mode] if mode == "eval.gin" else []
    result = run_mode(trained_shared, other, *files, params={"run.train_steps": 30, **params}, check=False)
    assert result.returncode != 0
    assert re.search(r"is not the one that the model in \S+ was trained with", result.stderr)


def test_the_documented_command_works_outside_the_repository(trained_shared, data_dir, tmp_path):
    folder = command("code_t5.main.configs", cwd=tmp_path).stdout.strip()
    assert (ROOT / "gin_configs" / "models").samefile(f"{folder}/models")
