"""The programs as users start them."""

import json
import re
import subprocess
import sys

import pytest

from tests.code_t5.conftest import command, train

pytestmark = pytest.mark.slow


def failing(*arguments) -> str:
    """Runs a command that must fail with one clear line, and gives that line."""
    result = subprocess.run([sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode != 0, result.stdout
    assert "Traceback" not in result.stderr
    return next(line for line in result.stderr.splitlines() if line.startswith(("error", "FATAL", "FATAL Flags")))


def predict(trained, tmp_path, rows: list[dict], *more) -> list[dict]:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command("code_t5.main.predict", "--model_dir", trained, "--input", tmp_path / "in.jsonl",
            "--output", tmp_path / "out.jsonl", *more)  # fmt: skip
    return [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


def test_predict_keeps_rows_in_order_with_their_fields(trained_shared, tmp_path):
    rows = [{"prompt": f"x = {i}\n\ty", "id": i} for i in range(11)] + [{"prompt": ""}]
    out = predict(trained_shared, tmp_path, rows, "--max_new_tokens", "4")
    assert [{k: v for k, v in row.items() if k != "completions"} for row in out] == rows
    assert all(len(row["completions"]) == 1 for row in out)
    assert all("\n" not in text for row in out for text in row["completions"])


def test_predict_lays_out_other_files_where_it_is_told_to(trained_shared, tmp_path):
    files = [{"path": "b.py", "text": "x = 1\n"}]
    rows = [{"prompt": "x = ", "files": files, "path": "a.py"}, {"prompt": "x = "}]
    out = predict(trained_shared, tmp_path, rows, "--max_new_tokens", "4", "--context_budget", "20")
    assert [{k: v for k, v in row.items() if k != "completions"} for row in out] == rows
    assert all(len(row["completions"]) == 1 for row in out)


@pytest.mark.parametrize("name", ["shared-prefix_lm", "lm"])
def test_predict_fills_in_with_a_model_trained_for_it(data_dir, tmp_path, name):
    train(tmp_path / "model", data_dir, name, steps=5, **{"code_t5.infilling.rate": 0.5})
    rows = [{"prompt": "x = [1,", "suffix": "]\n"}, {"prompt": "x = "}, {"prompt": "", "suffix": ""}]
    out = predict(tmp_path / "model", tmp_path, rows, "--max_new_tokens", "4")
    assert [{k: v for k, v in row.items() if k != "completions"} for row in out] == rows
    assert all(len(row["completions"]) == 1 for row in out)
    # What a row is answered does not depend on the kinds of rows beside it.
    alone = [predict(tmp_path / "model", tmp_path, [row], "--max_new_tokens", "4")[0] for row in rows[:2]]
    assert alone == out[:2]


def test_predict_draws_samples(trained_shared, tmp_path):
    rows = [{"prompt": "import os"}]
    more = ["--num_samples", "6", "--temperature", "3", "--max_new_tokens", "6", "--noone_line"]
    [row] = predict(trained_shared, tmp_path, rows, *more)
    assert len(row["completions"]) == 6
    assert len(set(row["completions"])) > 1


@pytest.mark.parametrize(
    "content, more, message",
    [
        ('{"prompt": "a"}\n{"prompt": \n', [], r"in.jsonl:2 is not JSON"),
        ('{"prompt": "a"}\n\n{"text": "a"}\n', [], r'in.jsonl:3 has no text "prompt"'),
        ("", [], "has no prompts"),
        ('{"prompt": "a"}\n', ["--num_samples", "2"], "2 samples would all be the same text"),
        ('{"prompt": "a"}\n', ["--beam_size", "2", "--temperature", "1"], "a beam search is not random"),
        ('{"prompt": "a"}\n', ["--model_dir", "/nowhere"], "no trained model in /nowhere"),
        ('{"prompt": "a", "suffix": 1}\n', [], 'in.jsonl:1: "suffix" is the text after the cursor, or null, got 1'),
        ('{"prompt": "a", "suffix": ""}\n', [], "a request has a suffix, but this model was not trained to fill in"),
        ('{"prompt": "a", "files": [{"path": "b.py", "text": ""}]}\n', [], "was trained without other files"),
        ('{"prompt": "a"}\n', ["--context_budget", "30"], "the model reads 32 in all, so it is 0 to 28"),
    ],
)
def test_predict_says_what_is_wrong(trained_shared, tmp_path, content, more, message):
    (tmp_path / "in.jsonl").write_text(content)
    arguments = ["--model_dir", trained_shared, "--input", tmp_path / "in.jsonl", "--output", tmp_path / "out.jsonl"]
    assert message in failing("code_t5.main.predict", *arguments, *more)
    assert not (tmp_path / "out.jsonl").exists()


def test_evaluate_prints_and_writes_the_same_figures_each_time(trained_shared, data_dir, tmp_path):
    arguments = [
        "code_t5.main.evaluate", "--model_dir", trained_shared, "--task", "fl_py_dev", "--data_dir", data_dir,
        "--num_windows", "40", "--num_lines", "8", "--max_new_tokens", "4", "--output", tmp_path / "figures.json",
    ]  # fmt: skip
    first = command(*arguments)
    figures = json.loads((tmp_path / "figures.json").read_text())
    second = command(*arguments)
    assert first.stdout == second.stdout
    assert figures == json.loads((tmp_path / "figures.json").read_text())
    assert set(figures["bits_per_byte"]) == {"model", "unigram", "xz_same_context"}
    assert all(1 < value < 12 for value in figures["bits_per_byte"].values())
    assert 0 <= figures["line_completion"]["exact_match"] <= 100
    assert f"the model                     {figures['bits_per_byte']['model']:.3f}" in first.stdout


def test_inspect_task_lists_and_shows(data_dir, tmp_path):
    listed = command("code_t5.main.inspect_task", "--list").stdout
    for name in ("fl_py_dev", "at_py_2020", "bq_at_py_mix"):
        assert name in listed
    command("code_t5.main.cache", "--tasks", "fl_py_dev", "--cache_dir", tmp_path, "--data_dir", data_dir)
    show = ["code_t5.main.inspect_task", "--data_dir", data_dir, "--inputs_length", "32", "--targets_length", "24"]
    plain = command(*show, "--task", "fl_py_dev").stdout
    cached = command(*show, "--task", "fl_py_dev", "--use_cached", "--additional_task_cache_dirs", tmp_path).stdout
    assert "made from text" in plain
    assert "from the cache" in cached
    for text in (plain, cached):
        assert "--- example 3" in text
        assert "inputs, piece 1 of " in text
        assert re.search(r"inputs   padding: 0\.\d+%\ntargets  padding: 0\.\d+%\nleft out: \d+ of [\d,]+ tokens", text)
    assert "targets (" in command(*show, "--task", "fl_py_dev_line").stdout


@pytest.mark.parametrize(
    ("gin_files", "expected"),
    [
        (["models/lm.gin", "objectives/code_infilling.gin"], r"<fill_prefix>[^<]*<fill_suffix>[^<]*<fill_middle></s>"),
        (["models/shared-prefix_lm.gin", "objectives/stock_prefix_lm.gin"], r"padding, examples packed : inputs \d"),
    ],
)
def test_inspect_task_follows_the_trainers_gin_files(data_dir, gin_files, expected):
    shown = command(
        "code_t5.main.inspect_task", "--data_dir", data_dir, "--task", "fl_py_dev", "--inputs_length", "64",
        "--targets_length", "48", "--num_examples", "9", "--gin_location_prefix=gin_configs/",
        *(f"--gin_file={name}" for name in gin_files), "--gin_param=MIXTURE_NAME = 'fl_py_dev'",
    ).stdout  # fmt: skip
    assert re.search(expected, shown)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["inspect_task"], "which Task?"),
        (["inspect_task", "--task", "fl_py_deb"], "Did you mean fl_py_dev"),
        (
            ["inspect_task", "--task", "fl_py_dev", "--data_dir", "/nowhere"],
            "there is no dataset flcc_python/dev/1.0.0 in /nowhere",
        ),
        (["cache", "--tasks", "fl_py_deb", "--cache_dir", "/nowhere"], "Did you mean fl_py_dev"),
        (["evaluate", "--model_dir", "/nowhere", "--task", "fl_py_dev"], "no trained model in /nowhere"),
    ],
)
def test_programs_say_what_is_wrong(monkeypatch, arguments, message):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert message in failing(f"code_t5.main.{arguments[0]}", *arguments[1:])
