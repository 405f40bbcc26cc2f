"""`scripts/dev_dataset.sh` as a user runs it on a tree."""

import json
import os
import pathlib

import pytest

from preprocessing.contract import DataContractError
from preprocessing.dev_tree import choose, copy
from preprocessing.flcc import FlccSource, Repository
from tests.flcc_tree import FILES, flcc_about, flcc_files, write_flcc
from tests.scripts.dev_dataset_command import TREE, run, snapshot


@pytest.mark.parametrize("extra_level", [False, True])
def test_every_matching_owner_is_copied_from_both_trees(tmp_path, extra_level):
    root = write_flcc(tmp_path / "my FLCC", TREE, licenses={"Ann/tool": "MIT"}, extra_level=extra_level)
    status, out, err = run("--input_dir", "my FLCC", "--output_dir", "a\nb é", cwd=tmp_path)
    assert (status, err) == (0, "")
    assert out == "a\nb é: 2 owners, 3 repositories, 4 files, 0.0 MB\n"
    made = tmp_path / "a\nb é"
    expected = {path: data for path, data in snapshot(root).items() if "/bob/" not in path}
    record = json.loads((made / "dev_dataset.json").read_text())
    assert record["made"] == {"owners": 2, "repositories": 3, "files": 4, "bytes": 550, "unreadable": 0}
    (made / "dev_dataset.json").unlink()
    assert snapshot(made) == expected
    assert len(expected) == 4 + 3 + 1
    assert not list(tmp_path.glob("*.incomplete"))


@pytest.mark.parametrize(
    "pattern, count", [("*", 4), ("bob", 1), ("[a-c]*", 1), ("Ann", 2), ("Ann ?", 1), ("*'$(x)\"*", 0)]
)
def test_the_pattern_is_a_shell_pattern_of_owners(tmp_path, pattern, count):
    write_flcc(tmp_path / "FLCC", TREE)
    status, out, err = run("--input_dir", tmp_path / "FLCC", "--output_dir", tmp_path / "DEV", "--pattern", pattern)
    if count:
        assert (status, err) == (0, "")
        assert f" {count} repositories, " in out
    else:
        assert (status, out) == (2, "")
        assert err == f"error: no owner matches {pattern!r}; there are 3, such as Ann, Ann B, bob\n"
        assert not (tmp_path / "DEV").exists()


def test_whole_repositories_up_to_a_size_chosen_by_the_seed():
    repositories = [Repository(f"o/{i:02}", files=1, size=10 + i) for i in range(20)]
    chosen = {}
    for seed in range(8):
        one = choose(repositories, pattern="*", max_bytes=60, seed=seed)
        assert one == choose(repositories[::-1], pattern="*", max_bytes=60, seed=seed)[::-1]
        assert one == sorted(one, key=lambda repository: repository.name)
        assert sum(repository.size for repository in one) <= 60
        # Nothing that was passed over would have fitted.
        left = [repository.size for repository in repositories if repository not in one]
        assert min(left) > 60 - sum(repository.size for repository in one)
        chosen[seed] = tuple(one)
    assert len(set(chosen.values())) == 8
    assert choose(repositories, pattern="*") == repositories
    assert [repository.name for repository in chosen[0]] == ["o/04", "o/05", "o/18"]
    with pytest.raises(DataContractError, match=r"the smallest matching repository has 0\.000 MB, more than --max_mb"):
        choose(repositories, pattern="*", max_bytes=9)


def test_a_size_is_kept_by_the_command(tmp_path):
    write_flcc(tmp_path / "FLCC", TREE)
    arguments = ("--input_dir", tmp_path / "FLCC", "--pattern", "*", "--max_mb", "0.0003", "--seed", "7")
    for name in ("one", "two"):
        assert run(*arguments, "--output_dir", tmp_path / name)[0] == 0
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    assert 0 < FlccSource(tmp_path / "one").describe()["bytes"] <= 300
    for wrong in ("0", "-1", "inf", "nan", "much"):
        status, _, err = run("--input_dir", "x", "--output_dir", "y", f"--max_mb={wrong}")
        assert (status, "argument --max_mb" in err) == (2, True)


