"""Near-duplicates, earlier datasets and benchmarks through the whole chain."""

import gzip
import json
import pathlib
import random

import pytest

from preprocessing import cluster_report, contract, run, shards
from tests.flcc_tree import write_flcc

# By the salt "salt0" bob/two is test, eve/five validation, the others train.
REPOSITORIES = ("ann/one", "bob/two", "cid/three", "dan/four", "eve/five")


def text(name: str, *, edits: int = 0, lines: int = 60) -> str:
    """A file of its own words, as many of its lines changed as asked for."""
    generator = random.Random(f"{name} {edits}")
    changed = set(generator.sample(range(lines), edits))
    return "".join(
        f"{name}_{i} = call_{name}_{i}(a{i}, b{i}, c{i + (1000 if i in changed else 0)})\n" for i in range(lines)
    )


def make(folder: pathlib.Path, files: dict[str, dict[str, str]], *flags: str) -> pathlib.Path:
    tree = write_flcc(folder / "flcc", files)
    documents = folder / "documents"
    run.main(f"--input_dir {tree} --output_dir {documents} --split_salt salt0 --workers 1".split() + list(flags))
    return documents


def kept(documents: pathlib.Path) -> dict[str, int]:
    """repository/path -> cluster."""
    return {
        f"{row['repository']}/{row['path']}": row["near_duplicate_cluster"]
        for split in contract.SPLITS
        for batch in shards.read_columns(documents, split)
        for row in batch.to_pylist()
    }


