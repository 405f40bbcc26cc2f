"""Data are made where they are missing, with the demo's commands, and only there."""

import json
import pathlib

import pytest
import yaml

from benchmarks import measure, training_data
from benchmarks.training_data import TrainingData
from tests.preprocessing import small_documents


@pytest.fixture
def commands(monkeypatch) -> list[list[str]]:
    """What is run, without running it; every folder that a command is to make appears."""
    found = []

    def run(words, **_):
        words = [str(word) for word in words]
        found.append(words)
        for flag in ("--output_dir", "--data_dir"):
            if flag in words:
                folder = pathlib.Path(words[words.index(flag) + 1])
                folder.mkdir(parents=True, exist_ok=True)
                if "preprocessing.run" in words:
                    (folder / "manifest.json").touch()
                if "vocabulary" in words[2]:
                    (folder / "vocabulary.json").write_text(json.dumps({"sha256": f"digest of {words[2]}"}))

    monkeypatch.setattr(training_data.measure, "run", run)
    return found


def names(commands: list[list[str]]) -> list[str]:
    return [words[2] if words[1] == "-m" else words[0] for words in commands]


def test_documents_are_made_as_the_demo_makes_them(tmp_path, commands):
    data = TrainingData(tmp_path, {"demo": tmp_path / "not_there"})
    made = data.documents("demo")
    assert made == tmp_path / "documents" / "demo"
    assert names(commands) == ["preprocessing.build_flcc", "scripts/dev_dataset.sh", "preprocessing.run"]
    demo = yaml.safe_load((measure.ROOT / "experiments" / "demo.yaml").read_text())
    assert demo["FlccTree"] == {"installed_packages": True}
    assert demo["DevTree"] == {"pattern": "*", "max_mb": 40, "seed": 5}
    assert commands[1][-6:] == ["--pattern", "*", "--max_mb", "40", "--seed", "5"]
    assert demo["Documents"] == {"validation_permille": 100, "test_permille": 100}
    assert commands[2][-4:] == ["--validation_permille", "100", "--test_permille", "100"]
    assert data.documents("demo") == made
    assert len(commands) == 3


def test_the_whole_tree_is_shared(tmp_path, commands):
    data = TrainingData(tmp_path, {})
    data.documents("demo")
    data.documents("whole")
    assert names(commands[3:]) == ["preprocessing.run"]


def test_what_is_given_is_used_and_vocabularies_and_datasets_are_made_once(tmp_path, commands):
    documents = small_documents.make(tmp_path / "given")
    data = TrainingData(tmp_path / "work", {"demo": documents})
    assert data.documents("demo") == documents
    made = [data.data_dir("demo", kind, 500) for kind in ("ours", "predecessor", "ours")]
    assert names(commands) == [
        *("preprocessing.vocabulary", "code_t5.main.build_dataset"),
        *("benchmarks.predecessor_vocabulary", "code_t5.main.build_dataset"),
        "preprocessing.vocabulary",  # which says "already made"
    ]
    assert commands[0][-2:] == ["--vocab_size", "500"]
    assert made[0] == made[2] != made[1]
    assert made[0].is_dir()
    vocabulary = data.vocabulary_dir("demo", "ours", 500)
    assert str(vocabulary) in commands[1]
    (vocabulary / "vocabulary.json").write_text('{"sha256": "another"}')
    assert data.vocabulary_digest("demo", "ours", 500) == "another"


def test_another_vocabulary_has_another_data_directory(tmp_path, commands, monkeypatch):
    data = TrainingData(tmp_path / "work", {"demo": small_documents.make(tmp_path / "given")})
    first = data.data_dir("demo", "ours", 500)
    monkeypatch.setattr(TrainingData, "vocabulary_digest", lambda *_: "another digest")
    assert data.data_dir("demo", "ours", 500) != first
    assert names(commands)[-1] == "code_t5.main.build_dataset"
