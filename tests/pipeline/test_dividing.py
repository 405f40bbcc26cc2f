"""One result by several hosts at once: the same files in the same place, whoever made which part."""

import dataclasses
import hashlib
import pathlib
import subprocess
import sys
import sysconfig

import pytest
import yaml

from pipeline import dividing, records
from pipeline.experiment import Place
from pipeline.plan import Planned, Stage
from pipeline.ssh import RemoteError
from tests.pipeline.sshd import Sshd, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all there")

ROOT = pathlib.Path(__file__).parents[2]
# Writes numbers worker, worker + num_workers, ... of six, each to a file; and where it was made, beside the result.
_PROGRAM = """
import os, pathlib, sys
given = dict(word.lstrip("-").split("=", 1) for word in sys.argv[2:])
folder, worker, workers = pathlib.Path(given["folder"]), int(given["worker"]), int(given["num_workers"])
print(f"worker {worker} of {workers}")
if (pathlib.Path(sys.argv[1]) / f"fail-{worker}").exists():
    sys.exit("that was wrong")
(folder / "inner").mkdir(parents=True)
for number in range(worker, 6, workers):
    (folder / "inner" / str(number)).write_text(str(number ** 2))
with open(f"{sys.argv[1]}/made", "a") as made:
    print(worker, os.environ["WHO"], file=made)
"""


@pytest.fixture
def hosts(tmp_path):
    with Sshd(tmp_path / "one") as one, Sshd(tmp_path / "two") as two:
        yield tuple(
            dataclasses.replace(server.host(), name=name, prefix=("env", f"WHO={name}"))
            for name, server in (("one", one), ("two", two))
        )


@pytest.fixture
def planned(tmp_path, hosts) -> Planned:
    code = tmp_path / "code"
    code.mkdir()
    (code / "program.py").write_text(_PROGRAM)
    subprocess.run(["git", "init", "-q", str(code)], check=True)
    stage = Stage("Numbers", "six numbers", (), lambda asked: [], output="--folder", divided="numbers")
    path = tmp_path / "results" / "Numbers" / "0123456789"
    path.parent.mkdir(parents=True)
    words = ("program.py", str(tmp_path), f"--folder={path}.incomplete")
    return Planned(stage, path.name, {"numbers": 6}, {}, words, (), path, Place(hosts=hosts), "mine")


def files(folder: pathlib.Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


EXPECTED = {f"inner/{number}": str(number**2) for number in range(6)}


def test_parts_of_several_hosts_become_one_folder(planned, tmp_path):
    shares = dividing.run(planned, code=tmp_path / "code")
    assert files(planned.incomplete) == EXPECTED
    made = [line.split() for line in (tmp_path / "made").read_text().splitlines()]
    assert sorted(int(worker) for worker, _ in made) == list(range(6))  # of four for each host, six at most
    assert shares.done == {name: [who for _, who in made].count(name) for name in ("one", "two")}
    assert planned.log.read_text().splitlines()[:4] == [
        "part-0-of-6", "worker 0 of 6", "part-1-of-6", "worker 1 of 6"
    ]  # fmt: skip


def test_what_failed_alone_is_made_again(planned, tmp_path):
    (tmp_path / "fail-4").touch()
    with pytest.raises(RemoteError, match="5 parts were made") as raised:
        dividing.run(planned, code=tmp_path / "code")
    assert "part-4-of-6" in str(raised.value)
    assert "that was wrong" in planned.log.read_text()
    (tmp_path / "fail-4").unlink()
    (tmp_path / "made").unlink()
    dividing.run(planned, code=tmp_path / "code")
    assert files(planned.incomplete) == EXPECTED
    assert [line.split()[0] for line in (tmp_path / "made").read_text().splitlines()] == ["4"]


def test_another_division_begins_anew_and_leaves_no_trace(planned, tmp_path):
    (tmp_path / "fail-4").touch()
    with pytest.raises(RemoteError):
        dividing.run(planned, code=tmp_path / "code")
    fewer = dataclasses.replace(planned, place=Place(hosts=planned.place.hosts[:1]))
    said = []
    dividing.run(fewer, code=tmp_path / "code", say=said.append)
    assert files(planned.incomplete) == EXPECTED
    assert "part-0-of-6 is removed: the result is divided in 4 parts now" in said


@pytest.mark.slow
def test_training_samples_of_two_hosts_are_those_of_one(hosts, tmp_path):
    """Through the pipeline, of the standard library's packages; what TensorFlow made is the same to the byte."""
    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    entries = {host.name: dataclasses.asdict(host) for host in hosts}
    for entry in entries.values():
        del entry["name"]
    (tmp_path / "hosts.yaml").write_text(yaml.safe_dump({"hosts": entries}))
    asked = {
        "FlccTree": {"source": [str(stdlib / name) for name in ("json", "email", "logging", "unittest", "importlib")]},
        "Vocabulary": {"vocab_size": 600, "sample_mb": 0.3},
        "TrainingDataset": {"dataset": "flcc_python/dev"},
        "Samples": {"shards": 3, "partitions": 4},
        "TrainedModel": {
            "gin_files": ["models/shared-prefix_lm.gin", "sizes/tiny.gin", "datasets/fl_py_dev.gin"],
            "gin_params": {"utils.run.sequence_length": {"inputs": 64, "targets": 64}},
        },
    }

    def made(**more: object) -> tuple[dict[str, str], records.Record]:
        (tmp_path / "asked.yaml").write_text(yaml.safe_dump(asked | more))
        words = [
            "run",
            "--experiment",
            tmp_path / "asked.yaml",
            "--results",
            tmp_path / "results",
            "--until",
            "Samples",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "pipeline", *map(str, words)], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (record,) = (one for one in records.all_records(tmp_path / "results") if one.stage == "Samples")
        folder = records.folder_of(tmp_path / "results", record)
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        folder.rename(tmp_path / f"samples {record.place}")
        return found, record

    there, by = made(hosts=str(tmp_path / "hosts.yaml"), places={"Samples": {"hosts": ["one", "two"]}})
    here, _ = made()
    assert there == here
    assert sorted(here) == [f"{number:08d}.{kind}" for number in range(3) for kind in ("json", "npz")]
    assert by.place == "one, two"
    assert by.parameters["shards"] == 3
