"""The evaluation command: a model of random weights beside the baselines on a small dataset, from questions to page."""

import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from completion import evaluate, fallback
from tests import random_models, small_documents

SUITES = ["line", "symbols", "arguments", "examples"]


@pytest.fixture(scope="module")
def documents(tmp_path_factory) -> pathlib.Path:
    return small_documents.write(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def model(export_onnx, small_codec) -> pathlib.Path:
    return export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2))


def command(model, documents, out, *more: str) -> list[str]:
    return [
        "--model", f"ours={model}", "--documents", str(documents), "--output_dir", str(out), "--cases", "12",
        "--examples", "2", "--num_answers", "2", "--threads", "1", *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(model, documents, tmp_path_factory) -> pathlib.Path:
    """Of all suites of the documents."""
    out = tmp_path_factory.mktemp("run")
    assert evaluate.main(command(model, documents, out)) == 0
    return out


def results(folder: pathlib.Path) -> dict:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_every_provider_answers_every_suite(run):
    found = results(run)
    assert [suite["name"] for suite in found["suites"]] == SUITES
    assert found["about"]["partial"] == []
    for suite in found["suites"]:
        names = [one["name"] for one in suite["providers"]]
        popular = ["popularity", "alphabetical"] if suite["name"] == "symbols" else ["popularity"]
        assert names == ["ours", "n-gram", *popular, "copy"]
        assert all(one["complete"] and one["total"]["errors"] == 0 for one in suite["providers"])
        assert [one["second"] for one in suite["comparisons"]] == names[1:], "the model beside each of the others"
    html, tables = ((run / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))
    assert "Symbol completion" in html
    assert "Line completion" in tables


def test_what_only_repeats_is_known_to_those_who_count(run):
    """The test split says what the train split says, but for names: popularity finds every attribute."""
    suites = {suite["name"]: {one["name"]: one for one in suite["providers"]} for suite in results(run)["suites"]}
    tops = {name: one["total"]["figures"]["top_3"]["mean"] for name, one in suites["symbols"].items()}
    assert tops["popularity"] == 100, "no module has more than three attributes there"
    lines = {name: one["total"]["figures"]["exact_match"]["mean"] for name, one in suites["line"].items()}
    assert lines["popularity"] > lines["ours"]
    arguments = {name: one["total"]["figures"]["all_arguments"]["mean"] for name, one in suites["arguments"].items()}
    assert arguments["popularity"] > 50 > arguments["ours"]


def test_modules_that_the_model_is_bad_at_are_written_for_the_engine(run):
    listed = fallback.read(run / "symbols" / "fallback" / "ours.json")
    marked = {row["symbol"] for row in next(s for s in results(run)["suites"] if s["name"] == "symbols")["symbols"]
              if row["fallback"]}  # fmt: skip
    assert set(listed.symbols) == marked


def test_it_goes_on_where_it_was_killed(model, documents, run, tmp_path):
    words = [sys.executable, "-m", "completion.evaluate", *command(model, documents, tmp_path, "--suite", *SUITES)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    answers = tmp_path / "line" / "answers" / "ours.jsonl"
    until = time.monotonic() + 120
    while not (answers.exists() and answers.read_text().count("\n") >= 3):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = answers.read_text().splitlines()
    assert evaluate.main(command(model, documents, tmp_path)) == 0
    after = answers.read_text().splitlines()
    assert after[: len(before) - 1] == before[:-1], "what was answered is not asked again"

    def texts(folder: pathlib.Path) -> list:
        rows = (folder / "line" / "answers" / "ours.jsonl").read_text().splitlines()
        return [(row["case"], row["texts"]) for row in map(json.loads, rows)]

    assert texts(tmp_path) == texts(run)


def test_another_model_in_the_same_folder_is_refused(export_onnx, small_codec, documents, model, tmp_path, capsys):
    assert evaluate.main(command(model, documents, tmp_path, "--suite", "line", "--no_baselines")) == 0
    other = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=3), infills=False)
    assert evaluate.main(command(other, documents, tmp_path, "--suite", "line", "--no_baselines")) == 1
    assert "answers of another run: its about are others" in results(tmp_path)["about"]["partial"][0]
    assert evaluate.main(command(model, documents, tmp_path, "--suite", "line", "--no_baselines", "--seed", "1")) == 1
    assert "has other cases than are asked now" in results(tmp_path)["about"]["partial"][0]