def dropped(documents: pathlib.Path) -> list[dict]:
    with gzip.open(documents / shards.DROPPED_FILE, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def splits(documents: pathlib.Path) -> dict[str, set[str]]:
    return {split: {file.repository for file in shards.read_documents(documents, split)} for split in contract.SPLITS}


@pytest.fixture
def files() -> dict[str, dict[str, str]]:
    return {
        "ann/one": {"x.py": text("x"), "p.py": text("p", edits=1), "own.py": text("own1")},
        "bob/two": {"x.py": text("x", edits=2), "own.py": text("own2")},
        "cid/three": {"x.py": text("x", edits=3), "a.py": text("p"), "own.py": text("own3")},
        "dan/four": {"p.py": text("p", edits=2), "own.py": text("own4"), "short.py": "import os\n"},
        "eve/five": {"own.py": text("own5"), "short.py": "import os, sys\n"},
    }


def test_one_of_each_cluster_stays_the_held_out_one_first(tmp_path, files):
    documents = make(tmp_path, files)
    assert splits(documents)["test"] == {"bob/two"}
    assert splits(documents)["validation"] == {"eve/five"}
    found = kept(documents)
    own = {f"{name}/own.py": shards.NO_CLUSTER for name in REPOSITORIES}
    short = {"dan/four/short.py": shards.NO_CLUSTER, "eve/five/short.py": shards.NO_CLUSTER}
    assert found == own | short | {"bob/two/x.py": 1, "ann/one/p.py": 0}
    assert [drop for drop in dropped(documents) if drop["reason"] == "near_duplicate"] == [
        {"reason": "near_duplicate", "where": "ann/one/x.py", "evidence": {"cluster": 1, "kept": "bob/two/x.py"}},
        {"reason": "near_duplicate", "where": "cid/three/a.py", "evidence": {"cluster": 0, "kept": "ann/one/p.py"}},
        {"reason": "near_duplicate", "where": "cid/three/x.py", "evidence": {"cluster": 1, "kept": "bob/two/x.py"}},
        {"reason": "near_duplicate", "where": "dan/four/p.py", "evidence": {"cluster": 0, "kept": "ann/one/p.py"}},
    ]
    manifest = shards.read_manifest(documents)
    assert manifest.near_duplicates == {"clusters": 2, "files": 6, "largest": 3}
    assert manifest.drops["near_duplicate"] == 4
    assert manifest.parameters["steps"] == ["filter", "split", "exact_duplicates", "near_duplicates"]


def test_the_report(tmp_path, files):
    documents = make(tmp_path, files)
    report = json.loads((documents / cluster_report.REPORT_FILE).read_text())
    assert report["clusters_of_size"] == {"3": 2}
    assert report["largest_clusters"][0] == {
        "cluster": 0,
        "size": 3,
        "kept": {"file": "ann/one/p.py", "split": "train"},
        "dropped": [{"file": "cid/three/a.py", "split": "train"}, {"file": "dan/four/p.py", "split": "train"}],
    }
    assert [entry["cluster"] for entry in report["examples"]] == [0, 1]


def test_near_duplicates_may_stay(tmp_path, files):
    documents = make(tmp_path, files, "--near_jaccard", "0")
    assert len(kept(documents)) == sum(map(len, files.values()))
    assert set(kept(documents).values()) == {shards.NO_CLUSTER}
    manifest = shards.read_manifest(documents)
    assert manifest.near_duplicates == {}
    assert manifest.parameters["steps"] == ["filter", "split", "exact_duplicates"]
    assert not (documents / cluster_report.REPORT_FILE).exists()


def test_twice_is_once(tmp_path, files):
    once = make(tmp_path / "once", files)
    left = {}
    for name in kept(once):
        owner, repository, path = name.split("/")
        left.setdefault(f"{owner}/{repository}", {})[path] = files[f"{owner}/{repository}"][path]
    twice = make(tmp_path / "twice", left)
    assert kept(twice).keys() == kept(once).keys()
    assert shards.read_manifest(twice).drops["near_duplicate"] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_files_of_earlier_datasets_go(tmp_path, workers):
    earlier = make(
        tmp_path / "earlier",
        {
            "bob/two": {"held_out.py": text("h"), "tiny.py": "import os\n"},
            "eve/five": {"v.py": text("v")},
            "old/repository": {"t.py": text("t")},
        },
    )
    new = {
        "ann/one": {"h.py": text("h", edits=2), "v.py": text("v"), "new.py": text("new")},
        "bob/two": {"t.py": text("t", edits=1), "own.py": text("own")},
        "cid/three": {"tiny.py": "import os\n", "other.py": "import sys\n", "v2.py": text("v", edits=40)},
    }
    documents = make(tmp_path / "new", new, "--against", str(earlier), "--workers", workers)
    assert set(kept(documents)) == {"ann/one/new.py", "bob/two/own.py", "cid/three/other.py", "cid/three/v2.py"}
    assert dropped(documents) == [
        {"reason": "in_earlier_dataset", "where": where, "evidence": {"earlier": name}}
        for where, name in [
            ("ann/one/h.py", "bob/two/held_out.py"),
            ("ann/one/v.py", "eve/five/v.py"),
            ("bob/two/t.py", "old/repository/t.py"),
            ("cid/three/tiny.py", "bob/two/tiny.py"),
        ]
    ]
    manifest = shards.read_manifest(documents)
    assert manifest.parameters["against"] == [{"digest": shards.read_manifest(earlier).digest, "files": 4}]
    assert manifest.parameters["steps"][-1] == "against"


def test_against_equal_bytes_alone(tmp_path):
    earlier = make(tmp_path / "earlier", {"old/repository": {"t.py": text("t")}, "bob/two": {"u.py": text("u")}})
    new = {"ann/one": {"t.py": text("t", edits=1), "u.py": text("u"), "n.py": text("n")}}
    documents = make(tmp_path / "new", new, "--against", str(earlier), "--near_jaccard", "0")
    assert set(kept(documents)) == {"ann/one/t.py", "ann/one/n.py"}


PROBLEM = """def gather_totals(rows, by):
    totals = {}
    for row in rows:
        key = tuple(row[name] for name in by)
        totals[key] = totals.get(key, 0) + row["amount"]
    return sorted(totals.items(), key=lambda item: -item[1])
"""


def test_files_that_hold_a_benchmark_go(tmp_path):
    problems = tmp_path / "problems.jsonl"
    problems.write_text(json.dumps({"task_id": "P/7", "prompt": PROBLEM, "canonical_solution": ""}) + "\n")
    files = {
        "ann/one": {"copy.py": text("a") + PROBLEM, "clean.py": text("b")},
        "bob/two": {"c.py": text("c"), "near.py": text("a", edits=2) + PROBLEM},
    }
    documents = make(tmp_path, files, "--benchmarks", str(problems))
    assert set(kept(documents)) == {"ann/one/clean.py", "bob/two/c.py"}
    near, contaminated = dropped(documents)
    # The near-duplicate goes first: what a step drops the next one does not see.
    assert (near["reason"], near["where"]) == ("near_duplicate", "ann/one/copy.py")
    assert (contaminated["reason"], contaminated["where"]) == ("contaminated", "bob/two/near.py")
    (hit,) = contaminated["evidence"]["hits"]
    assert (hit["benchmark"], hit["item"], hit["overlap"], hit["line"]) == ("problems.jsonl", "P/7", 1.0, 61)
    manifest = shards.read_manifest(documents)
    assert manifest.parameters["benchmarks"]["ngram"] == 10
    assert manifest.parameters["steps"][-1] == "decontaminate"


def test_against_something_else(tmp_path, files, capsys):
    with pytest.raises(SystemExit):
        make(tmp_path, files, "--against", str(tmp_path))
    assert "holds no finished document dataset" in capsys.readouterr().err
    assert not (tmp_path / "documents").exists()


def test_against_a_damaged_dataset(tmp_path, files, capsys):
    earlier = make(tmp_path / "earlier", files)
    shard = max(earlier.glob("train-*.parquet"), key=lambda path: path.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(SystemExit):
        make(tmp_path / "new", files, "--against", str(earlier))
    assert f"{shard} is damaged: its SHA-256 is not the manifest's" in capsys.readouterr().err


def test_other_parameters_are_another_dataset(tmp_path, files, capsys):
    make(tmp_path, files)
    with pytest.raises(SystemExit):
        make(tmp_path, files, "--near_jaccard", "0.8")
    assert "near_jaccard: 0.7 there, 0.8 asked for" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--near_jaccard", "0.2"), ("--benchmark_overlap", "0"), ("--near_ngram", "0")])
def test_flags_out_of_range(tmp_path, files, flags, capsys):
    with pytest.raises(SystemExit):
        make(tmp_path, files, *flags)
    assert flags[0].removeprefix("--").split("_")[0] in capsys.readouterr().err
