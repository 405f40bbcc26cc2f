"""Folders become an FLCC tree that the reader gives back file for file."""

import multiprocessing
import os
import pathlib
import shutil
import signal

import pytest

from preprocessing import build_flcc
from preprocessing.flcc_writer import FlccWriter
from tests.preprocessing.source_folders import MIT, contents, write


def built(tmp_path, *sources, capsys=None):
    """Runs the command on some folders: the names and files of the tree, and what was printed."""
    output = tmp_path / "FLCC"
    shutil.rmtree(output, ignore_errors=True)
    status = build_flcc.main(["--output_dir", str(output), "--source", *map(str, sources)])
    assert status == 0
    if not capsys:
        return contents(output)[0], []
    printed = capsys.readouterr()
    # No progress bar where there is no terminal.
    assert printed.err == ""
    return contents(output)[0], printed.out.splitlines()


# The four shapes.


def test_owner_repository_folders(tmp_path, capsys):
    tree = {"ann/tool/a.py": "1", "ann/tool/src/b.py": "2", "ann/tool/LICENSE": MIT, "bob/x y/é.py": "3", "bob/n/R": ""}
    source = write(tmp_path / "source", tree)
    files, printed = built(tmp_path, source, capsys=capsys)
    assert files == {"ann/tool": {"a.py": "1", "src/b.py": "2"}, "bob/x y": {"é.py": "3"}}
    assert contents(tmp_path / "FLCC")[1] == {"ann/tool": "MIT", "bob/x y": ""}
    assert printed == [
        f"{source}: owner/repository folders, 3 found",
        f"{tmp_path}/FLCC: 2 repositories, 3 files, 0.0 MB; the licence of 1 repositories is known",
        "left out: 1 repositories without Python files",
    ]


@pytest.mark.parametrize("mark", ["a.py", "pyproject.toml", "setup.cfg", "pkg/a.py"])
def test_one_repository(tmp_path, mark):
    source = write(tmp_path / "my tool", {mark: "", "src/pkg/b.py": "2"})
    files, _ = built(tmp_path, source)
    assert set(files) == {"local/my tool"}
    assert files["local/my tool"]["src/pkg/b.py"] == "2"


def test_a_folder_of_repositories(tmp_path, capsys):
    source = write(
        tmp_path / "code",
        {
            "one/.git/config": '[remote "origin"]\n\turl = git@github.com:ann/tool.git\n',
            "one/pkg/a.py": "1",
            "two/pyproject.toml": "",
            "two/src/b.py": "2",
            "three/c.py": "3",
            "owner/repository/d.py": "4",
        },
    )
    files, printed = built(tmp_path, source, capsys=capsys)
    assert files == {
        "ann/tool": {"pkg/a.py": "1"},
        "local/two": {"src/b.py": "2"},
        "local/three": {"c.py": "3"},
        "owner/repository": {"d.py": "4"},
    }
    assert printed[0] == f"{source}: a folder of repositories, 4 found"


def test_names_that_meet(tmp_path, capsys):
    """Folders of one name are told apart; the second checkout of a repository is left out and counted."""
    remote = '[remote "origin"]\nurl=https://github.com/ann/tool\n'
    for folder in ("x", "y", "z"):
        write(tmp_path / folder / "src", {"a.py": folder})
        write(tmp_path / folder / "git", {"a.py": folder, ".git/config": remote})
    sources = [tmp_path / folder / kind for kind in ("src", "git") for folder in ("x", "y", "z")]
    files, printed = built(tmp_path, *sources, capsys=capsys)
    assert files == {
        "local/src": {"a.py": "x"},
        "local/src-2": {"a.py": "y"},
        "local/src-3": {"a.py": "z"},
        "ann/tool": {"a.py": "x"},
    }
    assert printed[-1] == "left out: 1 .git folders, 2 second checkouts of a repository"


# What is left out.


def test_every_folder_that_is_left_out_is_counted(tmp_path, capsys):
    source = write(tmp_path / "tool", {"a.py": "1"})
    for name in (".git", ".tox", ".cache", "__pycache__", "x/__pycache__", "node_modules", "lib/site-packages"):
        write(source / name, {"no.py": ""})
    write(source / "env", {"pyvenv.cfg": "", "no.py": ""})
    write(source / "conda", {"conda-meta/history": "", "no.py": ""})
    (source / "link.py").symlink_to("a.py")
    (source / "linked").symlink_to("x")
    (source / "nowhere.txt").symlink_to("nothing")
    pathlib.Path(os.fsdecode(os.fsencode(source) + b"/\xff.py")).write_text("")
    files, printed = built(tmp_path, source, capsys=capsys)
    assert files == {"local/tool": {"a.py": "1"}}
    assert printed[-1] == (
        "left out: 1 .git folders, 2 __pycache__ folders, 2 hidden folders, 1 names that are not UTF-8, "
        "1 node_modules folders, 1 site-packages folders, 2 symbolic links, 2 virtual environments"
    )


