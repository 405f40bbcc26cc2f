"""HumanEval's two suites: rows, cuts, programs and figures on a small suite of our own, and the published files."""

import dataclasses
import gzip
import json
import pathlib
import random

import pytest

from completion.evaluation import human_eval, sandbox, scores
from completion.evaluation.cases import CaseError, Prediction
from completion.evaluation.sandbox import Limits

FOLDER = pathlib.Path(__file__).parents[3].parent / "shared" / "data" / "human_eval"
needs_sandbox = pytest.mark.skipif(sandbox.permitted() is not None, reason=f"no sandbox here: {sandbox.permitted()}")
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"HumanEval's files are not in {FOLDER}")

PATIENT = Limits(wall_s=60.0)
TEST = "\n\ndef check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(0, 0) == 0, 'nothing'\n"
WHOLE = {
    "task_id": "HumanEval/900",
    "prompt": 'def add(a, b):\n    """Adds."""\n',
    "canonical_solution": "    return a + b\n",
    "test": TEST,
    "entry_point": "add",
}
LINE = {
    **WHOLE,
    "task_id": "SingleLineInfilling/HumanEval/900/L0",
    "prompt": "def add(a, b):\n    c = a\n",
    "canonical_solution": "    c += b\n",
    "suffix": "    return c\n",
}


def written(path: pathlib.Path, *rows: object) -> pathlib.Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(gzip.compress(b"\n".join(lines) + b"\n"))
    return path


@pytest.fixture
def whole(tmp_path):
    return human_eval.read(written(tmp_path / "whole.jsonl.gz", WHOLE), "human_eval")


@pytest.fixture
def line(tmp_path):
    return human_eval.read(written(tmp_path / "line.jsonl.gz", LINE), "infilling")


def checked(suite, *texts: str, limits: Limits = PATIENT) -> list[human_eval.Checked]:
    [case], tasks = suite
    predictions = {case.id: Prediction(case.id, case.suite, "test", texts)}
    return human_eval.check([case], tasks, predictions, limits=limits)


def test_rows_become_cases(whole, line):
    [case], tasks = whole
    assert (case.id, case.suite, case.one_line, case.suffix) == ("HumanEval/900", "human_eval", False, None)
    assert (case.prompt, case.expected) == (WHOLE["prompt"], "    return a + b\n")
    assert tasks == {case.id: human_eval.Task(TEST, "add")}
    [case], tasks = line
    assert (case.suite, case.one_line, case.suffix) == ("infilling", True, "    return c\n")
    assert case.expected == "    c += b", "the end of the line is no part of an answer"
    assert tasks[case.id].entry_point == "add"


def test_plain_text_is_read_like_gzip(tmp_path, whole):
    path = tmp_path / "plain.jsonl"
    path.write_text(json.dumps(WHOLE))
    assert human_eval.read(path, "human_eval") == whole


