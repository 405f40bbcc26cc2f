import pytest

from completion.evaluation.baselines.copying import CopyFromFile
from completion.evaluation.cases import Case

TEXT = "a = f(1)\nb = f(2)\na = f(3)\nfor x in y:\n    a = f(3)\n    return a\n"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a = ", ("f(3)", "f(1)")),  # twice, once
        ("    a = f(", ("3)", "1)")),
        ("b", (" = f(2)",)),
        ("zzz", ()),
        ("", ("return a",)),  # behind the nearest of the lines that are like the last one
    ],
)
def test_a_line_goes_on_as_one_before(typed, expected):
    prompt = TEXT + ("        a = f(3)\n" if not typed else "") + typed
    assert CopyFromFile().answer(Case("x", "line", prompt, "")).texts == expected


def test_a_file_without_lines_gives_nothing():
    assert CopyFromFile().answer(Case("x", "line", "", "")).texts == ()
    assert CopyFromFile().answer(Case("x", "line", "a\n", "")).texts == ()


def test_candidates_are_ranked_by_how_often_the_file_has_them():
    case = Case(
        "x",
        "symbols",
        "np.zeros(3)\nnp.zeros(4)\nnp.array_of(1)\nnp.ones\nnp.",
        "",
        candidates=("array", "ones", "zeros"),
    )
    found = CopyFromFile().answer(case)
    assert found.texts == ("zeros", "ones", "array")
    assert found.scores == (2.0, 1.0, 0.0)
