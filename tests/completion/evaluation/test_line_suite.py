"""Cursors by hand, and the laws of what is drawn, checked with Python's own tokens and tree."""

import ast
import collections
import io
import pathlib
import random
import tokenize

import pytest

from completion.evaluation import line_suite
from completion.evaluation.line_suite import KINDS, PLACES
from completion.held_out_files import HeldOut

ROOT = pathlib.Path(__file__).parents[3]
TEXT = '''\
# Copyright 2020 ann
"""Sizes, by name."""
import os.path  # paths

__license__ = "MIT"


def sizes(folder: str, *, least: int = 0) -> dict[str, int]:
    """All sizes."""
    found = {}
    for name in sorted(os.listdir(folder), key=len):
        # Folders too.
        found[name] = os.path.getsize(
            os.path.join(folder, name),
        )
    return {a: "é b" for a in found if found[a] > least}
'''


@pytest.fixture(scope="module")
def files() -> list[HeldOut]:
    """Real files, with things in them that are hard: other newlines, tabs, characters of several bytes."""
    paths = sorted((ROOT / "completion").glob("*.py"))[:12]
    found = [
        HeldOut(f"ann/{i % 3}/src/{path.name}", f"src/{path.name}", path.read_text()) for i, path in enumerate(paths)
    ]
    text = TEXT.replace("\n", "\r\n").replace("    ", "\t").replace("found", "gefünden")
    return [*found, HeldOut("ann/0/hard.py", "hard.py", text), HeldOut("bob/1/a.py", "a.py", TEXT)]


def asked(text: str, kind: str) -> list[tuple[str, str]]:
    source = text.encode()
    return [(one.place, source[one.start : one.end].decode()) for one in line_suite.cursors(text) if one.kind == kind]


def test_every_place_of_a_file_by_hand():
    assert asked(
        '"""Doc."""\nx = f(a.b, "c")  \nlicence = 1\ny = 1  # one\nz = (\n    )\ndef f():\n    "F."\n', "line"
    ) == [
        ("line_start", 'x = f(a.b, "c")'),
        ("inside_line", '= f(a.b, "c")'),
        ("inside_line", 'f(a.b, "c")'),
        ("in_call", 'a.b, "c")'),
        ("after_dot", 'b, "c")'),
        ("in_call", '"c")'),
        ("line_start", "z = ("),
        ("line_start", "def f():"),
        ("inside_line", "f():"),
    ]


def test_blocks_by_hand():
    found = asked(TEXT, "block")
    loop = TEXT[TEXT.index("for name") : TEXT.index("\n    return {")]
    assert ("line_start", loop) in found
    assert ("in_call", loop[loop.index("os.listdir") :]) in found
    assert ("after_dot", loop[loop.index("listdir") :]) in found
    assert ("inside_line", loop[loop.index("os.path.getsize") :]) in found, "no comment in this line"
    assert ("in_call", "os.path.join(folder, name),\n        )") not in found, "it is the first of its line"
    assert ("line_start", "os.path.join(folder, name),\n        )") in found
    assert all("\n" in text for _, text in found)
    assert not any(text.endswith("# Folders too.") for _, text in found)


def test_a_block_ends_before_comments_and_is_not_too_long():
    assert asked("import a\nif a:\n    b = 1\n    # last\nc = 1\n", "block")[0] == ("line_start", "if a:\n    b = 1")
    lines = "".join(f"    b{i} = {i}\n" for i in range(19))
    assert len(asked(f"import a\nif a:\n{lines}", "block")) == 2, "before `if` and `a`"
    assert asked(f"import a\nif a:\n{lines}    c = 1\n", "block") == []


def test_what_is_drawn_is_what_stands_there(files):
    texts = {file.name: file.text for file in files}
    drawn = line_suite.draw(files, 60)
    assert len(drawn.cases) == len({case.id for case in drawn.cases}) == 13 * 4
    assert drawn.left_out == [("ann/0/src/__init__.py", "no_places")]
    for case in drawn.cases:
        name, line, column = case.id.rsplit(":", 2)
        assert texts[name].startswith(case.prompt + case.expected)
        assert texts[name].split("\n")[int(line) - 1].startswith(case.prompt.rpartition("\n")[2])
        assert int(column) == len(case.prompt.rpartition("\n")[2])
        assert case.prompt.count("\n") == int(line) - 1
        assert case.expected == case.expected.strip()
        assert case.one_line == ("\n" not in case.expected) == (case.slices["kind"] == "line")
        assert name == f"{case.slices['repository']}/{case.path}"
        assert case.suite == "line"


def test_the_place_is_what_pythons_own_tokens_say(files):
    """A place is where one of `tokenize`'s tokens begins, and its slice what the tokens before it say."""
    for file in files:
        found = list(tokenize.generate_tokens(io.StringIO(file.text).readline))
        spans = _calls(ast.parse(file.text), file.text)
        starts = {token.start: number for number, token in enumerate(found)}
        for case in line_suite.draw([file], 100, most_of_a_file=100).cases:
            row, column = (int(part) for part in case.id.rsplit(":", 2)[1:])
            number = starts[row, column]
            token, before = found[number], found[number - 1]
            assert token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)
            assert not any(one.type == tokenize.COMMENT and one.start[0] == row for one in found)
            if token.line[:column].strip() == "":
                place = "line_start"
            elif before.string == "." and token.type == tokenize.NAME:
                place = "after_dot"
            else:
                byte = len(token.line.split("\n")[0][:column].encode())
                in_call = any(start <= (row, byte) < end for start, end in spans)
                place = "in_call" if in_call else "inside_line"
            assert case.slices["place"] == place, case.id