def test_two_runs_are_put_side_by_side(export_onnx, small_codec, model, documents, run, tmp_path):
    other = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=3))
    assert evaluate.main(command(other, documents, tmp_path / "other", "--no_baselines", "--suite", "line")) == 0
    both = tmp_path / "both"
    assert evaluate.main(["--compare", f"old={run}", f"new={tmp_path / 'other'}", "--output_dir", str(both)]) == 1
    found = results(both)
    line = found["suites"][0]
    names = [one["name"] for one in line["providers"]]
    assert names[:2] == ["new: ours", "old: ours"]
    assert ("new: ours", "old: ours") in [(one["first"], one["second"]) for one in line["comparisons"]]
    assert "symbols: only old was asked this" in found["about"]["partial"]


def test_a_run_beside_itself_keeps_its_figures(model, tmp_path):
    """Answers that are run, too: what came of them is in the runs' own folders."""
    rows = [
        {"task_id": f"H/{n}", "prompt": f"def f(a):\n    # {n}\n", "canonical_solution": "    return a\n",
         "entry_point": "f", "test": "def check(f):\n    pass\n"}
        for n in range(3)
    ]  # fmt: skip
    path = tmp_path / "HumanEval.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    one = tmp_path / "one"
    words = ["--model", f"ours={model}", "--output_dir", str(one), "--suite", "human_eval", "--human_eval", str(path)]
    assert evaluate.main([*words, "--allow_unsandboxed", "--threads", "1"]) == 0
    both = tmp_path / "both"
    assert evaluate.main(["--compare", f"new={one}", f"old={one}", "--output_dir", str(both)]) == 0
    [alone] = results(one)["suites"][0]["providers"]
    for beside in results(both)["suites"][0]["providers"]:
        assert beside["total"]["figures"] == alone["total"]["figures"]


def test_what_a_baseline_learnt_from_is_part_of_its_answers(model, documents, tmp_path):
    out, other = tmp_path / "run", small_documents.write(tmp_path / "other", {"train": 3})
    assert evaluate.main(command(model, documents, out, "--suite", "line")) == 0
    assert evaluate.main(command(model, other, out, "--suite", "line")) == 1
    told = results(out)["about"]["partial"]
    assert [note.partition(" has answers of another run")[0].rpartition("/")[2] for note in told] == [
        "n-gram.jsonl", "popularity.jsonl", "copy.jsonl",
    ]  # fmt: skip


def test_what_a_suite_lacks_is_told_and_the_others_are_asked(model, documents, tmp_path, capsys):
    rows = [
        {"task_id": "H/0", "prompt": "def f(a):\n", "canonical_solution": "    return a\n", "entry_point": "f",
         "test": "def check(f):\n    assert f(1) == 1\n"},
    ]  # fmt: skip
    path = tmp_path / "HumanEval.jsonl.gz"
    path.write_bytes(gzip.compress(("{broken\n" + "\n".join(map(json.dumps, rows)) + "\n").encode()))
    out = tmp_path / "run"
    words = command(model, documents, out, "--suite", "codexglue", "human_eval", "line", "--human_eval", str(path))
    assert evaluate.main([*words, "--no_baselines", "--allow_unsandboxed"]) == 1
    found = results(out)
    assert [suite["name"] for suite in found["suites"]] == ["line", "human_eval"]
    [told] = found["about"]["partial"]
    assert told == "codexglue: the suite codexglue reads a file of its own: give --codexglue FILE"
    human = found["suites"][1]
    assert (human["cases"], [row.partition(": ")[0] for row in human["bad_rows"]]) == (
        1, [f"{path}:1 is no task of human_eval"]
    )  # fmt: skip
    assert human["providers"][0]["total"]["figures"]["pass@1"]["mean"] in (0.0, 100.0)
    empty = small_documents.write(tmp_path / "empty", {"test": 0})
    assert evaluate.main(command(model, empty, tmp_path / "none", "--suite", "line")) == 1
    assert "has no files in its test split" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --model or --server to ask them, or --compare"),
        (["--model", "a", "--compare", "b"], "give --model or --server to ask them, or --compare"),
        (["--model", "copy=a"], "copy is the name of a baseline"),
        (["--model", "x/a", "--model", "y/a"], "two are called a: give NAME=y/a"),
        (["--server", "a b=http://x/v1"], "'a b' is no name"),
        (["--model", "a", "--cases", "0"], "--cases 0: must be 1 or more"),
        (["--model", "a", "--num_answers", "5000"], "--num_answers 5000: must be 1 to 20"),
        (["--model", "a", "--timeout_s", "-1"], "--timeout_s -1: must be above 0"),
        (["--compare", "{out}", "b"], "is one of the runs: its page would be written over"),
        (["--server", "s=foo"], "--server s=foo: expected an address such as http://localhost:8080/v1"),
    ],
)
def test_wrong_use_is_refused(words, message, tmp_path, capsys):
    with pytest.raises(SystemExit):
        evaluate.main([*(word.format(out=tmp_path) for word in words), "--output_dir", str(tmp_path)])
    assert message in capsys.readouterr().err