def test_a_finished_one_is_found_and_other_arguments_are_refused(tmp_path):
    root = write_flcc(tmp_path / "FLCC", TREE)
    made = tmp_path / "DEV"
    arguments = ("--input_dir", root, "--output_dir", made)
    line = f"{made}: 2 owners, 3 repositories, 4 files, 0.0 MB"
    assert run(*arguments) == (0, f"{line}\n", "")
    before = snapshot(made)
    assert run(*arguments) == (0, f"{line} (was there already, made with the same arguments)\n", "")
    status, out, err = run(*arguments, "--pattern", "bob", "--seed", "1")
    assert (status, out) == (2, "")
    assert err == (
        f"error: {made} was made with other arguments (pattern was 'A*' and is now 'bob'; seed was 0 and is now 1): "
        "delete it, or choose another --output_dir\n"
    )
    write_flcc(root, {"Ann/new": {"n.py": "n"}})
    assert "made with other arguments (input was " in run(*arguments)[2]
    assert snapshot(made) == before
    (made / "dev_dataset.json").write_text("{}")
    assert run(*arguments)[2] == f"error: {made}/dev_dataset.json is broken: delete {made} to make it again\n"
    (made / "dev_dataset.json").unlink()
    assert run(*arguments)[2] == f"error: {made} is there and was not made by this command: choose another\n"


def test_what_a_killed_run_left_is_made_again(tmp_path):
    write_flcc(tmp_path / "FLCC", TREE)
    half = tmp_path / "DEV.incomplete" / "run-killed"
    half.mkdir(parents=True)
    (half / "dev_dataset.json").write_text("half")
    assert run("--input_dir", tmp_path / "FLCC", "--output_dir", tmp_path / "DEV")[0] == 0
    assert not half.parent.exists()
    assert FlccSource(tmp_path / "DEV").describe()["files"] == 4


def test_a_folder_that_is_no_tree_is_refused(tmp_path):
    status, out, err = run("--input_dir", tmp_path, "--output_dir", tmp_path / "DEV")
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {tmp_path} is not an FLCC tree: it has no folder v3/languages/Python/.py.")
    assert "Traceback" not in err
    status, _, err = run("--input_dir", tmp_path, "--output_dir", tmp_path / "DEV", "--sha256", "00")
    assert (status, err.splitlines()[-1]) == (
        2,
        "scripts/dev_dataset.sh: error: --url, --sha256 and --download_dir are for the archive: "
        "leave them out with --input_dir",
    )


def test_damage_is_copied_as_it_is_and_what_cannot_be_read_is_counted(tmp_path, monkeypatch):
    root = write_flcc(tmp_path / "FLCC", {"Ann/tool": {"a.py": "a"}, "Ann/closed": {"b.py": "b"}})
    folder = flcc_files(root, "Ann/tool")
    (folder / "nowhere.py").symlink_to("nothing.py")
    os.mkfifo(folder / "pipe.py")
    (flcc_about(root, "Ann/tool") / "paths.json").write_text("broken")
    flcc_files(root, "Ann/tool", branch="other").mkdir()
    (flcc_files(root, "Ann/tool", branch="other") / "o.py").write_bytes(b"\xff\0")
    repositories = FlccSource(root).repositories()
    scan, opened = os.scandir, pathlib.Path.open

    def refuse_folder(path):
        if str(path).endswith(f"{FILES}/Ann/closed/master"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    def refuse_file(path, *arguments, **keywords):
        if path.name == "a_0.py":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr(os, "scandir", refuse_folder)
    monkeypatch.setattr(pathlib.Path, "open", refuse_file)
    # The pipe, the closed folder, the file without permission.
    assert copy(root, tmp_path / "DEV", repositories) == 3
    made = flcc_files(tmp_path / "DEV", "Ann/tool")
    assert os.readlink(made / "nowhere.py") == "nothing.py"  # noqa: PTH115
    assert (made.parent / "other" / "o.py").read_bytes() == b"\xff\0"
    assert (flcc_about(tmp_path / "DEV", "Ann/tool") / "paths.json").read_text() == "broken"


def test_the_script_says_how_it_is_used():
    status, out, _ = run("--help")
    assert status == 0
    assert out.startswith("usage: scripts/dev_dataset.sh [-h]")
    status, _, err = run()
    assert (status, err.splitlines()[-1]) == (
        2,
        "scripts/dev_dataset.sh: error: the following arguments are required: --output_dir",
    )