def _calls(tree: ast.Module, text: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Between the brackets of each call: line from 1 and byte from 0, of the first in them and of the last bracket."""
    lines, spans = text.split("\n"), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            row, byte = node.func.end_lineno, node.func.end_col_offset
            while lines[row - 1].encode()[byte : byte + 1] != b"(":
                byte += 1
                if byte >= len(lines[row - 1].encode()):
                    row, byte = row + 1, 0
            spans.append(((row, byte + 1), (node.end_lineno, node.end_col_offset - 1)))
    return spans


def test_blocks_end_where_pythons_own_statements_do(files):
    for file in files:
        ends = collections.defaultdict(set)
        for node in ast.walk(ast.parse(file.text)):
            if isinstance(node, ast.stmt):
                ends[node.end_lineno].add(node.end_col_offset)
        for case in line_suite.draw([file], 100, most_of_a_file=100).cases:
            if case.slices["kind"] == "block":
                upto = case.prompt + case.expected
                assert len(upto.rpartition("\n")[2].encode()) in ends[upto.count("\n") + 1], case.id


def test_the_same_seed_draws_the_same_cases(files):
    first = line_suite.draw(files, 30)
    mixed = random.Random(5).sample(files, len(files))
    assert line_suite.draw(mixed, 30) == first
    assert line_suite.draw(files, 30, seed=1).cases != first.cases
    assert line_suite.draw(files, 10).cases == first.cases[:10], "fewer are the beginning of more"


def test_what_is_drawn_of_a_file_is_independent_of_the_others(files):
    alone = {case.id for case in line_suite.draw(files[3:4], 100, most_of_a_file=100).cases}
    among = {case.id for case in line_suite.draw(files, 1000, most_of_a_file=100).cases}
    assert alone
    assert alone <= among


def test_places_and_kinds_are_balanced(files):
    drawn = line_suite.draw(files, 32).cases
    counts = collections.Counter((case.slices["place"], case.slices["kind"]) for case in drawn)
    assert counts == {(place, kind): 4 for place in PLACES for kind in KINDS}
    of_file = collections.Counter(case.id.rsplit(":", 2)[0] for case in line_suite.draw(files, 1000).cases)
    assert max(of_file.values()) == 4
    lines = [case.id.rpartition(":")[0] for case in line_suite.draw(files, 1000, most_of_a_file=8).cases]
    assert len(set(lines)) == len(lines)


def test_what_there_is_little_of_is_drawn_first():
    """Only one file of ten has a dot, and only one case is drawn of each."""
    texts = ["a = 1\nb = 2\n"] * 9 + ["a = 1\nb = a.c\n"]
    files = [HeldOut(f"{number}.py", f"{number}.py", text) for number, text in enumerate(texts)]
    for seed in range(20):
        drawn = line_suite.draw(files, 10, seed=seed, most_of_a_file=1).cases
        assert [case.slices["place"] for case in drawn].count("after_dot") == 1
        assert len({case.path for case in drawn}) == 10


@pytest.mark.parametrize(
    ("text", "known"),
    [("a = 1\nb = a\n", "some new"), ("a = b = 1\nb = a\n", "all known"), ("a = 1\nb.c()\n", "some new")],
)
def test_whether_identifiers_are_known(text, known):
    (case,) = [
        line_suite._case(HeldOut("x.py", "x.py", text), one, "line")
        for one in line_suite.cursors(text)
        if one.kind == "line" and (one.line, one.place) == (1, "line_start")
    ]
    assert case.slices["identifiers"] == known
    assert case.slices["repository"] == "x.py", "it says nothing of its repository"


def test_lengths():
    found = [line_suite.length("x" * number) for number in (1, 5, 6, 15, 16, 40, 41)]
    assert found == ["1 to 5", "1 to 5", "6 to 15", "6 to 15", "16 to 40", "16 to 40", "more"]


def test_files_without_cases_are_named():
    files = [
        HeldOut("b.py", "b.py", "def f(:\n    x = = 1\n"),
        HeldOut("a.py", "a.py", "# x = 1\n"),
        HeldOut("c", "c", ""),
    ]
    drawn = line_suite.draw(files, 5)
    assert drawn.cases == []
    assert drawn.left_out == [("a.py", "no_places"), ("b.py", "syntax"), ("c", "no_places")]
    with pytest.raises(ValueError, match=r"two files are called b\.py: their cases could not be told apart"):
        line_suite.draw([files[0], files[0]], 5)


def test_lines_of_data_are_no_cases():
    assert asked(f"x = 1\ny = [{'1, ' * 100}]\nz = [\n{'    1,2,3,4,5,6,7,8,' * 30}\n]\n", "line")[-1] == (
        "line_start",
        "z = [",
    )
