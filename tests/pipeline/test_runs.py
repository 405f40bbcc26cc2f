"""`python -m pipeline runs` over results as the stages leave them."""

import argparse
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from pipeline import comparison, figures, records, removal, runs
from pipeline.records import Record

GONE = {"host": "elsewhere", "pid": 1, "beat": "2024-05-01T10:00:30+00:00"}


def results_of(tmp_path) -> pathlib.Path:
    """Two models of one dataset, an evaluation, one that failed, one that was killed and one that is being made."""
    vocabulary = ("Vocabulary", "b0" * 5)
    keep(
        tmp_path,
        "Documents",
        "d0" * 5,
        {"seed": 3},
        folder={"manifest.json": '{"counts": {"train": {"files": 7, "bytes": 90}}}'},
    )
    keep(tmp_path, *vocabulary, {"size": 8000}, requires={"Documents": "d0" * 5}, folder={"code.model": "x" * 1500})
    for digest, rate, bits in (("a1" + "0" * 8, 0.01, 1.714), ("a2" + "0" * 8, 0.02, 1.5)):
        of_set = {"loss_per_token": 3.0, "bits_per_byte": bits, "top_1_accuracy": 0.5}
        run = {"step": 2000, "figures": {"step": 2000, "held_out": {"dev": of_set}, "best": None}}
        log = "step 1,000 of 2,000  loss 4.21, 2.50 bits/byte, 3.7 steps/s\n"
        log += "step 1,000  dev: 2.310 bits/byte, loss 4.102\n"
        log += f"step 2,000 of 2,000  loss 3.00, {bits:.2f} bits/byte, 3.7 steps/s\n"
        keep(
            tmp_path, "TrainedModel", digest, {"gin": {"rate": rate, "same": 1}}, requires=dict([vocabulary]),
            folder={"run.json": json.dumps(run)}, log=log, experiments=["dev"],
            code={"revision": "cafe", "changed": True},
        )  # fmt: skip
    total = {"total": {"figures": {"exact_match": {"mean": 14.1}, "edit_similarity": {"mean": 38.0}}}}
    suites = {"suites": [{"name": "line", "providers": [{"name": "model", **total}]}]}
    keep(
        tmp_path, "Evaluation", "e1" * 5, requires={"TrainedModel": "a1" + "0" * 8}, experiments=["dev", "demo"],
        folder={"results.json": json.dumps(suites)}, tags=["paper"],
    )  # fmt: skip
    error = {"reason": "no space left", "last_lines": ["writing", "OSError: no space left"]}
    keep(tmp_path, "TrainedModel", "a3" + "0" * 8, requires=dict([vocabulary]), status="failed", error=error)
    keep(tmp_path, "Report", "f1" * 5, status="running", ended=None, process=GONE)
    keep(
        tmp_path, "Predictions", "c1" * 5, status="running", ended=None, process=records.this_process(),
        requires={"TrainedModel": "a2" + "0" * 8}, started=records.now(), place="big",
    )  # fmt: skip
    return tmp_path


def keep(results, stage, digest, parameters=None, *, folder=None, log=None, **fields):
    fields = {
        "status": "finished",
        "started": "2024-05-01T10:00:00+00:00",
        "ended": "2024-05-01T11:02:05+00:00",
        **fields,
    }
    path = records.path_of(results, stage, digest)
    records.write(path, Record(stage, digest, parameters=parameters or {}, **fields))
    for name, text in (folder or {}).items():
        path.with_suffix("").mkdir(exist_ok=True)
        (path.with_suffix("") / name).write_text(text)
    if log:
        path.with_suffix(".log").write_text(log)


def ask(results, *words) -> int:
    parser = argparse.ArgumentParser()
    runs.add_commands(parser.add_subparsers())
    arguments = parser.parse_args(["runs", *words, "--results", str(results)])
    return arguments.run(arguments)


def test_the_list_has_a_line_a_result_and_counts_errors_by_reason(tmp_path, capsys):
    results = results_of(tmp_path)
    assert ask(results, "list") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:3] for line in lines[1:-2]] == [
        ["finished", "Documents", "d0" * 5],
        ["finished", "Evaluation", "e1" * 5],
        ["killed", "Report", "f1" * 5],
        ["finished", "TrainedModel", "a1" + "0" * 8],
        ["finished", "TrainedModel", "a2" + "0" * 8],
        ["failed", "TrainedModel", "a3" + "0" * 8],
        ["finished", "Vocabulary", "b0" * 5],
        ["running", "Predictions", "c1" * 5],
    ]
    assert " ".join(lines[2]) == (
        "finished Evaluation e1e1e1e1e1 dev, demo paper 2024-05-01 10:00 1:02:05 here "
        f"{(results / 'Evaluation' / 'e1e1e1e1e1' / 'results.json').stat().st_size} bytes line exact match 14.1"
    )
    assert " ".join(lines[4]).endswith("bits per byte 1.714, step 2,000")
    assert " ".join(lines[3]).endswith("0:00:30 here 0 bytes")  # killed: to its last beat
    assert [" ".join(line) for line in lines[-2:]] == ["1 x killed", "1 x no space left"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--stage", "TrainedModel", "--status", "finished"], ["a1" + "0" * 8, "a2" + "0" * 8]),
        (["--experiment", "demo"], ["e1" * 5]),
        (["--tag", "paper"], ["e1" * 5]),
        (["--status", "killed"], ["f1" * 5]),
        (["--tag", "none"], []),
    ],
)
def test_the_list_is_filtered_and_can_be_read_by_programs(tmp_path, capsys, words, expected):
    assert ask(results_of(tmp_path), "list", "--json", *words) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["digest"] for row in rows] == expected
    if words[0] == "--stage":
        assert rows[1]["figures"]["bits per byte"] == 1.5
        assert rows[1]["seconds"] == 3725
        assert rows[1]["size_bytes"] == (tmp_path / "TrainedModel" / rows[1]["digest"] / "run.json").stat().st_size


