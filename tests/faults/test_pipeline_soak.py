"""The pipeline, killed twice, ends as an undisturbed run does; and what the soak would see."""

import json

import pytest

from tests.faults import pipeline_soak


@pytest.mark.slow
def test_two_kills_change_nothing(tmp_path):
    assert pipeline_soak.soak(tmp_path, kills=2, seed=1) == []


def result(results, name, content="text", status="finished"):
    stage, digest = name.split("/")
    folder = results / stage / digest
    folder.mkdir(parents=True)
    (folder / "file").write_text(content)
    (results / stage / f"{digest}.json").write_text(json.dumps({"status": status}))


def test_what_is_missing_other_too_many_or_not_ended_is_wrong(tmp_path):
    for name in ("Documents/aa", "Vocabulary/bb", "TrainedModel/cc"):
        result(tmp_path / "expected", name)
    assert pipeline_soak.wrong(tmp_path / "expected", tmp_path / "expected") == []
    found = tmp_path / "found"
    result(found, "Documents/aa", "other")
    result(found, "TrainedModel/cc", "other", status="failed")
    result(found, "TrainedModel/dd")
    (found / ".gin" / "folder").mkdir(parents=True)
    assert pipeline_soak.wrong(found, tmp_path / "expected") == [
        "TrainedModel/dd is one too many",
        "Vocabulary/bb is missing",
        "Documents/aa has other bytes",
        "TrainedModel/cc is failed",
    ]
