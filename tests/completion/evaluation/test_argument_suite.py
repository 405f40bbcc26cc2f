"""Arguments of calls: places that the syntax tree finds, what is measured, and what the baselines answer."""

import dataclasses
import math

import pytest

from completion.evaluation import argument_suite, call_arguments, scores, symbol_suite
from completion.evaluation.cases import Case, Prediction
from completion.held_out_files import HeldOut

TEXT = (
    """import os
import numpy as np
from collections import Counter as C, abc


def f(x, np2):
    é = "ü"; y = np.zeros((3, 4), dtype=float)
    with open(os.path.join("a", ")", f"{x}", *y)) as file:
        return np2.zeros(1), file.read(), C(), np.zeros (
            x,  # of (
            **y
        )


@np.vectorize
def g(x):
    return os.environ["a"], (np.ones)(3), np.array(["""
    + "1, " * 90
    + """]), np.zeros("é").any(1)
"""
)
FILE = HeldOut("ann/web/src/a.py", "src/a.py", TEXT)


def made(text=TEXT, *, most=100, seed=0, train=None):
    return argument_suite.cases([dataclasses.replace(FILE, text=text)], most_per_symbol=most, seed=seed, train=train)


def answered(case: Case, *texts: str, **more) -> Prediction:
    return Prediction(case.id, case.suite, "x", texts, **more)


def test_places_are_resolved_and_cut_behind_the_bracket():
    cases, dropped = made()
    by_place = sorted(cases, key=lambda case: len(case.prompt))
    assert [(case.about, case.expected) for case in by_place] == [
        ("numpy.zeros", "(3, 4), dtype=float"),
        ("os.path.join", '"a", ")", f"{x}", *y'),
        ("collections.Counter", ""),
        ("numpy.zeros", "\n            x,  # of (\n            **y\n        "),
        ("numpy.zeros", '"é"'),
    ]
    for case in cases:
        assert TEXT.startswith(f"{case.prompt}{case.expected})")
        assert case.prompt.endswith("(")
        assert not case.one_line
        name, line, column = case.id.rsplit(":", 2)
        assert name == FILE.name
        assert TEXT.split("\n")[int(line) - 1][: int(column)] == case.prompt.rpartition("\n")[2]
    assert dropped == argument_suite.Dropped(moved=1, too_long=1), "(np.ones)(3) and np.array"


def test_slices():
    cases = sorted(made()[0], key=lambda case: len(case.prompt))
    found = [tuple(case.slices[name] for name in ("symbol", "kind", "arguments", "keywords")) for case in cases]
    assert found == [
        ("numpy", "one line", "2", "with keywords"),
        ("os.path", "one line", "3 or more", "without keywords"),
        ("collections", "one line", "0", "without keywords"),
        ("numpy", "several lines", "2", "with keywords"),
        ("numpy", "one line", "1", "without keywords"),
    ]
    assert {case.slices["repository"] for case in cases} == {"ann/web"}


def test_what_cannot_be_used_is_counted():
    assert made("def f(:\n")[1].not_python == 1
    assert made("import os\nos.path\nos.x\n")[0] == []
    cases, dropped = made(train={"os.path": {}, "os": {}})
    assert ([case.about for case in cases], dropped.not_in_train) == (["os.path.join"], 4)


def test_the_same_seed_draws_the_same_and_no_more_than_asked_for():
    text = "import os\n" + "os.stat(1)\n" * 50
    one, again, other = (made(text, most=7, seed=seed)[0] for seed in (1, 1, 2))
    assert len(one) == len({case.id for case in one}) == 7
    assert one == again != other


CASE = Case("a:1:1", "arguments", "import numpy as np\nnp.zeros(", "(3, 4), dtype='f'", one_line=False)


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ('(3,4),dtype = "f" ) + 1\nx', (100, 100, 100)),
        ("(3, 4), dtype='f'", (0, 100, 0)),
        ("(3, 4), dtype=int)", (0, 100, 100)),
        ("3, dtype=int)", (0, 0, 100)),
        ("(3, 4))", (0, 100, 0)),
        ("(3, 4), 'f')", (0, 100, 0)),
        ("dtype='f')", (0, 0, 100)),
        (")", (0, 0, 0)),
        ("", (0, 0, 0)),
        ("(3, 4, 'f'", (0, 0, 0)),
    ],
)
def test_figures(text, figures):
    assert argument_suite.MEASURE.of(CASE, answered(CASE, text, CASE.expected + ")")) == figures


