"""Rows of benchmarks as texts, and every way in which a benchmark file can be wrong."""

import gzip
import hashlib
import json
import pathlib

import pytest

from preprocessing.benchmark_files import BenchmarkFile, Item, item_parts, read_benchmark_files
from preprocessing.contract import DataContractError

HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": "def f(x):\n    '''Twice.'''\n",
    "entry_point": "f",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}


def lines(*rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_human_eval_is_prompt_and_solution_without_tests():
    assert item_parts(HUMAN_EVAL) == ("def f(x):\n    '''Twice.'''\n    return 2 * x\n",)


def test_an_infilling_problem_is_the_whole_function():
    row = {"prompt": "def f(x):\n", "suffix": "    return y\n", "canonical_solution": "    y = 2 * x\n", "test": "no"}
    assert item_parts(row) == ("def f(x):\n    y = 2 * x\n    return y\n",)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<s> import os <EOL> x", ("\n import os \n x = 1",)),
        ("open ( f , '<STR_LIT:utf-8>' , \"<STR_LIT:\\n>\" )", ("open ( f , 'utf-8' , \"\\n\" ) = 1",)),
        ("a <NUM_LIT:0.5> <CHAR_LIT:c> </s>", ("a 0.5 c \n = 1",)),
        ("a '<STR_LIT>' b <NUM_LIT> , c <CHAR_LIT>", ("a '", "' b ", " , c ", " = 1")),
    ],
)
def test_the_marks_of_codexglue_become_what_the_source_has(text, parts):
    assert item_parts({"input": text, "gt": "= 1", "id": 4755}) == parts


def test_other_rows_give_every_string_however_deep():
    row = {"a": "one", "b": {"c": ["two", {"d": "three"}, 4, None]}, "e": " \n", "prompt": 5, "canonical_solution": "x"}
    assert item_parts(row) == ("one", "two", "three", "x")


@pytest.mark.parametrize("row", [{}, {"a": " \n"}, {"input": " ", "gt": ""}, {"prompt": "", "canonical_solution": ""}])
def test_rows_without_text(row):
    assert item_parts(row) == ()


@pytest.mark.parametrize("text", ["<STR_LIT>", "<s>"])
def test_a_row_of_marks_alone_is_not_without_text(text):
    """The published files have such rows: they are too short to be found, not broken."""
    assert "".join(item_parts({"input": text, "gt": ""})).isspace()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_files_plain_and_gzipped_whatever_their_names(tmp_path, pack):
    rows = [HUMAN_EVAL, {"id": 7, "text": "größe"}, {"text": "no id"}, {"id": None, "text": "x"}]
    stored = pack(lines(*rows[:2]) + b"\n  \n" + lines(*rows[2:]).rstrip())
    (tmp_path / "rows").write_bytes(stored)
    (file,) = read_benchmark_files([tmp_path / "rows"])
    items = (
        Item("HumanEval/0", (b"def f(x):\n    '''Twice.'''\n    return 2 * x\n",)),
        Item("7", ("größe".encode(),)),
        Item("line 5", (b"no id",)),
        Item("line 6", (b"x",)),
    )
    assert file == BenchmarkFile("rows", hashlib.sha256(stored).hexdigest(), items)


def test_names_tell_files_apart_with_as_few_folders_as_it_takes(tmp_path):
    paths = [tmp_path / name for name in ("py/line/dev.json", "java/line/dev.json", "other.json")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(lines(HUMAN_EVAL))
    assert [file.name for file in read_benchmark_files(paths)] == [
        "py/line/dev.json",
        "java/line/dev.json",
        "/".join(paths[2].parts[-3:]),
    ]
    assert [file.name for file in read_benchmark_files(paths[1:])] == ["dev.json", "other.json"]


def test_relative_and_absolute_addresses_give_one_name(tmp_path, monkeypatch):
    (tmp_path / "a.jsonl").write_bytes(lines(HUMAN_EVAL))
    monkeypatch.chdir(tmp_path)
    assert read_benchmark_files([pathlib.Path("a.jsonl")]) == read_benchmark_files([tmp_path / "a.jsonl"])


def test_a_lone_surrogate_does_not_stop_the_reading(tmp_path):
    (tmp_path / "a").write_bytes(b'{"text": "x \\ud800 y"}\n')
    assert read_benchmark_files([tmp_path / "a"])[0].items == (Item("line 1", (b"x \xed\xa0\x80 y",)),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.jsonl is empty: expected a JSON object a line, found no line"),
        (b"\n \n", r"a\.jsonl is empty"),
        (b'{"a": "x"}\n\n{"a": \n', r"a\.jsonl, line 3: expected a JSON object, found no JSON \("),
        (b'{"a": "\xff"}\n', r"a\.jsonl, line 1: expected a JSON object, found no JSON \(.*utf-8"),
        (b"[" * 100_000, r"a\.jsonl, line 1: expected a JSON object, found no JSON"),
        (b'["x"]\n', r"a\.jsonl, line 1: expected a JSON object, found list \"\['x'\]\""),
        (b'{"a": "x"}\n{"a": " ", "b": 5}\n', r"line 2: no text in any of its fields \(a, b\): take the row out"),
        (b"{}\n", r"line 1: no text in any of its fields \(there is none\)"),
        (gzip.compress(lines(HUMAN_EVAL))[:-12], r"a\.jsonl is damaged: .* fetch it again"),
        (gzip.compress(lines(HUMAN_EVAL))[:-8] + b"\0" * 8, r"a\.jsonl is damaged: CRC check failed"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, content, message):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(DataContractError, match=message):
        read_benchmark_files([tmp_path / "a.jsonl"])


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(DataContractError, match=r"benchmark file .*b\.jsonl cannot be read: No such file"):
        read_benchmark_files([tmp_path / "b.jsonl"])
    with pytest.raises(DataContractError, match="cannot be read: Is a directory. Name a JSONL file"):
        read_benchmark_files([tmp_path])


def test_a_file_given_twice(tmp_path):
    (tmp_path / "a").write_bytes(lines(HUMAN_EVAL))
    with pytest.raises(DataContractError, match="is given twice"):
        read_benchmark_files([tmp_path / "a", tmp_path / "a"])
