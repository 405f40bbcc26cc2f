"""The command, on a tiny tree that stands where the tree of installed packages would."""

import pytest

from benchmarks import baseline_chain, documents_speed, preprocessing, results
from tests.flcc_tree import write_flcc


@pytest.fixture
def work_dir(tmp_path, monkeypatch):
    monkeypatch.setattr(results.write, "__kwdefaults__", {**results.write.__kwdefaults__, "target": tmp_path / "R.md"})
    monkeypatch.setattr(preprocessing.os, "sched_setaffinity", lambda *_: None)
    files = {f"ann/tool{n}": {f"{name}{n}.py": f"{name} = {n}\n" * 40 for name in ("a", "b", "c")} for n in range(4)}
    write_flcc(tmp_path / "work" / "tree", files)
    return tmp_path / "work"


def test_documents_beside_the_chain(work_dir, capsys):
    assert (
        preprocessing.main(["--work_dir", str(work_dir), "--only", "documents", "--runs", "1", "--workers", "1"]) == 0
    )
    printed = capsys.readouterr().out
    assert "Ours and the chain keep the same files, 12." in " ".join(printed.split())
    assert "at least 1.5 times the chain" in printed
    assert "of 2 targets met" in printed
    assert not (work_dir.parent / "R.md").exists()
    assert list((work_dir / "runs").iterdir()) == []


def test_unequal_work_is_not_compared(work_dir, capsys, monkeypatch):
    steps = baseline_chain.command

    def leaves_some_out(tree, work, *, workers):
        shell, option, script = steps(tree, work, workers=workers)
        return [shell, option, script + " && echo '{\"kept\": 11}'"]

    monkeypatch.setattr(documents_speed.baseline_chain, "command", leaves_some_out)
    assert (
        preprocessing.main(["--work_dir", str(work_dir), "--only", "documents", "--runs", "1", "--workers", "1"]) == 1
    )
    captured = capsys.readouterr()
    assert "documents was not measured: ours kept 12 files, the chain 11: not the same work" in captured.err
    assert "0 of 0 targets met" in captured.out


@pytest.mark.slow
def test_size_and_profile_are_kept_in_the_results(work_dir, capsys):
    arguments = ["--work_dir", str(work_dir), "--only", "size", "profile", "--runs", "1", "--workers", "1"]
    assert preprocessing.main([*arguments, "--write_results"]) == 0
    text = (work_dir.parent / "R.md").read_text()
    for words in ("## Cost against size", "| 4 x ", "## Where the time goes", "| spills.", "| together "):
        assert words in text
    assert list((work_dir / "runs").iterdir()) == []


def test_more_workers_than_cores_are_refused(work_dir, capsys):
    with pytest.raises(SystemExit):
        preprocessing.main(["--work_dir", str(work_dir), "--workers", "10000"])
    assert "--workers 10000: this machine has" in capsys.readouterr().err
