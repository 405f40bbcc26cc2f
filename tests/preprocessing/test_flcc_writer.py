"""The writer lays repositories out in the FLCC layout, each at once."""

import json

import pytest

from preprocessing import flcc_writer
from preprocessing.flcc_writer import FlccWriter, Written
from tests.preprocessing.source_folders import contents


def test_the_writer_lays_a_repository_out_flat(tmp_path):
    long = "é" * 150
    files = [("src/b.py", b"22"), ("a.py", b"1"), (f"{long}.py", b"3"), ("src/__init__.py", b""), (".py", b"4")]
    assert FlccWriter(tmp_path).write("ann/tool", files, license="MIT") == Written(5, 5)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "v3/languages/Python/.py/ann/tool/main/_0.py",
        "v3/languages/Python/.py/ann/tool/main/__init___2.py",
        "v3/languages/Python/.py/ann/tool/main/a_1.py",
        "v3/languages/Python/.py/ann/tool/main/b_3.py",
        f"v3/languages/Python/.py/ann/tool/main/{'é' * 100}_4.py",
        "v3/repositories/ann/tool/main/paths.json",
        "v3/repositories/ann/tool/main/repository.json",
    ]
    about = tmp_path / "v3/repositories/ann/tool/main"
    assert json.loads((about / "repository.json").read_text()) == {"license": "MIT", "repository": "ann/tool"}
    assert json.loads((about / "paths.json").read_text())["b_3.py"] == "src/b.py"
    assert contents(tmp_path)[0] == {"ann/tool": {path: data.decode() for path, data in files}}


def test_the_writer_refuses_what_it_cannot_keep_apart(tmp_path):
    writer = FlccWriter(tmp_path)
    writer.write("ann/tool", [("a.py", b"1")])
    with pytest.raises(FileExistsError, match="has the repository ann/tool already"):
        writer.write("ann/tool", [("a.py", b"1")])
    with pytest.raises(ValueError, match=r"ann/two has the path 'a.py' twice"):
        writer.write("ann/two", [("a.py", b"1"), ("a.py", b"2")])
    for name in ("tool", "a/b/c", "../tool", "ann/"):
        with pytest.raises(ValueError, match="named owner/name, not"):
            writer.write(name, [])
    assert set(contents(tmp_path)[0]) == {"ann/tool"}


def test_a_writer_killed_between_the_two_folders_shows_nothing_and_can_go_on(tmp_path, monkeypatch):
    writer = FlccWriter(tmp_path)
    writer.write("ann/one", [("a.py", b"1")])
    publish = FlccWriter._publish

    def killed(self, folder, final):
        if flcc_writer.FILES_FOLDER in str(final):
            raise KeyboardInterrupt
        publish(self, folder, final)

    with monkeypatch.context() as patch:
        patch.setattr(FlccWriter, "_publish", killed)
        with pytest.raises(KeyboardInterrupt):
            writer.write("ann/two", [("a.py", b"1")])
    assert set(contents(tmp_path)[0]) == {"ann/one"}
    FlccWriter(tmp_path).write("ann/two", [("b.py", b"2")])
    assert contents(tmp_path)[0] == {"ann/one": {"a.py": "1"}, "ann/two": {"b.py": "2"}}