def test_a_broken_record_is_told_and_hides_nothing(tmp_path, capsys):
    results = results_of(tmp_path)
    (results / "Report" / "x.json").write_text("{")
    assert ask(results, "list") == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 11
    assert "WARNING" in told.err
    assert "x.json is not a record" in told.err


@pytest.mark.parametrize(
    "name", ["a1", "TrainedModel/a1", "a1" + "0" * 8, "any/where/TrainedModel/a100000000.log", "TrainedModel/a1.json"]
)
def test_a_result_is_found_by_path_or_beginning_of_its_digest(tmp_path, name):
    assert runs.find(records.all_records(results_of(tmp_path)), name).name == "TrainedModel/a100000000"


def test_a_whole_digest_is_meant_before_those_that_begin_with_it():
    assert runs.find([Record("Report", "ab"), Record("Report", "abc")], "ab").digest == "ab"


def test_a_result_that_began_to_be_made_meanwhile_is_not_removed(tmp_path):
    results = results_of(tmp_path)
    path = records.path_of(results, "Evaluation", "e1" * 5)
    before = records.read(path)
    with records.changing(path) as record:
        record.status, record.process = "running", records.this_process()
    with pytest.raises(removal.InUseError, match="by now"):
        removal.remove(results, before)
    assert (path.with_suffix("") / "results.json").exists()


def test_what_is_not_clear_lists_the_candidates(tmp_path, capsys):
    results = results_of(tmp_path)
    assert ask(results, "show", "a") == 1
    message = "'a' may be any of 3 results, give more of one:\n"
    message += "".join(f"  TrainedModel/a{number}00000000\n" for number in (1, 2, 3))
    assert capsys.readouterr().err == message
    assert ask(results, "show", "nothing") == 1
    assert "no result is called 'nothing'; the last ones:\n  Predictions/c1c1c1c1c1\n" in capsys.readouterr().err


def test_show_tells_everything(tmp_path, capsys):
    results = results_of(tmp_path)
    assert ask(results, "show", "a1") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "TrainedModel/a100000000, version 1: finished", "took 1:02:05", "code cafe, and changes", "gin.rate = 0.01",
        "Vocabulary b0b0b0b0b0", "Documents d0d0d0d0d0", "bits per byte 1.714",
        f"folder {results / 'TrainedModel' / 'a100000000'}",
    ):  # fmt: skip
        assert line in lines
    assert any(line.startswith("run.json ") for line in lines)
    assert ask(results, "show", "a3") == 0
    assert capsys.readouterr().out.endswith("error: no space left\n  writing\n  OSError: no space left\n")


def test_compare_tells_what_differs_through_the_chain_and_draws_it(tmp_path, capsys):
    results = results_of(tmp_path)
    keep(results, "Documents", "d9" * 5, {"seed": 4})
    keep(results, "Vocabulary", "b9" * 5, {"size": 8000}, requires={"Documents": "d9" * 5})
    keep(results, "TrainedModel", "a9" * 5, {"gin": {"rate": 0.01}}, requires={"Vocabulary": "b9" * 5})
    assert ask(results, "compare", "a1", "a2", "a9", "--plot", str(tmp_path / "plot.svg")) == 0
    table, figure_table, plot = capsys.readouterr().out.split("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["TrainedModel/a100000000", "TrainedModel/a200000000", "TrainedModel/a9a9a9a9a9"],
        ["TrainedModel.gin.rate", "0.01", "0.02", "0.01"],
        ["TrainedModel.gin.same", "1", "1", "-"],
        ["Documents.seed", "3", "3", "4"],
    ]
    assert "TrainedModel.bits per byte 1.714 1.5 -" in [" ".join(line.split()) for line in figure_table.splitlines()]
    assert "plot.svg" in plot
    assert xml.etree.ElementTree.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")
    assert ask(results, "compare", "a1", "a1") == 1
    assert "two results or more" in capsys.readouterr().err


