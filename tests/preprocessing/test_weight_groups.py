import numpy as np
import pytest

from preprocessing import run, weight_groups
from preprocessing.weight_groups import libraries, own_modules
from preprocessing.workers import Workers
from tests.flcc_tree import write_flcc

SPLIT = ["--validation_permille", "0", "--test_permille", "0"]


def read(documents, tmp_path, by: str, *, workers: int = 1) -> dict[tuple, list[str]]:
    """Size of each file -> names of its groups; the sizes of test files are all different."""
    with Workers(workers) as pool:
        groups = weight_groups.read(documents, pool, by=by)
    assert len(set(groups.names)) == len(groups.names)
    assert (np.diff(groups.file) >= 0).all()
    named = {size: [] for size in groups.sizes.tolist()}
    for file, group in zip(groups.file.tolist(), groups.group.tolist(), strict=True):
        named[int(groups.sizes[file])].append(groups.names[group])
    return named


@pytest.fixture
def documents(tmp_path):
    """Files of 20, 30, 40 ... bytes; each repository is in a shard of its own."""

    def text(code: str, size: int) -> str:
        return code + "\n" + "#" * (size - len(code) - 2) + "\n"

    tree = {
        "ann/tool": {
            "tool/__init__.py": text("from tool import a", 20),
            "tool/a.py": text("import numpy, os", 30),
            "setup.py": text("import tool, yaml", 40),
        },
        "bob/app": {
            "app.py": text("from yaml.a import b", 50),
            "old.py": text("print 'Python 2'", 60),
            "sub/app2.py": text("import app, app2, sub.app2", 70),
        },
        "cy/app": {"app.py": text("import app2", 80)},
    }
    run.main(["--input_dir", str(write_flcc(tmp_path / "tree", tree)), "--output_dir", str(tmp_path / "out"), *SPLIT])
    return tmp_path / "out"


def test_by_repository(documents, tmp_path):
    assert read(documents, tmp_path, "repository") == {
        20: ["ann/tool"], 30: ["ann/tool"], 40: ["ann/tool"],
        50: ["bob/app"], 60: ["bob/app"], 70: ["bob/app"],
        80: ["cy/app"],
    }  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_by_symbol_a_module_is_a_library_unless_it_is_the_repositorys_own(documents, tmp_path, workers):
    """`app2` is a library to cy/app, and bob/app's own."""
    assert read(documents, tmp_path, "symbol", workers=workers) == {
        20: [], 30: ["numpy"], 40: ["yaml"], 50: ["yaml"], 60: [], 70: [], 80: ["app2"],
    }  # fmt: skip


def test_files_that_are_no_python_3_are_counted(documents, tmp_path):
    with Workers(1) as pool:
        assert weight_groups.read(documents, pool, by="symbol").unparsed == 1


def test_libraries_are_each_named_once():
    text = "import os, numpy.linalg\nimport numpy as np\nfrom tool import x\nfrom . import yaml\nfrom .b import c\n"
    assert libraries(text, own=frozenset({"tool"})) == ["numpy"]
    assert libraries(text, own=frozenset()) == ["numpy", "tool"]
    assert libraries("from __future__ import division\nimport cPickle, urllib2, __main__\n", own=frozenset()) == []
    assert libraries("try:\n    import zlib2\nexcept ImportError:\n    import az\n", own=frozenset()) == ["az", "zlib2"]


def test_what_is_no_python_3_is_not_guessed_at():
    with pytest.raises(SyntaxError):
        libraries("import numpy\nprint 'x'\n", own=frozenset())


@pytest.mark.parametrize(
    "paths, expected",
    [
        (["setup.py", "src/tool/__init__.py", "src/tool/numpy/a.py"], {"setup", "src", "tool"}),
        (["jax/__init__.py", "jax/numpy/__init__.py", "jax/numpy/a.py"], {"jax"}),
        (["scripts/run.py"], {"scripts", "run"}),
        (["pkg/a.py", "pkg/yaml/b.py"], {"pkg", "a", "yaml", "b"}),  # no __init__.py: may start anywhere
        (["__init__.py", "a.py"], {"__init__", "a"}),
        ([], set()),
    ],
)
def test_own_modules(paths, expected):
    assert own_modules(paths) == expected