@pytest.mark.parametrize("suite", human_eval.SUITES)
def test_an_absent_file_says_where_to_get_it(tmp_path, suite):
    name, url = human_eval.FILES[suite]
    with pytest.raises(FileNotFoundError) as caught:
        human_eval.read(tmp_path, suite)
    assert str(tmp_path / name) in str(caught.value)
    assert f"download it from {url}" in str(caught.value)
    written(tmp_path / name, {**WHOLE, "suffix": ""})
    assert len(human_eval.read(tmp_path, suite)[0]) == 1, "a folder is as good as the file in it"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"{", "2 is no task of human_eval: Expecting property name"),
        (b'"\xff"', "2 is no task of human_eval: .*codec can't decode"),
        (b"[]", "2 is no task of human_eval: expected an object, got list"),
        (
            {**WHOLE, "test": 1, "entry_point": None},
            "2 is no task of human_eval: test, entry_point missing, or no text",
        ),
        (WHOLE, "2 is no task of human_eval: HumanEval/900 was there before"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_is_kept(tmp_path, row, message):
    path = written(tmp_path / "h.jsonl.gz", WHOLE, row, {**WHOLE, "task_id": "HumanEval/901"})
    with pytest.raises(CaseError, match=message):
        human_eval.read(path, "human_eval")
    bad: list[str] = []
    cases, tasks = human_eval.read(path, "human_eval", bad=bad)
    assert [case.id for case in cases] == list(tasks) == ["HumanEval/900", "HumanEval/901"]
    assert len(bad) == 1


def test_a_line_to_fill_needs_what_stands_behind_it(tmp_path):
    with pytest.raises(CaseError, match="1 is no task of infilling: suffix missing, or no text"):
        human_eval.read(written(tmp_path / "h.jsonl.gz", WHOLE), "infilling")


def test_a_damaged_file_is_named(tmp_path):
    path = written(tmp_path / "h.jsonl.gz", WHOLE)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CaseError, match=r"h.jsonl.gz cannot be unpacked: .*: download it again"):
        human_eval.read(path, "human_eval")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    return 1\n\n\ndef g():\n    pass\n", "    return 1\n\n"),
        ("    return 1\nclass A:\n", "    return 1"),
        ("    return 1\n# a comment\n", "    return 1"),
        ("    return 1\nif __name__ == 1:\nprint(f())", "    return 1"),
        ("    return 1\nprint(f())\nif x:", "    return 1"),
        ("    x = 1\n    # no\n    if x:\n        print(x)\n", "    x = 1\n    # no\n    if x:\n        print(x)\n"),
        ("def g():\n", "def g():\n"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_body_ends_where_the_paper_says(text, expected):
    assert human_eval.cut(text) == expected


def test_a_line_ends_with_its_line():
    assert human_eval.cut("    c += b\r\n    more\n", one_line=True) == "    c += b"
    assert human_eval.cut("x  # no end", one_line=True) == "x  # no end"


def test_programs_are_put_together(whole, line):
    [case], tasks = whole
    text = human_eval.program(case, "    return a + b\n\ndef other():\n", tasks[case.id])
    assert text == WHOLE["prompt"] + "    return a + b\n" + "\n" + TEST + "\ncheck(add)\n"
    [case], tasks = line
    for answer in ("    c += b", "    c += b\n", "    c += b\nand more"):
        text = human_eval.program(case, answer, tasks[case.id])
        assert text == "def add(a, b):\n    c = a\n    c += b\n    return c\n\n" + TEST + "\ncheck(add)\n"


@needs_sandbox
def test_right_and_wrong_are_told_apart(whole):
    texts = ("    return a + b\n", "    return a * b", "    return a + b + (a == 0)", "    return (", "    while 1: a")
    found = checked(whole, *texts, limits=Limits(wall_s=60.0, cpu_s=1))
    assert [(one.sample, one.verdict, one.right) for one in found] == [
        (0, "passed", True), (1, "failed", False), (2, "failed", False), (3, "failed", False), (4, "timed_out", False),
    ]  # fmt: skip
    assert [one.reason for one in found[:4]] == [
        "",
        "AssertionError",
        "AssertionError: nothing",
        "SyntaxError: '(' was never closed",
    ]


@needs_sandbox
@pytest.mark.parametrize("end", ["raise SystemExit", "exit()", "import os; os._exit(0)", "quit(0)"])
def test_ending_before_the_tests_is_not_passing(whole, end):
    [found] = checked(whole, f"    {end}\n")
    assert (found.verdict, found.reason) == ("failed", "it ended before the tests did")
    [noisy] = checked(whole, "    import sys; sys.stdout.write('no newline'); return a + b\n")
    assert noisy.right
    [hidden] = checked(whole, "    import io, sys; sys.stdout = io.StringIO(); return a + b\n")
    assert hidden.right


@needs_sandbox
def test_a_line_is_checked_in_its_place(line):
    assert [one.right for one in checked(line, "    c += b", "    c = c + b  # as well\nrest", "c += b")] == [
        True, True, False
    ]  # fmt: skip


@needs_sandbox
def test_they_are_told_in_order_and_cases_without_an_answer_are_left_out(tmp_path):
    rows = [{**WHOLE, "task_id": f"HumanEval/{number}"} for number in range(6)]
    cases, tasks = human_eval.read(written(tmp_path / "h.jsonl.gz", *rows), "human_eval")
    # A sleep of the first ones, so that they are done last.
    texts = [f"    import time; time.sleep({0.3 / (number + 1)}); return a + b + {number % 2}\n" for number in range(5)]
    predictions = {case.id: Prediction(case.id, "human_eval", "x", (text,)) for case, text in zip(cases, texts)}  # noqa: B905 (the last has none)
    told: list[human_eval.Checked] = []
    found = human_eval.check(cases, tasks, predictions, limits=PATIENT, threads=4, watch=told.append)
    assert found == told
    assert [(one.case, one.right) for one in found] == [(f"HumanEval/{i}", i % 2 == 0) for i in range(5)]
    assert figures(cases, found, predictions) == {"pass@1": pytest.approx(50.0)}


def test_nothing_is_run_where_no_sandbox_can_be_made(whole, monkeypatch):
    monkeypatch.setattr(sandbox, "permitted", lambda: "not here")
    with pytest.raises(sandbox.SandboxError, match="not here"):
        checked(whole, "    return a + b\n")


def figures(cases, found, predictions) -> dict[str, float]:
    """Of one provider, over all cases."""
    name = next((one.provider for one in predictions.values()), "")
    measure = human_eval.measure(cases, {name: found})
    return {
        key: one.mean for key, one in scores.summary(cases, predictions.values(), measure=measure).total.figures.items()
    }


def test_figures_are_over_all_cases(tmp_path):
    rows = [{**LINE, "task_id": str(number)} for number in range(4)]
    cases, _ = human_eval.read(written(tmp_path / "h.jsonl.gz", *rows), "infilling")
    texts = {"0": ("    c += b  \nrest", "x"), "1": ("x", "    c += b"), "2": ("c += b",)}
    predictions = {name: Prediction(name, "infilling", "x", found) for name, found in texts.items()}
    verdicts = [("0", 0, "passed"), ("0", 1, "failed"), ("1", 0, "failed"), ("1", 1, "failed"), ("2", 0, "timed_out")]
    found = [human_eval.Checked(case, sample, verdict, "", 0.1) for case, sample, verdict in verdicts]
    assert figures(cases, found, predictions) == {"pass@1": 12.5, "exact_match": 25.0}
    assert figures(cases, [], {}) == {"pass@1": 0.0, "exact_match": 0.0}
    ten = [human_eval.Checked("0", sample, "passed" if sample == 3 else "failed", "", 0.1) for sample in range(10)]
    assert figures(cases[:2], ten, predictions)["pass@10"] == 50.0, "the other has no answer"
    both = human_eval.measure(cases, {"x": ten, "y": [found[0]]})
    assert both.names == ("pass@1", "pass@10", "exact_match")
    once = dataclasses.replace(predictions["0"], provider="y")
    assert both.of(cases[0], once) == (100.0, 100.0, 100.0), "who has one answer always gives it"
    assert human_eval.measure(cases, {"x": ten, "y": found[:2]}).names == ("pass@1", "exact_match"), "two are no ten"


@needs_files
@needs_sandbox
@pytest.mark.parametrize(("suite", "number"), [("human_eval", 164), ("infilling", 1033)])
def test_canonical_solutions_are_all_right(suite, number):
    cases, tasks = human_eval.read(FOLDER, suite)
    assert len(cases) == len(tasks) == number
    assert [case.id for case in cases if human_eval.cut(case.expected, one_line=case.one_line) != case.expected] == []
    drawn = random.Random(7).sample(cases, 20)
    predictions = {case.id: Prediction(case.id, suite, "canonical", (case.expected,)) for case in drawn}
    found = human_eval.check(drawn, tasks, predictions, limits=PATIENT)
    assert [one for one in found if not one.right] == []
    exact = {"exact_match": 100.0} if suite == "infilling" else {}
    assert figures(drawn, found, predictions) == {"pass@1": 100.0, **exact}
    nothing = {case.id: Prediction(case.id, suite, "pass", ("    pass\n",)) for case in drawn}
    assert figures(drawn, human_eval.check(drawn, tasks, nothing, limits=PATIENT), nothing)["pass@1"] < 30
