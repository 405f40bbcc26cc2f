import json
import pathlib

import pytest

from benchmarks import inputs, measure
from benchmarks.inputs import Work
from preprocessing import arguments
from tests.flcc_tree import write_flcc

FILES = {"ann/tool": {"a.py": "x = 1\n" * 50, "b.py": "# ü\n"}, "bob/lib": {"c.py": "y = 2\n" * 40, "d.py": ""}}


@pytest.fixture
def tree(tmp_path):
    return write_flcc(tmp_path / "tree", FILES)


def test_what_a_run_leaves_is_taken_away_before_the_next(tmp_path):
    work = Work(tmp_path / "work")
    work.empty("ours").mkdir()
    (tmp_path / "work" / "runs" / "ours" / "file").touch()
    assert not work.empty("ours").exists()
    assert work.empty("ours").parent.is_dir()


def test_slow_contestants_run_half_as_often():
    assert [Work(pathlib.Path(), runs=runs).fewer_runs for runs in (1, 2, 3, 5)] == [1, 1, 1, 2]
    assert Work(pathlib.Path(), runs=5).said(fewer=True) == "medians of 2 runs in turns"
    assert Work(pathlib.Path(), runs=1).said() == "one run"


def test_the_command_is_one_that_run_understands(tree, tmp_path):
    words = inputs.run_command(tree, tmp_path / "out", workers=2, near_jaccard=0)
    assert words[1:3] == ["-m", "preprocessing.run"]
    parsed = arguments.parse([str(word) for word in words[3:]], program="preprocessing.run", description="")
    assert (parsed.workers, parsed.near.near_jaccard) == (2, 0)


def test_documents_as_json_lines_in_equal_parts(tree, tmp_path):
    documents = Work(tmp_path / "work").documents(tree)
    assert inputs.kept(documents) == (3, 6 * 90 + len("# ü\n".encode()))
    assert inputs.source_bytes(documents) == 6 * 90 + len("# ü\n".encode())
    assert inputs.write_jsonl(documents, tmp_path / "jsonl", parts=2) == 6 * 90 + len("# ü\n".encode())
    parts = [
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for file in sorted((tmp_path / "jsonl").iterdir())
    ]
    texts = {f"{name}/{path}": text for name, files in FILES.items() for path, text in files.items() if text}
    assert {row["id"]: row["text"] for part in parts for row in part} == texts
    assert sorted(len(part) for part in parts) == [1, 2]


def test_every_file_is_read(tree):
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert inputs.read_all(tree) == sum(path.stat().st_size for path in files)


def test_a_part_of_the_tree_is_made_once(tree, tmp_path):
    work = Work(tmp_path / "work")
    (tmp_path / "work").mkdir()
    tree.rename(tmp_path / "work" / "tree")
    part = work.part(1)
    assert (part / "dev_dataset.json").exists()
    (part / "mark").touch()
    assert (work.part(1) / "mark").exists()


def test_a_tree_that_is_there_is_used(tree, tmp_path):
    (tmp_path / "work").mkdir()
    tree.rename(tmp_path / "work" / "tree")
    assert Work(tmp_path / "work").tree == tmp_path / "work" / "tree"


def test_module_words_run_from_the_repository():
    assert measure.run([*inputs.module("benchmarks.baseline_chain"), "--help"]).output.startswith("usage: ")
