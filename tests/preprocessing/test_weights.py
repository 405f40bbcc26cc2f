import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from preprocessing import contract, output_folder, run, shards, weight_groups, weights
from preprocessing.contract import DataContractError
from preprocessing.weight_law import WeightParameters, document_weights
from preprocessing.workers import Workers
from tests.flcc_tree import write_flcc

BY_REPOSITORY = WeightParameters("repository", weight_power=0.0)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """12 repositories of 1 to 12 files; those with an even number of files import numpy, one alone imports yaml.

    Row groups are small, so that a shard has several.
    """
    folder = tmp_path_factory.mktemp("weights")
    tree = {}
    for i in range(1, 13):
        head = "import numpy\n" if i % 2 == 0 else "import yaml\n" if i == 3 else ""
        tree[f"o{i}/n"] = {f"{k}.py": f"{head}x = {i * 100 + k}\n" * (1 + k % 3) for k in range(i)}
    write_flcc(folder / "tree", tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "ROW_GROUP_BYTES", 60)
        run.main(["--input_dir", str(folder / "tree"), "--output_dir", str(folder / "documents"), "--workers", "1",
                  "--validation_permille", "150", "--test_permille", "150"])  # fmt: skip
    return folder / "documents"


def column(folder, name: str, split: str) -> list:
    return [value for batch in shards.read_columns(folder, split, columns=[name]) for value in batch[name].to_pylist()]