def test_a_call_without_arguments_is_closed_at_once():
    nothing = dataclasses.replace(CASE, expected="")
    answers = [answered(nothing, ")"), answered(nothing, "1)"), answered(nothing, ""), answered(nothing)]
    found = [argument_suite.MEASURE.of(nothing, one) for one in answers]
    assert [figures[:2] for figures in found] == [(100, 100), (0, 0), (0, 0), (0, 0)], "an empty answer goes on"
    assert all(math.isnan(figures[2]) for figures in found), "no keyword was asked for"


def test_what_has_no_answer_counts():
    assert argument_suite.MEASURE.of(CASE, None) == (0, 0, 0)
    assert argument_suite.MEASURE.of(CASE, answered(CASE, CASE.expected + ")", error="timed out")) == (0, 0, 0)


def test_every_case_is_answered_by_itself():
    cases, _ = made()
    found = [Prediction(case.id, case.suite, "author", (f"{case.expected})\nx = 1",)) for case in cases]
    total = scores.summary(cases, found, measure=argument_suite.MEASURE).total
    assert {name: figure.mean for name, figure in total.figures.items()} == {
        "all_arguments": 100.0, "first_argument": 100.0, "keyword_names": 100.0,
    }  # fmt: skip
    figures = symbol_suite.by_symbol(cases, {one.case: one for one in found[:1]}, argument_suite.MEASURE)
    assert {module: row["cases"] for module, row in figures.items()} == {"collections": 1, "numpy": 3, "os.path": 1}
    assert sum(row["cases"] * row["all_arguments"] for row in figures.values()) == pytest.approx(100)


def test_popularity_is_what_the_train_split_has_most():
    text = "import os\nos.mkdir(a,mode=511)\nos.mkdir(b)\nos.mkdir( b )\nos.mkdir('x')\nos.sep(1)\n"
    learned = argument_suite.learn([HeldOut("a", "a", text), HeldOut("b", "b", "no python")])
    assert learned == {"os.mkdir": {"a, mode=511": 1, "b": 2, "'x'": 1}, "os.sep": {"1": 1}}
    assert argument_suite.learn([HeldOut("a", "a", text)], {"os.sep"}) == {"os.sep": {"1": 1}}
    case = dataclasses.replace(CASE, about="os.mkdir")
    found = argument_suite.Popularity(learned).answer(case)
    assert (found.texts, found.scores) == (("b)", "'x')", "a, mode=511)"), (2.0, 1.0, 1.0))
    assert argument_suite.Popularity(learned).answer(CASE).texts == ()


def test_learnt_arguments_are_those_that_are_asked_for():
    cases, _ = made()
    popularity = argument_suite.Popularity(argument_suite.learn([FILE], {case.about for case in cases}))
    for case in cases:
        read = [call_arguments.read(text) for text in popularity.answer(case).texts]
        assert call_arguments.read(case.expected + ")") in read


def test_the_last_call_is_the_one_before_the_cursor():
    text = "np.f(1)\nnp.f(2)\na.np.f(3)\nnp.fg(4)\nnp.f(1)\nx = np.f(a, (5), '('"
    case = dataclasses.replace(CASE, prompt=text + ", np.f(")
    assert argument_suite.LastCall().answer(case).texts == ("1)", "2)"), "one that is not closed is passed over"
    many = dataclasses.replace(CASE, prompt="".join(f"f({i})\n" for i in range(20)) + "f (")
    assert argument_suite.LastCall().answer(many).texts == tuple(f"{i})" for i in range(19, 9, -1))
    assert argument_suite.LastCall().answer(dataclasses.replace(CASE, prompt="[](")).texts == ()


def test_names_of_keywords_are_asked_for_where_there_are_some():
    """Whoever never writes one is not right with the calls that have none."""
    cases, _ = made()
    none = [Prediction(case.id, case.suite, "nothing", (")",)) for case in cases]
    found = scores.summary(cases, none, measure=argument_suite.MEASURE)
    assert found.total.figures["keyword_names"].mean == 0.0
    parts = found.slices["keywords"]
    assert "keyword_names" not in parts["without keywords"].figures
    assert parts["with keywords"].figures["keyword_names"].mean == 0.0
    by_symbol = symbol_suite.by_symbol(cases, {one.case: one for one in none}, argument_suite.MEASURE)
    assert (by_symbol["os.path"]["keyword_names"], by_symbol["numpy"]["keyword_names"]) == (None, 0.0)
