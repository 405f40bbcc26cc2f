"""Brackets by hand, and against Python's own tokens on real files."""

import io
import pathlib
import tokenize

import pytest

from completion import brackets

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (")", [0]),
        ("a, b) + (c, d)", [1, 4]),
        ("(3, 4), dtype=float)", [6, 19]),
        ("f(')'), \"),\", '''),\n''')", [6, 12, 23]),
        ("a,  # ) b,\n b)", [1, 13]),
        (r"'\'),', 1)", [6, 9]),
        ("'not closed, )\n, 2)", [15, 18]),
        ("a, [b, {c: (d, e)}", [1]),
        ("a, b], c)", [1]),
        ("", []),
        ("'''never, closed)", []),
    ],
)
def test_where_arguments_end(text, places):
    assert list(brackets.borders(text)) == places
    closed = bool(places) and text[places[-1]] == ")"
    assert brackets.closing(text) == (places[-1] if closed else None)


def test_what_stands_before_the_start_is_passed_over():
    assert brackets.closing("f(a)(b) + 1", 5) == 6


@pytest.mark.parametrize(
    ("text", "closers"),
    [
        ("", ""),
        ("x = f(a, [1, {'(': ", "}])"),
        ("f(a)[b", "]"),
        ("f(a)]) + (", ")"),
        ("x = 'a'", ""),
        ("x = 'a\n", ""),
        ("x = '''a\n", None),
        ("x = 'a", None),
        ("x = '", None),
        ("f(  # a", None),
        ("f(  # a\n", ")"),
        ("'''a'''", ""),
    ],
)
def test_what_is_left_open(text, closers):
    assert brackets.left_open(text) == closers


def test_every_bracket_of_real_files_is_closed_where_pythons_tokens_say():
    for path in sorted((ROOT / "completion").glob("*.py")):
        text = path.read_text()
        starts = [0]
        for line in text.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        opened, pairs = [], {}
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            place = starts[token.start[0] - 1] + token.start[1]
            if token.type == tokenize.OP and token.string in "([{":
                opened.append((place, token.string))
            elif token.type == tokenize.OP and token.string in ")]}":
                start, bracket = opened.pop()
                if bracket == "(":
                    pairs[start] = place
        assert pairs or path.name == "__init__.py"
        assert {start: brackets.closing(text, start + 1) for start in pairs} == pairs, path
        assert brackets.left_open(text) == ""
