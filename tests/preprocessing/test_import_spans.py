"""Import spans: which statements have one, where it stands, and that the rest of the file is the same without it."""

import ast
import itertools
import pathlib
import random
import sysconfig

import pytest

from preprocessing import prompt, symbols
from preprocessing.import_spans import ImportSpan, import_spans


def spans(content: str, **kwargs) -> list[tuple[str, str]]:
    """For each span its text, and what follows from its first use on (5 bytes of it)."""
    data = prompt.escape(content).encode()
    return [
        (data[s.start : s.end].decode(), data[s.first_use : s.first_use + 5].decode())
        for s in import_spans(content, **kwargs)
    ]


def test_bytes_of_the_example():
    content = "import os\nimport re\n\nprint(os.sep)\nre.compile('a')\n"
    assert import_spans(content) == [ImportSpan(9, 19, 35)]
    assert spans(content) == [("\nimport re", "re.co")]


@pytest.mark.parametrize(
    "statement, names",
    [
        ("import a", "a"),
        ("import a.b.c", "a"),
        ("import x.y as a", "a"),
        ("import x, a", "a"),
        ("from x import a", "a"),
        ("from x import y as a", "a"),
        ("from .x import a", "a"),
        ("from . import a", "a"),
        ("from x import (\n    y,\n    a,  # why\n)", "a"),
        ("from x import y, \\\n    a", "a"),
        ("import a  # a comment", "a"),
        ("import a;", "a"),
        ("import a \t", "a"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_statements_on_lines_of_their_own_have_a_span(statement, names, newline):
    content = f"# first\n{statement}\n\nz = 1\n{names}.z\n".replace("\n", newline)
    expected = f"\n{statement}".replace("\n", newline)
    if newline == "\r\n":
        expected = expected.removeprefix("\r") + "\r"
    assert spans(content) == [(expected, f"{names}.z{newline}"[:5])]
    span = import_spans(content)[0]
    data = content.encode()
    assert (data[: span.start] + data[span.end :]).decode() == f"# first\n\nz = 1\n{names}.z\n".replace("\n", newline)


@pytest.mark.parametrize(
    "content",
    [
        "import a\nz = 1\na.z\n",  # the first line
        "'''doc'''\nfrom __future__ import annotations\n",
        "z = 1\nfrom a import *\n",
        "z = 1; import a\na.z\n",
        "z = 1\nimport a; z = 2\na.z\n",
        "z = 1\nimport a; import b\na.b\n",
        "z = 1\nif z:\n    import a\na.z\n",
        "z = 1\ntry:\n    import a\nexcept ImportError:\n    a = None\n",
        "def f():\n    import a\n    a.z\n",
        "'''doc\nimport a\n'''\n",
        "z = 1\rimport a\rz = 2\ra.z\r",  # lone carriage returns: no newline to take out
        "def f():\n    a.z\nimport a\n",  # used before it
        "# \\\nimport a\na.z\n",
        "z = 1\nimport a \\\n\nz = 2\na.z\n",
        "",
        "x\n",
    ],
)
def test_other_statements_have_none(content):
    assert import_spans(content) == []


@pytest.mark.parametrize(
    "after, first_use",
    [
        ("b = 1\na = 2\nprint(a)\n", "a)\n"),
        ("def f(a):\n    return a\nprint(a)\n", "a)\n"),
        ("def f():\n    return a.b\n", "a.b\n"),
        ("class C:\n    a = 1\n    def f(self):\n        return a.x\n", "a.x\n"),
        ("z = [a for a in z]\na.y\n", "a.y\n"),
        ("@a.b\ndef f(): pass\n", "a.b\nd"),
        ("z = f'{b} {a.b}'\n", "f'{b}"),
        ("z = f'''\n{b}\n{a.b}'''\n", "f'''\n"),
        ("x: 'a.b' = 1\n", "'a.b'"),
        ("def f(x: list['a']) -> None: ...\n", "'a'])"),
        ("def f() -> 'a': ...\n", "'a': "),
        ("x: 'not python' = 1\n", ""),
        ("x = 'a'\n", ""),
        ("__all__ = ['b', 'a']\n", "'a']\n"),
        ("__all__ = ['b']\n__all__ += ['a']\n", "'a']\n"),
        ("__all__ = ['b']\n__all__.extend(('a',))\n", "'a',)"),
        ("other.extend(('a',))\n", ""),
        ("del a\n", "a\n"),
        ("b.a\n", ""),
        ("b = 1\n", ""),
        ("é = '漢字'\nprint('é', a)\n", "a)\n"),
        ("z = '▁\x10'\nprint('▁', a)\n", "a)\n"),
    ],
)
def test_the_first_use_of_a_name(after, first_use):
    (text, use), *others = spans(f"# first\nimport a\n{after}")
    assert (text, use, others) == ("\nimport a", first_use[:5], [])


def test_the_earliest_name_of_a_statement_counts():
    assert spans("x = 1\nfrom m import a, b, c\nx = 2\nb.x(a)\n") == [("\nfrom m import a, b, c", "b.x(a")]


@pytest.mark.parametrize(
    "line",
    ["import a as a", "from b import a as a", "import a  # noqa", "import a  # noqa: F401",
     "import a  # pylint: disable=unused-import"],
)  # fmt: skip
def test_what_is_imported_for_others_has_none_unless_it_is_used_here_too(line):
    assert spans(f"# first\n{line}\nz = 1\n") == []
    assert spans(f"# first\n{line}\nz = 1\na.z\n") == [(f"\n{line}", "a.z\n")]


def test_in_a_package_what_is_not_used_is_its_exports():
    content = "# first\nimport a\nimport b\nz = 1\na.z\n"
    assert [text for text, _ in spans(content)] == ["\nimport a", "\nimport b"]
    assert [text for text, _ in spans(content, is_package=True)] == ["\nimport a"]


def test_a_statement_that_ends_the_file_without_a_newline():
    assert import_spans("x = 1\nimport a") == [ImportSpan(5, 14, 14)]


@pytest.mark.parametrize("content", ["def f(:\n", "x\nimport a\x00\n", "import a\nimport\n"])
def test_what_is_not_python_is_an_error(content):
    with pytest.raises(SyntaxError):
        import_spans(content)


def test_law_without_any_choice_of_spans_real_files_are_the_same_programs_less_these_statements():
    rng = random.Random(7)
    files = sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("[a-m]*/*.py"))[::4]
    num_spans = 0
    for path in files:
        try:
            content = path.read_bytes().decode()
            found = import_spans(content)
        except (UnicodeDecodeError, SyntaxError):
            continue
        data = prompt.escape(content).encode()
        assert found == sorted(found)
        assert all(a.end <= b.start for a, b in itertools.pairwise(found))
        chosen = [span for span in found if rng.random() < 0.5]
        num_spans += len(chosen)
        kept = data
        for span in reversed(chosen):
            assert kept[span.start : span.start + 1] == b"\n"
            assert span.end <= span.first_use <= len(data)
            kept = kept[: span.start] + kept[span.end :]
        # The trees: the statements that are gone are these imports, the others are there in their order.
        removed = {
            ast.dump(statement)
            for span in chosen
            for statement in ast.parse(prompt.unescape(data[span.start : span.end].decode())).body
        }
        before = [ast.dump(statement) for statement in symbols.parse(content).body]
        after = [ast.dump(statement) for statement in symbols.parse(prompt.unescape(kept.decode())).body]
        assert len(before) - len(after) == len(chosen)
        assert [statement for statement in before if statement not in removed] == [
            statement for statement in after if statement not in removed
        ]
    assert num_spans > 100
