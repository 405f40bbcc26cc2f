"""Kinds of tokens behind a cursor, and which of them are taken for each other."""

import json

import pytest

from completion.evaluation import confusions
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.confusions import KINDS, Confused, Piece, aligned, pieces


def found_in(prompt: str, text: str) -> list[tuple[str, str]]:
    return [tuple(one) for one in pieces(prompt, text)]


def asked(prompt: str, expected: str, *answers: str | None, **more) -> tuple[list[Case], dict[str, Prediction]]:
    """The same case so many times, each with an answer; None for an error."""
    cases = [Case(str(number), "line", prompt, expected, **more) for number in range(len(answers))]
    return cases, {
        case.id: Prediction(case.id, "line", "model", *([()] if text is None else [(text,)]), error=error)
        for case, text in zip(cases, answers, strict=True)
        for error in (["no answer"] if text is None else [None])
    }


def counted(matrix: list[list[int]]) -> dict[tuple[str, str], int]:
    return {
        (KINDS[row], KINDS[column]): count
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if count
    }


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("return", "keyword"),
        ("None", "keyword"),
        ("await", "keyword"),
        ("π", "name"),
        ("print", "name"),
        ("match", "name"),
        ("0x1F", "number"),
        ("1.5e3", "number"),
        ("f'{a + 1!r} b'", "string"),
        ("'''a\n  b'''", "string"),
        ("'not closed + 1", "string"),
        ("...", "operator"),
        ("[", "operator"),
        ("$", "operator"),
        ("# all of it", "comment"),
    ],
)
def test_kinds(text, kind):
    assert found_in("x = 1\n", text)[0] == (text, kind)


@pytest.mark.parametrize(
    ("prompt", "text", "expected"),
    [
        ("if y:\n    ", "x = 1\n", [("x", "name"), ("=", "operator"), ("1", "number")]),
        ("x", ".a(b)", [(".", "operator"), ("a", "attribute"), ("(", "operator"), ("b", "name"), (")", "operator")]),
        ("x.", "a", [("a", "attribute")]),
        ("import os.", "path as p", [("path", "attribute"), ("as", "keyword"), ("p", "name")]),
        ("x = a ", "not in b", [("not", "keyword"), ("in", "keyword"), ("b", "name")]),
        ("match x:\n    ", "case _:", [("case", "keyword"), ("_", "keyword"), (":", "operator")]),
        # Of a token that was begun, the rest.
        ("x = π", "é + 1", [("é", "name"), ("+", "operator"), ("1", "number")]),
        ("x = 'ab", " def y' + z", [(" def y'", "string"), ("+", "operator"), ("z", "name")]),
        ("x = 'ab", " def y", [(" def y", "string")]),
        ("f('a", " b, c)\nd", [(" b, c)", "string"), ("", "indentation"), ("d", "name")]),
        ("x = '''ab", "\n c", [("\n c", "string")]),
        # Lines that the text begins.
        ("def f(x):", "\n    return x\n", [("    ", "indentation"), ("return", "keyword"), ("x", "name")]),
        ("f(a,", "\n\n  b)", [("  ", "indentation"), ("b", "name"), (")", "operator")]),
        ("a = b", "\r\nc", [("", "indentation"), ("c", "name")]),
        ("a = b + \\", "\n  c", [("  ", "indentation"), ("c", "name")]),
        ("if x:\n  ", "  y", [("  ", "indentation"), ("y", "name")]),
        ("x = ", "  y", [("y", "name")]),
        ("x = y", "\n\n", []),
        ("", "", []),
    ],
)
def test_pieces_behind_a_cursor(prompt, text, expected):
    assert found_in(prompt, text) == expected


def test_aligned_up_to_the_first_difference():
    name, other, dot = Piece("a", "name"), Piece("b", "number"), Piece(".", "operator")
    nothing = Piece("", "nothing")
    assert aligned([name, dot, name], [name, other, name]) == [(name, name), (dot, other)]
    assert aligned([name], [name, dot, dot]) == [(name, name), (nothing, dot)]
    assert aligned([name, dot], []) == [(name, nothing)]
    assert aligned([name, dot], [name, dot]) == [(name, name), (dot, dot)]
    assert aligned([], []) == []
    # The same text is no confusion, whatever the trees say; an empty line is not nothing.
    assert aligned([name], [Piece("a", "attribute")]) == [(name, name)]
    assert aligned([Piece("", "indentation")], []) == [(Piece("", "indentation"), nothing)]


def test_the_example_of_the_matrix():
    found = confusions.matrix(*asked("x", ".append(1)", ".append(y)"))
    assert counted(found) == {("operator", "operator"): 2, ("attribute", "attribute"): 1, ("number", "name"): 1}


def test_cases_are_added_up_and_errors_left_out():
    cases, predictions = asked("self.", "name = 1", "name = 1", "path = 2", "name", "", None)
    del predictions["4"]
    cases.append(Case("not asked", "line", "", "x"))
    assert counted(confusions.matrix(cases, predictions)) == {
        ("attribute", "attribute"): 3,  # right, wrong, right
        ("operator", "operator"): 1,
        ("number", "number"): 1,
        ("operator", "nothing"): 1,
        ("attribute", "nothing"): 1,
    }


def test_an_answer_ends_where_its_case_does():
    cases, predictions = asked("x = ", "y", "y\nz = 1", "y + z")
    assert counted(confusions.matrix(cases, predictions)) == {("name", "name"): 2, ("nothing", "operator"): 1}
    cases, predictions = asked("if x:", "\n    y()", "\n  y()\nz()", one_line=False, slices={"kind": "block"})
    assert counted(confusions.matrix(cases, predictions)) == {("indentation", "indentation"): 1}


def test_identifiers_that_are_the_first_difference():
    expected = "name + other"
    cases, predictions = asked("self.", expected, *["path + x"] * 2, "name + x", "name + 1", "_path", expected, "1", "")
    assert confusions.confused_identifiers(cases, predictions) == [
        Confused("name", "path", 2),
        Confused("name", "_path", 1),
        Confused("other", "x", 1),
    ]
    assert confusions.confused_identifiers(cases, predictions, most=1) == [Confused("name", "path", 2)]


def test_figures_are_those_of_results():
    found = confusions.figures(*asked("self.", "name", "path"))
    assert found == {
        "kinds": list(KINDS),
        "matrix": confusions.matrix(*asked("self.", "name", "path")),
        "identifiers": [{"expected": "name", "predicted": "path", "cases": 1}],
    }
    assert json.loads(json.dumps(found)) == found
