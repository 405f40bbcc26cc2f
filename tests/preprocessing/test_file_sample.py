"""A share of each repository's files: the same for everybody, growing with the share, none of them empty."""

import itertools
import json
import os
import pathlib

import pytest

from preprocessing import run
from preprocessing.dev_tree import main
from preprocessing.file_sample import FileSample
from preprocessing.flcc import FlccSource, Repository
from tests.flcc_tree import flcc_about, flcc_files, write_flcc

# 10 repositories of 1, 4, 9, ... 100 files: 385 files, each of 10 bytes.
SQUARES = {f"o/r{n:02}": {f"pkg/m{i}.py": f"x = {n:02}{i:03}\n" for i in range(n * n)} for n in range(1, 11)}
# How many of them a share of 0.2 is, with the seed 0.
COUNTS = dict(zip(SQUARES, (1, 1, 1, 2, 6, 10, 6, 14, 13, 24), strict=True))


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    return write_flcc(tmp_path_factory.mktemp("squares") / "FLCC", SQUARES, licenses={"o/r03": "MIT"})


def sampled(root, target, *, share, seed=0):
    """Makes a sample of a whole tree: {repository: {original path: text}} of it."""
    sample = FileSample(root, share=share, seed=seed)
    assert sample.copy(target, FlccSource(root).repositories()) == 0
    return read(target)


def read(root):
    files = {}
    for unit in FlccSource(root).units():
        for file in unit.read(max_bytes=1 << 20):
            assert file.notes == ()
            files.setdefault(file.repository, {})[file.path] = file.data.decode()
    return files


def pairs(files):
    return {(repository, path) for repository, paths in files.items() for path in paths}


def test_every_repository_gives_about_the_share_and_at_least_one(squares, tmp_path):
    files = sampled(squares, tmp_path / "DEV", share=0.2)
    assert {repository: len(paths) for repository, paths in files.items()} == COUNTS
    for repository, paths in files.items():
        assert paths.items() <= SQUARES[repository].items()
        total = len(SQUARES[repository])
        # Four standard deviations of so many draws, and one file.
        assert abs(len(paths) - 0.2 * total) <= 4 * (0.2 * 0.8 * total) ** 0.5 + 1
    sample = FileSample(squares, share=0.2)
    assert sample.repository("o/r10") == Repository("o/r10", files=24, size=240)
    for repository in FlccSource(tmp_path / "DEV").repositories():
        assert sample.repository(repository.name) == repository
    least = sampled(squares, tmp_path / "least", share=1e-9)
    assert {repository: len(paths) for repository, paths in least.items()} == dict.fromkeys(SQUARES, 1)


def test_a_smaller_share_is_a_part_of_a_larger_one(squares, tmp_path):
    shares = (1e-9, 0.05, 0.1, 0.3, 0.31, 0.9, 1)
    chosen = [pairs(sampled(squares, tmp_path / str(share), share=share)) for share in shares]
    for smaller, larger in itertools.pairwise(chosen):
        assert smaller < larger
    assert chosen[-1] == pairs(SQUARES)
    # The flat names are those of the tree, so that folders can be laid over each other too.
    small, large, all_files = flat_names(tmp_path / "0.05"), flat_names(tmp_path / "0.3"), flat_names(squares)
    assert small < large < all_files


def flat_names(root):
    return {str(path.relative_to(root)) for path in root.rglob("*.py") if path.is_file()}


def test_another_seed_gives_other_files(squares, tmp_path):
    chosen = {frozenset(pairs(sampled(squares, tmp_path / str(seed), share=0.2, seed=seed))) for seed in range(4)}
    assert len(chosen) == 4
    assert frozenset(pairs(sampled(squares, tmp_path / "again", share=0.2, seed=3))) in chosen


def test_a_file_is_chosen_by_its_path_and_not_by_its_neighbours(squares, tmp_path):
    """New files come before the others and shift all flat names; no old file comes or goes."""
    more = {name: {**files, **{f"a{i}.py": "new" for i in range(50)}} for name, files in SQUARES.items()}
    root = write_flcc(tmp_path / "FLCC", more)
    after = pairs(sampled(root, tmp_path / "after", share=0.3)) & pairs(SQUARES)
    before = pairs(sampled(squares, tmp_path / "before", share=0.3))
    # But for a repository of which one file is taken because it must give one.
    assert before - after <= {("o/r01", "pkg/m0.py")}
    assert after <= before
    assert len(after) > 100


@pytest.mark.parametrize("extra_level", [False, True])
def test_only_the_chosen_files_are_told_of(tmp_path, extra_level):
    root = write_flcc(tmp_path / "FLCC", SQUARES, licenses={"o/r03": "MIT"}, extra_level=extra_level)
    for file in ("stray.txt", "notes.json"):
        (flcc_about(root, "o/r03", extra_level=extra_level) / file).write_text("of all files")
    files = sampled(root, tmp_path / "DEV", share=0.2)
    for repository, paths in files.items():
        rows = json.loads((flcc_about(tmp_path / "DEV", repository) / "paths.json").read_text())
        assert sorted(rows) == sorted(path.name for path in flcc_files(tmp_path / "DEV", repository).iterdir())
        assert set(rows.values()) == set(paths)
    about = flcc_about(tmp_path / "DEV", "o/r03")
    assert sorted(path.name for path in about.iterdir()) == ["paths.json", "repository.json"]
    assert json.loads((about / "repository.json").read_text()) == {"license": "MIT", "repository": "o/r03"}