def test_a_stage_that_stands_in_the_chain_twice_has_two_names():
    known = {
        one.name: one
        for one in (
            Record("Documents", "1", parameters={"seed": 1}),
            Record("Documents", "2", parameters={"seed": 2}),
            Record("Vocabulary", "3", requires={"Documents": "2"}),
        )
    }
    model = Record("TrainedModel", "4", requires={"Documents": "1", "Vocabulary": "3", "ExportedModel": "5"})
    assert {name: one and one.digest for name, one in comparison.chain(model, known).items()} == {
        "TrainedModel": "4", "Documents": "1", "Vocabulary": "3", "ExportedModel": None, "Vocabulary/Documents": "2",
    }  # fmt: skip
    assert comparison.parameters(model, known)["Vocabulary/Documents.seed"] == 2
    assert comparison.parameters(model, known)["ExportedModel.record"] == "not there"


def test_curves_are_read_from_the_log(tmp_path):
    record = records.read(records.path_of(results_of(tmp_path), "TrainedModel", "a1" + "0" * 8))
    assert figures.curves(tmp_path, record) == {"training": [(1000, 2.5), (2000, 1.71)], "dev": [(1000, 2.31)]}


def test_a_model_in_training_has_the_last_figures_of_its_log(tmp_path):
    log = "step 5 of 20  loss 4.2, 2.5 bits/byte, 3.7 steps/s\nstep 10 of 20  loss 4.1, 2.4 bits/byte, 3.7 steps/s\n"
    keep(tmp_path, "TrainedModel", "ab", status="running", process=records.this_process(), log=log)
    (record,) = records.all_records(tmp_path)
    assert figures.figures(tmp_path, record) == {"step": 10, "bits per byte in training": 2.4}


def test_tags_come_and_go(tmp_path, capsys):
    results = results_of(tmp_path)
    assert ask(results, "tag", "e1", "good", "paper") == 0
    assert capsys.readouterr().out == "Evaluation/e1e1e1e1e1: paper, good\n"
    assert ask(results, "untag", "e1", "paper") == 0
    assert records.read(records.path_of(results, "Evaluation", "e1" * 5)).tags == ["good"]
    assert ask(results, "untag", "e1", "paper") == 1
    assert "has no tag paper; it has: good" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["c1", "--force"], "Predictions/c1c1c1c1c1 is being made (process "),
        (["a2", "--force"], "is read by Predictions/c1c1c1c1c1, which is running"),
        (["a1"], "is what Evaluation/e1e1e1e1e1 was made of: --force"),
        (["a3", "b0"], "is what TrainedModel/a100000000 was made of: --force"),
    ],
)
def test_what_is_needed_is_not_removed(tmp_path, capsys, words, expected):
    results = results_of(tmp_path)
    before = sorted(results.rglob("*"))
    assert ask(results, "remove", *words, "--yes") == 1
    assert expected in capsys.readouterr().err
    assert [path for path in before if not path.exists()] == []


def test_remove_asks_and_takes_all_that_there_is(tmp_path, capsys, monkeypatch):
    results = results_of(tmp_path)
    left = results / "TrainedModel" / ("a1" + "0" * 8 + ".incomplete")
    left.mkdir()
    (left / "half").write_bytes(b"x" * 1000)
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: PTH123, SIM115
    assert ask(results, "remove", "e1", "a1") == 1
    assert capsys.readouterr().out.endswith("[y/N] nothing was removed\n")
    freed = sum(path.lstat().st_size for path in results.rglob("*") if path.is_file() and "a100000000" in str(path))
    assert ask(results, "remove", "a1", "--force", "--yes") == 0
    assert freed > 1000
    assert f"removed, {freed / 1000:.1f} kB are free" in capsys.readouterr().out
    assert [path for path in results.rglob("*") if "a100000000" in path.name] == []
    # What is removed together may need each other.
    assert ask(results, "remove", "e1", "f1", "--yes") == 0
    assert [one.stage for one in records.all_records(results)].count("Report") == 0


def test_list_works_while_many_processes_make_and_change_results(tmp_path, capsys):
    program = """
import sys
from pipeline import records
for number in range(20):
    digest, process = f"{sys.argv[2]}{number:09}", records.this_process()
    record = records.Record("Report", digest, started=records.now(), process=process)
    path = records.path_of(sys.argv[1], record.stage, record.digest)
    records.write(path, record)
    path.with_name(path.stem + ".incomplete").mkdir()
    path.with_name(path.stem + ".incomplete").rename(path.with_suffix(""))
    with records.changing(path) as record:
        record.status, record.ended = "finished", records.now()
"""
    makers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in "abcd"]
    counted = []
    while any(maker.poll() is None for maker in makers):
        assert ask(tmp_path, "list", "--json") == 0
        told = capsys.readouterr()
        assert told.err == ""
        rows = json.loads(told.out) if told.out.startswith("[") else []
        assert {row["status"] for row in rows} <= {"running", "finished"}
        counted.append(len(rows))
    assert [maker.returncode for maker in makers] == [0] * 4
    assert counted == sorted(counted)
    assert ask(tmp_path, "list", "--json", "--status", "finished") == 0
    assert len(json.loads(capsys.readouterr().out)) == 80
