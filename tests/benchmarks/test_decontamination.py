"""The program on three repositories of a few files: what it finds, and what it prints."""

import json

import pytest

from benchmarks import decontamination
from preprocessing import run
from tests.flcc_tree import write_flcc

PROBLEM = """def add_all(numbers):
    'The sum of all numbers, if it is 0 or more.'
    total = 0
    for number in numbers:
        total = total + number
"""
SOLUTION = "    if total < 0:\n        raise ValueError(total)\n    return total\n"


def source(seed: int) -> str:
    lines = [f"    value_{seed}_{i} = call_{seed}_{i}(first_{i}, second_{i})\n" for i in range(30)]
    return f"import os\n\n\ndef function_{seed}(a, b):\n{''.join(lines)}    return a + b\n"


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    files = {name: {f"{name[-1]}{i}.py": source(i * 10 + ord(name[-1])) for i in range(4)} for name in ("a/a", "b/b")}
    files["b/b"]["copy.py"] = f"import sys\n\n\n{PROBLEM}{SOLUTION}"
    write_flcc(folder / "flcc", files)
    run.main(["--input_dir", str(folder / "flcc"), "--output_dir", str(folder / "documents"), "--workers", "1"])
    return folder / "documents"


def test_what_it_prints(documents, tmp_path, capsys):
    row = {"task_id": "Set/0", "prompt": PROBLEM, "canonical_solution": SOLUTION}
    (tmp_path / "set.jsonl").write_text(json.dumps(row))
    decontamination.main(["--documents", str(documents), "--benchmarks", str(tmp_path / "set.jsonl"), "--rows", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("9 documents, 0.0 MB; words hashed at ")
    table = [line.split() for line in lines]
    for ngram in ("5", "7", "10", "13"):
        for overlap in ("0.3", "0.4", "0.5", "0.6", "0.8"):
            # The one problem is in one document; no row made of one repository is in the other.
            assert [ngram, overlap, *"1/1", *"0/0"] in table
    assert "  1.00 of Set/0 of set.jsonl: b/b/copy.py, line 4" in lines
    start = next(i for i, line in enumerate(lines) if line.startswith("set.jsonl: copies found of 1 items"))
    assert lines[start + 1].split() == "n overlap too short whole reformatted renamed first half".split()
    assert table[start + 2] == ["5", "0.3", "0.0%", "100.0%", "100.0%", "0.0%", "100.0%"]
    assert table[start + 6] == ["5", "0.8", "0.0%", "100.0%", "100.0%", "0.0%", "0.0%"]
    made = next(i for i, line in enumerate(lines) if line.startswith("made rows: copies found of 3 items"))
    assert table[made + 4][3:5] == ["100.0%", "100.0%"]