def test_damage_stays_what_it_is(tmp_path):
    root = write_flcc(tmp_path / "FLCC", {"o/none": {}, "o/bad": {"a.py": "a"}, "o/flat": {"f.py": "f"}})
    (flcc_about(root, "o/bad") / "paths.json").write_text("broken")
    (flcc_about(root, "o/flat") / "paths.json").unlink()
    write_flcc(root, {"o/flat": {"other.py": "o"}}, branch="a_branch", paths_json=False)
    (flcc_files(root, "o/flat", branch="main")).mkdir()
    (flcc_files(root, "o/flat", branch="main") / "é.py").write_text("main")
    folder = flcc_files(root, "o/bad")
    (folder / "link.py").symlink_to("../../flat/main/é.py")
    (folder / "outside.py").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe.py")
    sample = FileSample(root, share=0.999999)
    assert sample.copy(tmp_path / "DEV", FlccSource(root).repositories()) == 2
    made = [file for unit in FlccSource(tmp_path / "DEV").units() for file in unit.read(max_bytes=99)]
    assert [(file.repository, file.path, file.data, file.notes) for file in made] == [
        ("o/bad", "a_0.py", b"a", ("paths_json_broken",)),
        ("o/bad", "link.py", b"main", ("paths_json_broken",)),
        ("o/flat", "é.py", b"main", ("paths_json_missing",)),
    ]
    assert not (flcc_files(tmp_path / "DEV", "o/bad") / "link.py").is_symlink()
    assert FlccSource(tmp_path / "DEV").repositories() == FlccSource(root).repositories()
    assert sample.repository("o/none") == Repository("o/none", 0, 0)


def test_a_file_that_cannot_be_read_is_counted_and_not_told_of(tmp_path, monkeypatch):
    root = write_flcc(tmp_path / "FLCC", {"o/r": {"a.py": "a", "b.py": "b"}})
    read_bytes = pathlib.Path.read_bytes

    def refuse(path):
        if path.name == "a_0.py":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse)
    assert FileSample(root, share=0.999999).copy(tmp_path / "DEV", FlccSource(root).repositories()) == 1
    assert json.loads((flcc_about(tmp_path / "DEV", "o/r") / "paths.json").read_text()) == {"b_1.py": "b.py"}


# The command.


def test_the_command_samples_and_its_record_tells_it(squares, tmp_path, capsys):
    command = ["--input_dir", str(squares), "--output_dir", str(tmp_path / "DEV"), "--pattern", "o", "--share"]
    assert main([*command, "0.2"]) == 0
    files = sum(COUNTS.values())
    assert capsys.readouterr().out == f"{tmp_path}/DEV: 1 owners, 10 repositories, {files} files, 0.0 MB\n"
    record = json.loads((tmp_path / "DEV" / "dev_dataset.json").read_text())
    assert record["arguments"]["share"] == 0.2
    assert record["made"] == {"owners": 1, "repositories": 10, "files": files, "bytes": 10 * files, "unreadable": 0}
    assert main([*command, "0.2"]) == 0
    assert "was there already" in capsys.readouterr().out
    assert main([*command, "0.3"]) == 2
    assert "(share was 0.2 and is now 0.3)" in capsys.readouterr().err
    assert main(command[:-1]) == 2
    assert "(share was 0.2 and is now 1.0)" in capsys.readouterr().err


def test_a_dev_dataset_made_before_there_was_a_share_is_found(squares, tmp_path, capsys):
    command = ["--input_dir", str(squares), "--output_dir", str(tmp_path / "DEV"), "--pattern", "o"]
    assert main(command) == 0
    record = json.loads((tmp_path / "DEV" / "dev_dataset.json").read_text())
    del record["arguments"]["share"]
    (tmp_path / "DEV" / "dev_dataset.json").write_text(json.dumps(record))
    assert main(command) == 0
    assert "was there already" in capsys.readouterr().out


def test_max_mb_goes_by_the_files_that_are_taken(squares, tmp_path):
    command = ["--input_dir", str(squares), "--output_dir", str(tmp_path / "DEV"), "--pattern", "o", "--max_mb"]
    # All 385 files have 3,850 bytes.
    assert main([*command, "0.001", "--share", "0.2"]) == 0
    assert len(FlccSource(tmp_path / "DEV").repositories()) == 10


@pytest.mark.parametrize("wrong", ["0", "-0.1", "1.01", "nan", "inf", "half"])
def test_a_share_is_above_0_and_at_most_1(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--input_dir", "x", "--output_dir", "y", f"--share={wrong}"])
    assert stop.value.code == 2
    assert "argument --share: " in capsys.readouterr().err


def test_documents_are_made_of_a_sample(squares, tmp_path):
    sampled(squares, tmp_path / "DEV", share=0.2)
    command = ["--input_dir", str(tmp_path / "DEV"), "--output_dir", str(tmp_path / "documents"), "--workers", "1"]
    run.main([*command, "--near_jaccard", "0"])
    manifest = json.loads((tmp_path / "documents" / "manifest.json").read_text())
    assert sum(split["files"] for split in manifest["counts"].values()) == sum(COUNTS.values())
    assert sum(split["repositories"] for split in manifest["counts"].values()) == 10
    assert {note: number for note, number in manifest["notes"].items() if number} == {}
