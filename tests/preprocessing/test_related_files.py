"""Related files: import statements resolved against a repository's paths, and heads of what they name."""

import pytest

from preprocessing.related_files import LEAST_BYTES, head, related_files


def imports(path: str, statement: str, *others: str) -> list[str]:
    """The paths that a file with this statement is related to, in a repository of otherwise unrelated files."""
    files = {**{other: "x = 1\n" for other in others}, path: statement + "\n"}
    return [other for other, _ in related_files(files, max_bytes=10_000)[path]]


@pytest.mark.parametrize(
    "path, statement, others, expected",
    [
        ("a.py", "import b", ["b.py"], ["b.py"]),
        ("a.py", "import b", ["b/__init__.py"], ["b/__init__.py"]),
        ("a.py", "import b", ["b.py", "b/__init__.py"], ["b.py"]),
        ("a.py", "import b.c", ["b/__init__.py", "b/c.py"], ["b/c.py"]),
        ("a.py", "import b.c as d, e", ["b/c.py", "e.py"], ["e.py", "b/c.py"]),
        ("a.py", "from b import c", ["b/__init__.py", "b/c.py"], ["b/c.py"]),
        ("a.py", "from b import f", ["b/__init__.py", "b/c.py"], ["b/__init__.py"]),
        ("a.py", "from b import c, f", ["b/__init__.py", "b/c.py"], ["b/c.py", "b/__init__.py"]),
        ("a.py", "from b import *", ["b/__init__.py", "b/c.py"], ["b/__init__.py"]),
        ("p/a.py", "from . import b", ["p/b.py", "b.py"], ["p/b.py"]),
        ("p/a.py", "from . import f", ["p/__init__.py"], ["p/__init__.py"]),
        ("p/a.py", "from .b import f", ["p/b.py"], ["p/b.py"]),
        ("p/q/a.py", "from ..b import f", ["p/b.py", "p/q/b.py"], ["p/b.py"]),
        ("p/q/a.py", "from ...b import f", ["b.py"], ["b.py"]),
        ("p/a.py", "from ...b import f", ["b.py"], []),
        ("a.py", "from .b import f", ["b.py"], ["b.py"]),
        ("a.py", "from . import b", ["b.py"], ["b.py"]),
        ("tests/test_a.py", "import pkg.a", ["src/pkg/a.py", "src/pkg/__init__.py"], ["src/pkg/a.py"]),
        ("tool/run.py", "import a", ["tool/a.py", "a.py"], ["tool/a.py"]),
        ("pkg/run.py", "import a", ["pkg/__init__.py", "pkg/a.py", "a.py"], ["a.py"]),
        ("pkg/run.py", "import a", ["pkg/__init__.py", "pkg/a.py"], []),
        ("a.py", "import json", ["compat/json.py"], []),
        ("a.py", "import json", ["json/__init__.py"], ["json/__init__.py"]),
        ("a.py", "import json.decoder", ["lib/json/decoder.py"], ["lib/json/decoder.py"]),
        ("a.py", "import numpy", ["b.py"], []),
        ("a.py", "import a", [], []),
        ("a.py", "def f():\n    import b", ["b.py"], ["b.py"]),
        ("a.py", "not python", ["b.py"], []),
        ("p/a.py", "import far.x\nfrom . import near", ["far/x.py", "p/near.py"], ["p/near.py", "far/x.py"]),
        ("a.py", "import z, b", ["z.py", "b.py"], ["z.py", "b.py"]),
    ],
)
def test_what_a_file_imports(path, statement, others, expected):
    assert imports(path, statement, *others) == expected


def test_those_that_import_it_come_after_those_that_it_imports():
    files = {"a.py": "import b\n", "b.py": "x = 1\n", "t/test_a.py": "import a\n", "main.py": "import a\nimport b\n"}
    related = related_files(files, max_bytes=10_000)
    assert related["a.py"] == [("b.py", "x = 1\n"), ("main.py", files["main.py"]), ("t/test_a.py", "import a\n")]
    assert related["b.py"] == [("a.py", "import b\n"), ("main.py", files["main.py"])]
    assert related["main.py"] == [("a.py", "import b\n"), ("b.py", "x = 1\n")]


def test_a_file_that_is_no_python_may_be_imported():
    related = related_files({"a.py": "import b\n", "b.py": "print 'hello'\n"}, max_bytes=10_000)
    assert related == {"a.py": [("b.py", "print 'hello'\n")], "b.py": [("a.py", "import b\n")]}


def test_heads_share_the_room_and_importers_come_only_where_some_is_left():
    line = "x = 1\n"
    files = {
        "a.py": "import b, c\n",
        "b.py": line * 500,
        "c.py": line * 10,
        "d.py": "import a\n",
    }
    [b, c] = related_files(files, max_bytes=1000)["a.py"]
    assert b == ("b.py", line * ((1000 - 60) // 6))
    assert c == ("c.py", line * 10)
    assert [path for path, _ in related_files(files, max_bytes=4000)["a.py"]] == ["b.py", "c.py", "d.py"]
    assert [path for path, _ in related_files(files, max_bytes=LEAST_BYTES)["a.py"]] == ["b.py"]


def test_the_order_of_a_repository_does_not_matter():
    files = {"a.py": "import c\n", "b.py": "import a\n", "c.py": "import a, b\n", "d.py": "import a\n"}
    turned = dict(reversed(files.items()))
    assert related_files(files, max_bytes=500) == related_files(turned, max_bytes=500)


@pytest.mark.parametrize(
    "text, max_bytes, expected",
    [
        ("a = 1\nb = 2\nc", 13, "a = 1\nb = 2\nc"),
        ("a = 1\nb = 2\nc", 12, "a = 1\nb = 2\n"),
        ("a = 1\nb = 2\nc", 9, "a = 1\n"),
        ("a = 1\nb", 3, "a ="),
        ("éé", 3, "é"),
        ("a", 0, ""),
    ],
)
def test_heads_are_whole_lines_where_that_is_possible(text, max_bytes, expected):
    assert head(text, max_bytes) == expected
