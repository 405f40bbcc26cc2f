"""Installed packages become repositories, by the lists of files that they came with."""

import sys

import pytest

from preprocessing import build_flcc
from preprocessing.installed import InstalledPackages
from tests.preprocessing.source_folders import MIT, contents, write


def distribution(site, name, files, *, record=None, version="1", metadata=""):
    info = f"{name}-{version}.dist-info"
    write(site, {**files, f"{info}/METADATA": f"Name: {name}\nVersion: {version}\n{metadata}"})
    rows = record if record is not None else [*files, f"{info}/METADATA", f"{info}/RECORD"]
    (site / info / "RECORD").write_text("".join(f'"{row}",,\n' for row in rows))


@pytest.fixture
def site(tmp_path, monkeypatch):
    folders = [tmp_path / "lib" / "site-packages", tmp_path / "home" / "site-packages", tmp_path / "checkout"]
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(folder) for folder in folders])
    return folders[0]


def test_installed_packages(site, tmp_path, capsys):
    distribution(site, "B_tool", {"b/x, y.py": "1", "shared.py": "of b?"}, metadata="License: Apache 2.0\n")
    distribution(
        site,
        "a-tool",
        {
            "a.py": "a",
            "shared.py": "of a",
            "a.so": "",
            "a-tool-1.dist-info/LICENSE": MIT,
        },
        record=[
            *("shared.py", "a.py", "./a.py", "a.so", "gone.py", "../../bin/tool.py", "/etc/x.py"),
            *("__editable___a_finder.py", "a-tool-1.dist-info/LICENSE", "a/vendor/q.dist-info/LICENSE"),
        ],
    )
    distribution(site, "data", {"data.json": "{}"})
    distribution(tmp_path / "home" / "site-packages", "A.Tool", {"other.py": "shadowed"}, version="0")
    distribution(tmp_path / "checkout", "c", {"c.py": "not installed"})
    (site / "empty-1.dist-info").mkdir()
    packages = InstalledPackages()
    found = list(packages.repositories())
    assert [(name, [path for path, _ in files], license) for name, files, license in found] == [
        ("a-tool/a-tool", ["a.py", "shared.py"], "MIT"),
        ("B_tool/B_tool", ["b/x, y.py"], "Apache-2.0"),
    ]
    assert {reason: number for reason, number in packages.skipped.items() if number} == {
        "distributions outside site-packages": 2,
        "distributions that are there twice": 1,
        "distributions without Python files": 1,
        "files of another distribution": 1,
        "files outside site-packages": 2,
        "files that are not there": 1,
        "finders of editable installs": 1,
    }
    assert build_flcc.main(["--output_dir", str(tmp_path / "FLCC"), "--installed_packages"]) == 0
    assert contents(tmp_path / "FLCC") == (
        {"B_tool/B_tool": {"b/x, y.py": "1"}, "a-tool/a-tool": {"a.py": "a", "shared.py": "of a"}},
        {"B_tool/B_tool": "Apache-2.0", "a-tool/a-tool": "MIT"},
    )
    assert "2 repositories, 3 files" in capsys.readouterr().out


def test_an_egg_info_has_its_own_list(site):
    write(site, {"old.egg-info/PKG-INFO": "Name: old\nVersion: 1\n", "old.egg-info/SOURCES.txt": "old.py\ngone.py\n"})
    write(site, {"old.py": "1"})
    assert [(name, [path for path, _ in files]) for name, files, _ in InstalledPackages().repositories()] == [
        ("old/old", ["old.py"])
    ]
