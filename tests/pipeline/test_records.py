"""Records of results: nothing of one is lost, whoever writes, and a dead process is seen."""

import dataclasses
import json
import os
import platform
import subprocess
import sys
import time

import pytest

from pipeline import records
from pipeline.records import Record

ONE = Record(
    "TrainedModel", "a1b2c3d4e5", version=2, parameters={"gin": {"rate": 0.01}}, requires={"Vocabulary": "0123456789"},
    experiments=["dev"], tags=["best"], status="failed", started="2024-05-01T10:00:00+00:00", ended=records.now(),
    process=records.this_process(), place="big", environment="new", command=["python", "-m", "x"],
    code={"revision": "abc", "changed": True}, error={"reason": "no space left", "last_lines": ["a", "é"]},
    more={"later": [1]},
)  # fmt: skip


def written(results, record):
    path = records.path_of(results, record.stage, record.digest)
    records.write(path, record)
    return path


def test_a_record_comes_back_as_it_was_with_what_this_code_does_not_know(tmp_path):
    path = written(tmp_path, ONE)
    assert path == tmp_path / "TrainedModel" / "a1b2c3d4e5.json"
    assert records.read(path) == ONE
    content = json.loads(path.read_text())
    assert (content["schema"], content["later"], content["status"]) == (1, [1], "failed")
    assert [one.name for one in path.parent.iterdir()] == ["a1b2c3d4e5.json"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "is not a record"),
        ("[]", "is not a record"),
        ('{"schema": 1}', "is not a record"),
        ('{"schema": 9, "stage": "Report", "digest": "ab"}', "has schema 9, this code reads 1"),
        ('{"schema": 1, "stage": "Report", "digest": "cd"}', "is the record of Report/cd"),
    ],
)
def test_what_is_no_record_is_refused_and_does_not_hide_the_others(tmp_path, text, expected):
    written(tmp_path, ONE)
    path = tmp_path / "Report" / "ab.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(records.RecordError, match=expected):
        records.read(path)
    bad = []
    assert records.all_records(tmp_path, bad=bad) == [ONE]
    assert len(bad) == 1
    assert expected in bad[0]
    with pytest.raises(records.RecordError, match=expected):
        records.all_records(tmp_path)


def test_all_records_are_in_the_order_of_their_beginning_and_what_is_being_written_is_none(tmp_path):
    for digest, started in (("c", "2024-05-01T12:00:00+02:00"), ("b", "2024-05-01T11:00:00+00:00"), ("a", None)):
        path = written(tmp_path, Record("Report", digest, started=started))
    path.with_name(".a.json.x").write_text("{")
    assert [one.digest for one in records.all_records(tmp_path)] == ["a", "c", "b"]
    assert records.all_records(tmp_path / "none") == []


def test_a_write_that_fails_leaves_the_record_before(tmp_path):
    path = written(tmp_path, ONE)
    with pytest.raises(TypeError):
        records.write(path, dataclasses.replace(ONE, parameters={"a": object()}))
    assert records.read(path) == ONE
    assert [one.name for one in path.parent.iterdir()] == ["a1b2c3d4e5.json"]


def test_a_process_is_running_until_it_is_gone(tmp_path):
    program = (
        "import json; from pipeline import records; print(json.dumps(records.this_process()), flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        record = Record("Report", "ab", process=json.loads(child.stdout.readline()))
        assert record.process["pid"] == child.pid
        assert records.status(tmp_path, record) == "running"
        # The number was given to another process since.
        other = dataclasses.replace(record, process={**record.process, "process_started": time.time() - 1000})
        assert records.status(tmp_path, other) == "killed"
        child.kill()
        # It is dead, and its parent has not yet asked.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert records.status(tmp_path, record) == "killed"
    assert records.status(tmp_path, record) == "killed"
    assert records.status(tmp_path, dataclasses.replace(record, status="failed")) == "failed"
    records.folder_of(tmp_path, record).mkdir(parents=True)
    assert records.status(tmp_path, record) == "finished"


@pytest.mark.parametrize(("age", "expected"), [(50, "running"), (70, "killed"), (None, "killed")])
def test_of_another_host_the_beat_decides(tmp_path, age, expected):
    beat = None if age is None else time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - age))
    process = {"host": f"not {platform.node()}", "pid": os.getpid(), "process_started": 0.0, "beat": beat}
    assert records.status(tmp_path, Record("Report", "ab", process=process)) == expected


def test_a_process_that_makes_something_says_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "BEAT_SECONDS", 0.05)
    path = written(tmp_path, Record("Report", "ab", tags=["kept"], process={"beat": "long ago"}))
    with records.beating(path):
        end = time.monotonic() + 10
        while records.read(path).process["beat"] == "long ago":
            assert time.monotonic() < end
            time.sleep(0.02)
    assert records.read(path).tags == ["kept"]
    path.unlink()
    with records.beating(path):  # nothing to beat in
        time.sleep(0.2)
    assert not path.exists()


def test_a_record_is_found_by_stage_and_digest(tmp_path):
    path = written(tmp_path, ONE)
    assert records.find(tmp_path, "TrainedModel", "a1b2c3d4e5")["parameters"] == {"gin": {"rate": 0.01}}
    assert records.find(tmp_path, "TrainedModel", "0000000000") is None
    path.write_text("{")
    with pytest.raises(records.RecordError, match="is not a record"):
        records.find(tmp_path, "TrainedModel", "a1b2c3d4e5")


def test_processes_that_change_a_record_lose_nothing_of_each_other_while_others_read(tmp_path):
    path = written(tmp_path, Record("Report", "ab", started=records.now()))
    program = """
import sys
from pipeline import records
for number in range(25):
    with records.changing(sys.argv[1]) as record:
        record.tags.append(f"{sys.argv[2]}-{number}")
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, str(path), str(number)]) for number in range(4)]
    read = 0
    while any(writer.poll() is None for writer in writers):
        (one,) = records.all_records(tmp_path)
        assert len(one.tags) >= read
        read = len(one.tags)
    assert [writer.returncode for writer in writers] == [0] * 4
    assert sorted(records.read(path).tags) == sorted(f"{a}-{b}" for a in range(4) for b in range(25))
