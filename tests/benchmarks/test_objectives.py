"""The command: runs that have a record are not made again, and tables need no data."""

import pathlib

import pytest

from benchmarks import curves, objectives, results, run_records, training_runs
from benchmarks.training_variants import PACKED, STOCK
from tests.benchmarks.training_records import record, settings


@pytest.fixture
def folders(tmp_path, monkeypatch) -> pathlib.Path:
    """Records, results and plot go into a folder of the test's own."""
    for function, name, value in (
        (run_records.find, "__defaults__", (tmp_path / "runs",)),
        (run_records.write, "__defaults__", (tmp_path / "runs",)),
        (results.write, "__kwdefaults__", {"target": tmp_path / "RESULTS.md"}),
    ):
        monkeypatch.setattr(function, name, value)
    monkeypatch.setattr(curves, "TARGET", tmp_path / "objectives.svg")
    return tmp_path


@pytest.fixture
def made(folders, monkeypatch) -> list[str]:
    """The names of the runs that were made, in order; in the place of a training stands a record."""
    names = []

    def run(wanted, data):
        names.append(wanted.name)
        run_records.write(wanted, record(wanted, 2.5 if wanted.variant == STOCK else 2.1 + wanted.seed / 100))

    monkeypatch.setattr(objectives.make_runs, "__kwdefaults__", {"train": run})
    return names


def command(folders: pathlib.Path, *words: str) -> int:
    return objectives.main(["--work_dir", str(folders / "work"), *words])


def test_runs_are_made_once_and_one_at_a_time(folders, made, capsys):
    words = ("--only", "objectives", "--seeds", "2", "--max_runs", "3")
    assert command(folders, *words) == 1
    assert made == [f"{name}-10min-seed{seed}" for name, seed in
                    (("stock_prefix_lm", 0), ("packed_prefix_lm", 0), ("stock_prefix_lm", 1))]  # fmt: skip
    printed = capsys.readouterr().out
    assert "1 runs are still to be made" in printed
    assert "## The objective and its pipeline" in printed
    assert command(folders, *words) == 0
    assert made[3:] == ["packed_prefix_lm-10min-seed1"]
    assert command(folders, *words) == 0
    assert len(made) == 4


def test_parts_share_their_runs(folders, made):
    assert command(folders, "--only", "objectives", "tokenizers", "--seeds", "1") == 0
    assert sorted(made) == [
        "packed_prefix_lm-10min-seed0",
        "predecessor_vocabulary-10min-seed0",
        "stock_prefix_lm-10min-seed0",
    ]


def test_other_settings_are_another_run(folders, made):
    for words in ((), ("--vocab_size", "4000")):
        assert command(folders, "--only", "objectives", "--seeds", "1", *words) == 0
    assert len(made) == 4


def test_tables_and_plot_are_made_of_records_alone(folders, made, capsys):
    for seed in range(3):
        for variant in (STOCK, PACKED):
            wanted = settings(variant, seed)
            run_records.write(wanted, record(wanted, 2.5 if variant == STOCK else 2.1))
    assert command(folders, "--only", "table", "--write_results") == 0
    assert made == []
    assert "met: better in bits per byte by more than the spread" in (folders / "RESULTS.md").read_text()
    assert (folders / "objectives.svg").stat().st_size > 1000
    assert not (folders / "work").exists()
    assert "## The vocabulary" not in capsys.readouterr().out


def test_the_long_run_is_planned_by_its_own_time():
    arguments = objectives.parse(["--long_minutes", "120"])
    (long,) = objectives.planned(arguments, "long")
    assert (long.minutes, long.points, long.data, long.evaluate) == (120, 12, "whole", True)
    assert [s.lines for s in objectives.planned(arguments, "tokenizers")[:2]] == [0, 500]
    assert len(objectives.planned(arguments, "infilling")) == 1


def test_two_at_once_are_refused(folders, made, capsys):
    with objectives.only_one(folders / "work"):
        assert command(folders, "--only", "objectives") == 1
    assert f"error: another process is at work in {folders / 'work'}" in capsys.readouterr().err
    assert made == []


def test_a_run_that_fails_is_told(folders, monkeypatch, capsys):
    def run(wanted, data):
        raise training_runs.BenchmarkError(f"the training of {wanted.name} ended with status 1")

    monkeypatch.setattr(objectives.make_runs, "__kwdefaults__", {"train": run})
    assert command(folders, "--only", "objectives") == 1
    assert "error: the training of stock_prefix_lm-10min-seed0 ended with status 1" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--seeds", "0"), ("--minutes", "-1"), ("--max_runs", "0")])
def test_senseless_numbers_are_refused(words, capsys):
    with pytest.raises(SystemExit):
        objectives.main([*words])
    assert f"{words[0]} {words[1]}" in capsys.readouterr().err.replace("-1.0", "-1")
