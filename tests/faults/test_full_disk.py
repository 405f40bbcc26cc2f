"""Disks that fill up at every point of the work, on real file systems of a few megabytes."""

import json
import pathlib

import numpy as np
import pytest

from preprocessing import chain, cluster_report, read_pass, run, shards, verdicts, write_pass
from preprocessing.fingerprints import Fingerprints
from tests.faults import processes
from tests.faults.rounds import differences
from tests.faults.small_disk import BLOCK, NoSmallDiskError, small_disk
from tests.faults.stages import content
from tests.flcc_tree import write_flcc
from tests.preprocessing.test_run_duplicates import PROBLEM, text


@pytest.mark.parametrize("as_root", [True, False])
def test_a_small_disk_is_small(tmp_path, as_root):
    """Both ways to have one; the other tests take the first that works."""
    try:
        with small_disk(tmp_path, megabytes=1, as_root=as_root) as disk:
            disk.fill(leave=2 * BLOCK)
            assert disk.free() == 2 * BLOCK
            with pytest.raises(OSError, match="No space left on device"):
                (disk.folder / "file").write_bytes(bytes(3 * BLOCK))
            disk.clear()
            (disk.folder / "file").write_bytes(bytes(3 * BLOCK))
            assert disk.names() == ["file"]
    except NoSmallDiskError as error:
        pytest.skip(f"not allowed here: {error}")
    assert list(tmp_path.iterdir()) == []


def message(out: pathlib.Path) -> str:
    return f"error: no space left on the disk of {out}: nothing was left there, free some and run it again"


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("build_flcc", [0.5]),
        ("dev", [0.5]),
        ("run", [0, 0.5, 2, 4]),  # the text of accepted files takes more than the finished dataset
        pytest.param("beam", [0.5], marks=pytest.mark.slow),
        ("vocabulary", [0.5]),
        ("statistics", [0.5]),
        ("weights", [0.5]),
        pytest.param("cache", [0.5], marks=pytest.mark.slow),
    ],
)
def test_every_command_says_so_leaves_nothing_and_can_be_run_again(made, disk, name, shares):
    """`shares` of the bytes that the command makes in the end are free."""
    undisturbed, stage, out = made.undisturbed(name), made.stages[name], disk.folder / "out"
    size = sum(file.stat().st_size for file in (made.folder / name).rglob("*") if file.is_file())
    for share in shares:
        disk.fill(leave=int(share * size))
        with processes.running(stage.argv(out)) as command:
            assert command.wait() in (1, 2), command.stderr
            if name == "beam":  # which logs what happened on the way
                last_line = command.stderr.splitlines()[-1]
                assert last_line.startswith(f"error: no space left on the disk of {out}.incomplete, or of ")
            elif stage.has_tensorflow:
                line = processes.error_line(command.stderr)
                assert line.startswith(f"error: no space left on the disk of {out}/")
            else:
                assert processes.error_line(command.stderr) == message(out)
            assert command.wait_until_gone() == []
        assert not stage.looks_finished(out)
        assert stage.has_tensorflow or disk.names() == []
        disk.clear()
    with processes.running(stage.argv(out)) as command:
        assert command.wait() == 0, command.stderr
    assert differences(content(disk.folder), undisturbed.content) == []


@pytest.fixture(scope="module")
def arguments(tmp_path_factory) -> list[str]:
    """Of a run that does every step, but for the folder to make."""
    folder = tmp_path_factory.mktemp("input")
    earlier = write_flcc(folder / "old", {"old/one": {f"{i}.py": text(f"old{i}") for i in range(9)}})
    run.main(["--input_dir", str(earlier), "--output_dir", str(folder / "earlier"), "--workers=1"])
    (folder / "problems.jsonl").write_text(json.dumps({"prompt": PROBLEM, "canonical_solution": ""}) + "\n")
    files = {f"{i}.py": text(f"new{i}") for i in range(30)}
    files |= {"a.py": text("new1", edits=1), "b.py": text("old2", edits=1), "c.py": PROBLEM}
    files |= {f"{'long' * 20}{i}.py": "" for i in range(400)}  # more drops than a block of their list holds
    tree = write_flcc(folder / "flcc", {f"ann/{i}": files for i in range(3)})
    against = ["--against", str(folder / "earlier"), "--benchmarks", str(folder / "problems.jsonl")]
    return ["--input_dir", str(tree), "--workers=1", *against, "--output_dir"]


# The disk fills up as each of these begins.
POINTS = {
    "spills": (read_pass, "_read"),
    "the index of fingerprints": (Fingerprints, "save"),
    "the report of clusters": (cluster_report, "write"),
    "what is read of earlier datasets": (chain, "read_earlier"),
    "the index with earlier datasets": (verdicts.Court, "against"),
    "the list of drops": (chain, "_list_drops"),
    "a shard": (write_pass, "write_shard"),
    "the manifest": (shards, "write_manifest"),
}


@pytest.mark.parametrize("leave", [0, BLOCK])
@pytest.mark.parametrize("point", POINTS)
def test_every_file_of_the_chain(disk, arguments, tmp_path, monkeypatch, capsys, point, leave):
    run.main([*arguments, str(tmp_path / "expected")])
    capsys.readouterr()
    owner, name = POINTS[point]
    original = getattr(owner, name)

    def on_a_full_disk(*positional, **named):
        disk.fill(leave=leave)
        return original(*positional, **named)

    out = disk.folder / "out"
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, on_a_full_disk)
        with pytest.raises(SystemExit) as stopped:
            run.main([*arguments, str(out)])
    assert stopped.value.code == 1
    assert capsys.readouterr().err == f"{message(out)}\n"
    assert disk.names() == []
    disk.clear()
    run.main([*arguments, str(out)])
    assert differences(content(out), content(tmp_path / "expected")) == []


@pytest.mark.parametrize("blocks", range(6))
def test_no_array_loses_its_end_without_an_error(disk, tmp_path, blocks):
    """`numpy.save` may: what waits in the buffer of C's library when the disk is full is lost."""
    lengths = np.arange(1023)
    prints = Fingerprints.of([tmp_path / "store"], [lengths])
    disk.fill(leave=blocks * BLOCK)
    if blocks < 4:  # names, first rows, and two of offsets
        with pytest.raises(OSError, match="No space left on device"):
            prints.save(disk.folder / "index")
        return
    prints.save(disk.folder / "index")
    assert Fingerprints.load(disk.folder / "index").lengths().tolist() == lengths.tolist()
