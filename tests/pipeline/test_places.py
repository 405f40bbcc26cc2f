"""A stage on another machine, or in another environment: the same result in the same place."""

import dataclasses
import hashlib
import pathlib
import subprocess
import sys
import sysconfig

import pytest
import yaml

from pipeline import records
from tests.pipeline.sshd import Sshd, missing

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> pathlib.Path:
    """A folder of repositories: some packages of the standard library."""
    folder = tmp_path_factory.mktemp("source")
    stdlib = pathlib.Path(sysconfig.get_path("stdlib"))
    for name in ("json", "email", "logging", "unittest", "importlib"):
        for path in sorted((stdlib / name).glob("*.py")):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / path.name).write_bytes(path.read_bytes())
    return folder


def run(folder: pathlib.Path, source: pathlib.Path, **more: object) -> pathlib.Path:
    """Makes a vocabulary; its results."""
    asked = folder / "small.yaml"
    sections = {
        "FlccTree": {"source": [str(path) for path in sorted(source.iterdir())]},
        "Vocabulary": {"vocab_size": 600, "sample_mb": 0.3},
    }
    asked.write_text(yaml.safe_dump(sections | more), encoding="utf-8")
    words = ["run", "--experiment", asked, "--results", folder / "results", "--until", "Vocabulary"]
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, words)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results"


def content(results: pathlib.Path) -> dict[str, str]:
    """The digest of each file of the vocabulary, by its path."""
    [folder] = [path for path in (results / "Vocabulary").iterdir() if path.is_dir()]
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def here(source, tmp_path_factory) -> dict[str, str]:
    return content(run(tmp_path_factory.mktemp("here"), source))


@pytest.mark.skipif(bool(missing()), reason=missing() or "all there")
def test_a_host_makes_the_same_result_in_the_same_place(here, source, tmp_path):
    with Sshd(tmp_path / "host") as there:
        host = dataclasses.asdict(there.host())
        del host["name"]
        host["prefix"] = ["env", "PLACE=there"]
        hosts = tmp_path / "hosts.yaml"
        hosts.write_text(yaml.safe_dump({"hosts": {"gpu1": host}}), encoding="utf-8")
        places = {stage: {"host": "gpu1"} for stage in ("Documents", "Vocabulary")}
        results = run(tmp_path, source, hosts=str(hosts), places=places)
    assert content(results) == here
    made = {one.stage: (one.place, one.status) for one in records.all_records(results)}
    assert made == {
        "FlccTree": ("here", "finished"),
        "Documents": ("gpu1", "finished"),
        "Vocabulary": ("gpu1", "finished"),
    }


def test_an_environment_makes_the_same_result_in_the_same_place(here, source, tmp_path):
    environments = {"other": {"python": sys.executable}}
    results = run(tmp_path, source, environments=environments, places={"Vocabulary": {"environment": "other"}})
    assert content(results) == here
    made = {one.stage: one.environment for one in records.all_records(results)}
    assert made == {"FlccTree": "", "Documents": "", "Vocabulary": "other"}