def everything(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("by", weight_groups.BY)
def test_the_same_documents_with_the_laws_weights(documents, tmp_path, by):
    parameters = WeightParameters(by, weight_power=0.25)
    result = weights.make(documents, tmp_path / "out", parameters=parameters)
    for split in contract.SPLITS:
        assert list(shards.read_documents(tmp_path / "out", split)) == list(shards.read_documents(documents, split))
    with Workers(1) as pool:
        expected = document_weights(weight_groups.read(documents, pool, by=by), parameters)
    assert column(tmp_path / "out", "weight", "train") == expected.tolist() == result.weights.tolist()
    assert len(set(expected.tolist())) > 2
    for split in contract.HELD_OUT_SPLITS:
        assert set(column(tmp_path / "out", "weight", split)) == {1.0}


def test_shards_keep_their_row_groups(documents, tmp_path):
    weights.make(documents, tmp_path / "out", parameters=BY_REPOSITORY)
    for path in documents.glob("*.parquet"):
        before, after = pq.read_metadata(path), pq.read_metadata(tmp_path / "out" / path.name)
        assert after.schema.to_arrow_schema() == shards.WEIGHTED_SCHEMA
        rows = [[m.row_group(i).num_rows for i in range(m.num_row_groups)] for m in (before, after)]
        assert rows[0] == rows[1]
        assert len(rows[0]) > 2 or before.num_rows < 5


def test_the_manifest_says_what_was_done(documents, tmp_path):
    weights.make(documents, tmp_path / "out", parameters=WeightParameters("symbol", 0.25, 3.0, 2.0))
    before, after = shards.read_manifest(documents), shards.read_manifest(tmp_path / "out")
    assert after.parameters == {
        **before.parameters,
        "steps": [*before.parameters["steps"], "weights"],
        "weight_by": "symbol",
        "weight_power": 0.25,
        "max_weight": 3.0,
        "mean_weight": 2.0,
        "unweighted_digest": before.digest,
    }
    assert after.salt != before.salt
    assert (after.source, after.drops, after.notes) == (before.source, before.drops, before.notes)
    for split in contract.SPLITS:
        total = float(np.sum(column(tmp_path / "out", "weight", split)))
        assert after.counts[split] == {**before.counts[split], "weight": pytest.approx(total, rel=1e-12)}
    assert after.counts["train"]["weight"] == pytest.approx(2 * before.counts["train"]["files"])
    assert after.counts["test"]["weight"] == before.counts["test"]["files"]
    assert (tmp_path / "out" / shards.DROPPED_FILE).read_bytes() == (documents / shards.DROPPED_FILE).read_bytes()


def test_each_parameter_gives_another_salt(documents):
    manifest = shards.read_manifest(documents)
    variants = [
        BY_REPOSITORY,
        WeightParameters("symbol", 0),
        WeightParameters("repository", 0.1),
        WeightParameters("repository", 0, 5.0),
        WeightParameters("repository", 0, 4.0, 2.0),
    ]
    assert len({weights._described(manifest, variant).salt for variant in variants}) == len(variants)


@pytest.mark.parametrize("by", weight_groups.BY)
def test_any_number_of_workers_gives_the_same_bytes(documents, tmp_path, by):
    for count in (1, 2):
        weights.make(documents, tmp_path / str(count), parameters=WeightParameters(by), workers=count)
    assert everything(tmp_path / "1") == everything(tmp_path / "2")


def test_what_is_there_is_not_made_again(documents, tmp_path):
    out = tmp_path / "out"
    assert weights.make(documents, out, parameters=BY_REPOSITORY) is not None
    before = everything(out)
    assert weights.make(documents, out, parameters=BY_REPOSITORY) is None
    with pytest.raises(DataContractError, match=r"(?s)made otherwise:.*weight_power: 0\.0 there, 0\.5 asked for"):
        weights.make(documents, out, parameters=WeightParameters("repository"))
    assert everything(out) == before
    weights.make(documents, out, parameters=WeightParameters("repository"), overwrite=True)
    assert shards.read_manifest(out).parameters["weight_power"] == 0.5
    assert weights.make(documents, out, parameters=WeightParameters("repository"), overwrite=True) is not None


def test_other_folders_stay(documents, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(DataContractError, match="exists and is not a document dataset"):
            weights.make(documents, tmp_path, parameters=BY_REPOSITORY, overwrite=overwrite)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_weights_of_weighted_documents_are_refused(documents, tmp_path):
    weights.make(documents, tmp_path / "out", parameters=BY_REPOSITORY)
    with pytest.raises(DataContractError, match="has weights already: give the documents that it was made from"):
        weights.make(tmp_path / "out", tmp_path / "again", parameters=BY_REPOSITORY)


def test_no_train_documents(documents, tmp_path):
    manifest = shards.read_manifest(documents)
    manifest.counts["train"]["files"] = 0
    shards.write_manifest(tmp_path, manifest)
    with pytest.raises(DataContractError, match="has no train documents"):
        weights.make(tmp_path, tmp_path / "out", parameters=BY_REPOSITORY)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_damaged_shard_is_named_and_nothing_is_left(documents, tmp_path, split):
    copy = tmp_path / "documents"
    copy.mkdir()
    for name, data in everything(documents).items():
        (copy / name).write_bytes(data)
    shard = max(copy.glob(f"{split}-*"), key=lambda path: path.stat().st_size)
    data = bytearray(shard.read_bytes())
    data[20] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataContractError, match=f"{shard.name} is damaged"):
        weights.make(copy, tmp_path / "out", parameters=BY_REPOSITORY)
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


def test_two_at_once(documents, tmp_path):
    with (
        output_folder.making(tmp_path / "out"),
        pytest.raises(output_folder.AlreadyRunningError, match="another process is making"),
    ):
        weights.make(documents, tmp_path / "out", parameters=BY_REPOSITORY)


def test_the_command_prints_the_rates(documents, tmp_path):
    command = [
        sys.executable,
        "-m",
        "preprocessing.weights",
        "--documents",
        documents,
        "--output_dir",
        tmp_path / "out",
    ]
    command += ["--by", "repository", "--power", "0"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    counts = shards.read_manifest(documents).counts
    assert lines[0] == "weights by repository, power 0"
    assert lines[1] == f"train        {counts['train']['files']} files, {counts['train']['repositories']} repositories"
    assert any(line.startswith("raised: ") for line in lines)
    assert any(line.startswith("lowered: ") for line in lines)
    sums = {line.split()[0]: float(line.split()[3]) for line in lines if line.endswith("sum of weights")}
    assert sums == {split: counts[split]["files"] for split in contract.SPLITS}
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert again.startswith(f"already made: {tmp_path / 'out'}, digest ")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["digest"] in again


@pytest.mark.parametrize(
    "more, message",
    [
        (["--output_dir", "{out}", "--by", "symbol", "--power", "2"], "power 2.0: must be in [0, 1]"),
        (["--output_dir", "{documents}", "--by", "symbol"], "holds the documents: choose a folder beside them"),
        (["--output_dir", "{out}", "--by", "symbol", "--workers", "0"], "--workers 0"),
        (["--documents", "{out}", "--output_dir", "{out}/b", "--by", "symbol"], "no finished document dataset"),
    ],
)
def test_wrong_use_is_one_clear_line(documents, tmp_path, capsys, more, message):
    values = {"out": tmp_path / "out", "documents": documents}
    with pytest.raises(SystemExit) as stopped:
        weights.main(["--documents", str(documents), *[word.format(**values) for word in more]])
    assert stopped.value.code in (1, 2)
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("moment", ["out.incomplete/run-*", "out.incomplete/run-*/documents/*.parquet"])
def test_a_killed_run_leaves_nothing_finished_and_a_rerun_is_the_same(documents, tmp_path, moment):
    weights.make(documents, tmp_path / "expected", parameters=BY_REPOSITORY)
    command = [sys.executable, "-m", "preprocessing.weights", "--documents", documents, "--by", "repository"]
    command += ["--power", "0", "--output_dir", tmp_path / "out", "--workers", "2"]
    for _ in range(5):  # on a busy machine a run may finish before the signal comes
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(tmp_path.glob(moment)):
            time.sleep(0.001)
        process.kill()
        if process.wait() == -signal.SIGKILL and not (tmp_path / "out").exists():
            break
        shutil.rmtree(tmp_path / "out")
    assert list(tmp_path.glob("out.incomplete/run-*"))
    assert weights.make(documents, tmp_path / "out", parameters=BY_REPOSITORY) is not None
    assert everything(tmp_path / "out") == everything(tmp_path / "expected")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["expected", "out"]


def test_full_disk(documents, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "write_shard", full)
    with pytest.raises(SystemExit):
        weights.main(["--documents", str(documents), "--output_dir", str(tmp_path / "out"), "--by", "repository",
                      "--workers", "1"])  # fmt: skip
    assert capsys.readouterr().err.startswith(f"error: no space left on the disk of {tmp_path / 'out'}")
    assert list(tmp_path.iterdir()) == []
