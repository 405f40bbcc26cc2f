"""The two engines, side by side: every file of the output is the same, byte for byte."""

import filecmp
import json
import pathlib
import subprocess
import sys

import pytest

from preprocessing import beam, contract, run, shards
from tests.flcc_tree import write_flcc
from tests.preprocessing.test_run_duplicates import PROBLEM, text

ROOT = pathlib.Path(__file__).parents[2]
FILES = {
    "ann/one": {"x.py": text("x"), "p.py": text("p", edits=1), "own.py": text("own1"), "empty.py": ""},
    "bob/two": {"x.py": text("x", edits=2), "own.py": text("own2"), "copy.py": text("own1")},
    "cid/three": {"x.py": text("x", edits=3), "a.py": text("p"), "bom.py": b"\xef\xbb\xbf" + text("bom").encode()},
    "dan/four": {"p.py": text("p", edits=2), "own.py": text("own4"), "short.py": "import os\n", "größe.py": "x = 1\n"},
    "eve/five": {"own.py": text("own5"), "short.py": "import os, sys\n", "nul.py": "x\0", "hit.py": PROBLEM},
}
EARLIER = {"old/one": {"a.py": text("own4", edits=1), "b.py": text("bom"), "c.py": "import os\n"}}


def both(folder: pathlib.Path, tree: pathlib.Path, *flags: str) -> tuple[pathlib.Path, pathlib.Path]:
    outputs = folder / "run", folder / "beam"
    for engine, output in zip((run, beam), outputs, strict=True):
        engine.main(["--input_dir", str(tree), "--output_dir", str(output), "--split_salt", "salt0", *flags])
    return outputs


def assert_same(one: pathlib.Path, other: pathlib.Path) -> None:
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    assert filecmp.cmpfiles(one, other, names, shallow=False) == (names, [], [])
    assert shards.read_manifest(one).digest == shards.read_manifest(other).digest


def test_all_steps(tmp_path):
    earlier = write_flcc(tmp_path / "old", EARLIER)
    run.main(["--input_dir", str(earlier), "--output_dir", str(tmp_path / "earlier")])
    problems = tmp_path / "problems.jsonl"
    problems.write_text(json.dumps({"prompt": PROBLEM, "canonical_solution": ""}) + "\n")
    tree = write_flcc(tmp_path / "flcc", FILES, licenses={"ann/one": "MIT"})
    one, other = both(tmp_path, tree, "--against", str(tmp_path / "earlier"), "--benchmarks", str(problems))
    assert_same(one, other)
    drops = shards.read_manifest(other).drops
    assert {reason: count for reason, count in drops.items() if count} == {
        "nul_bytes": 1,
        "empty": 1,
        "exact_duplicate": 1,
        "near_duplicate": 4,
        "in_earlier_dataset": 3,
        "contaminated": 1,
    }


@pytest.mark.parametrize("flags", [("--near_jaccard", "0"), ("--near_jaccard", "0.98", "--format", "jsonl")])
def test_fewer_steps(tmp_path, flags):
    assert_same(*both(tmp_path, write_flcc(tmp_path / "flcc", FILES), *flags))


def test_options_of_beam(tmp_path):
    """Two processes: what is sent to workers must not name __main__."""
    tree = write_flcc(tmp_path / "flcc", FILES)
    run.main(["--input_dir", str(tree), "--output_dir", str(tmp_path / "run")])
    command = [sys.executable, "-m", "preprocessing.beam", "--input_dir", str(tree)]
    command += ["--output_dir", str(tmp_path / "beam"), "--runner", "DirectRunner"]
    command += ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_same(tmp_path / "run", tmp_path / "beam")


def test_nothing_to_keep(tmp_path, capsys):
    tree = write_flcc(tmp_path / "flcc", {"ann/one": {"a.py": ""}})
    for engine in (run, beam):
        with pytest.raises(SystemExit):
            engine.main(["--input_dir", str(tree), "--output_dir", str(tmp_path / "documents")])
        assert "error: nothing to keep: 1 files read, 1 dropped as empty" in capsys.readouterr().err
    assert not (tmp_path / "documents").exists()


def test_a_damaged_earlier_dataset_is_named(tmp_path, capsys):
    earlier = write_flcc(tmp_path / "old", EARLIER)
    run.main(["--input_dir", str(earlier), "--output_dir", str(tmp_path / "earlier")])
    shard = max((tmp_path / "earlier").glob("*.parquet"), key=lambda path: path.stat().st_size)
    shard.write_bytes(shard.read_bytes()[:-1])
    tree = write_flcc(tmp_path / "flcc", FILES)
    with pytest.raises(SystemExit):
        beam.main(
            ["--input_dir", str(tree), "--output_dir", str(tmp_path / "out"), "--against", str(tmp_path / "earlier")]
        )
    assert f"{shard} is damaged" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_errors_of_workers_come_back_as_what_they_were(tmp_path):
    """Runners hand them on as text; in the first the one of the worker is quoted twice."""
    damaged = "preprocessing.contract.DataContractError: /a/test-00001 is damaged [while running 'read earlier']"
    text = f"Traceback (most recent call last):\n  File ...\n{damaged}\n\nDuring handling ...\n{damaged}\n"
    found = beam._of_worker(RuntimeError(text), tmp_path)
    assert type(found) is contract.DataContractError
    assert str(found) == "/a/test-00001 is damaged [while running 'read earlier']"
    full = beam._of_worker(RuntimeError("OSError: [Errno 28] No space left on device [while ...]"), tmp_path / "run-1")
    assert type(full) is OSError
    assert str(full).startswith(f"no space left on the disk of {tmp_path}, or of ")
    other = RuntimeError("KeyError: 'x'")
    assert beam._of_worker(other, tmp_path) is other