def test_the_output_inside_the_source_is_not_its_own_source(tmp_path, capsys):
    source = write(tmp_path, {"a.py": "1"})
    (tmp_path / "FLCC.incomplete" / "half").mkdir(parents=True)
    (tmp_path / "FLCC.incomplete" / "half" / "b.py").write_text("2")
    files, printed = built(tmp_path, source, capsys=capsys)
    assert list(files.values()) == [{"a.py": "1"}]
    assert printed[-1] == "left out: 1 output folders"
    assert build_flcc.main(["--output_dir", str(tmp_path / "FLCC"), "--source", str(source), "--overwrite"]) == 0
    assert list(contents(tmp_path / "FLCC")[0].values()) == [{"a.py": "1"}]


def test_what_cannot_be_read_is_counted_and_the_rest_is_copied(tmp_path, capsys, monkeypatch):
    source = write(tmp_path / "tool", {"a.py": "1", "b.py": "2", "closed/c.py": "3"})
    scan, read = os.scandir, pathlib.Path.read_bytes

    def refuse_folder(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    def refuse_file(path):
        if path.name == "a.py":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(os, "scandir", refuse_folder)
    monkeypatch.setattr(pathlib.Path, "read_bytes", refuse_file)
    files, printed = built(tmp_path, source, capsys=capsys)
    assert files == {"local/tool": {"b.py": "2"}}
    assert printed[-1] == "left out: 1 files that cannot be read, 1 folders that cannot be read"


# Safe to run again.


def test_a_finished_tree_is_replaced_only_when_asked(tmp_path, capsys):
    source = write(tmp_path / "tool", {"a.py": "1"})
    command = ["--output_dir", str(tmp_path / "FLCC"), "--source", str(source)]
    assert build_flcc.main(command) == 0
    write(source, {"a.py": "2"})
    capsys.readouterr()
    assert build_flcc.main(command) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/FLCC is there and finished: give --overwrite to make it again\n"
    )
    assert contents(tmp_path / "FLCC")[0] == {"local/tool": {"a.py": "1"}}
    assert build_flcc.main([*command, "--overwrite"]) == 0
    assert contents(tmp_path / "FLCC")[0] == {"local/tool": {"a.py": "2"}}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["FLCC", "tool"]


def test_a_folder_that_is_not_a_tree_is_never_replaced(tmp_path, capsys):
    write(tmp_path / "thesis", {"chapter.tex": "years of work"})
    command = ["--output_dir", str(tmp_path / "thesis"), "--source", str(tmp_path), "--overwrite"]
    assert build_flcc.main(command) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}/thesis is there and is not an FLCC tree: choose another --output_dir\n"
    )
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"


def test_a_killed_build_leaves_nothing_that_looks_finished(tmp_path, monkeypatch):
    source = write(tmp_path / "source", {"ann/one/a.py": "1", "ann/two/a.py": "2"})
    command = ["--output_dir", str(tmp_path / "FLCC"), "--source", str(source)]
    original = FlccWriter.write

    def killed(self, repository, *args, **kwargs):
        if repository == "ann/two":
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, repository, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(FlccWriter, "write", killed)
        process = multiprocessing.get_context("fork").Process(target=build_flcc.main, args=(command,))
        process.start()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "FLCC").exists()
    assert [path.name for path in (tmp_path / "FLCC.incomplete").rglob("a*.py")] == ["a_0.py"]
    assert build_flcc.main(command) == 0
    assert set(contents(tmp_path / "FLCC")[0]) == {"ann/one", "ann/two"}
    assert not (tmp_path / "FLCC.incomplete").exists()


def test_the_same_source_gives_the_same_tree_byte_for_byte(tmp_path):
    source = write(tmp_path / "source", {f"o{i}/r/{j}.py": f"{i}{j}" for i in range(3) for j in range(3)})
    trees = []
    for name in ("one", "two"):
        assert build_flcc.main(["--output_dir", str(tmp_path / name), "--source", str(source)]) == 0
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        trees.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert trees[0] == trees[1]
    assert len(trees[0]) == 9 + 2 * 3


def test_errors_are_one_line_and_status_2(tmp_path, capsys):
    def error(*arguments):
        assert build_flcc.main(["--output_dir", str(tmp_path / "FLCC"), *map(str, arguments)]) == 2
        assert not (tmp_path / "FLCC").exists()
        return capsys.readouterr().err

    (tmp_path / "empty").mkdir()
    assert error("--source", tmp_path / "no") == f"error: --source {tmp_path}/no is not a folder\n"
    assert error("--source", tmp_path / "empty") == "error: no Python file was found, so no tree was made\n"
    for arguments in (["--output_dir", "x"], ["--output_dir", "x", "--source", "y", "--installed_packages"]):
        with pytest.raises(SystemExit) as stop:
            build_flcc.main(arguments)
        assert stop.value.code == 2
