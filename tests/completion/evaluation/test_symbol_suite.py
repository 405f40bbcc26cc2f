"""Symbols: places that the syntax tree finds, cut so that the answer does not leak, and figures of ranks."""

import collections

import pytest

from completion.evaluation import scores, symbol_suite
from completion.evaluation.cases import Prediction
from completion.held_out_files import HeldOut

TEXT = """import os
import numpy as np
from collections import abc


def f(x, np2):
    é = "ü"; y = np.array(x) + np.pi
    with open(os.path.join("a", f"{os.sep}")) as file:
        return np2.array, file.read(), np.never_seen
"""
TRAIN = {
    "numpy": collections.Counter(array=5, zeros=9, pi=1),
    "os": collections.Counter(path=7, sep=7, environ=8),
    "os.path": collections.Counter(join=3),
}
FILE = HeldOut("me/it/a.py", "a.py", TEXT)


def made(text=TEXT, *, most=100, seed=0):
    return symbol_suite.cases([HeldOut("me/it/a.py", "a.py", text)], TRAIN, most_per_module=most, seed=seed)


def test_places_are_resolved_and_cut_behind_the_dot():
    cases, dropped = made()
    found = [
        (case.slices["symbol"], case.expected, case.slices["kind"])
        for case in sorted(cases, key=lambda c: len(c.prompt))
    ]
    assert ("numpy", "array", "call") in found
    assert ("numpy", "pi", "value") in found
    assert ("os.path", "join", "call") in found
    assert ("numpy", "never_seen", "value") in found
    assert "np2" not in {symbol for symbol, _, _ in found}
    for case in cases:
        assert TEXT.startswith(case.prompt + case.expected)
        assert case.prompt.endswith(".")
    assert dropped.not_python == 0
    assert len(cases) + dropped.moved == 6


def test_cases_of_a_repository_are_drawn_together():
    assert {case.slices["repository"] for case in made()[0]} == {"me/it"}
    assert HeldOut("a.py", "a.py", "").repository == "a.py", "it says nothing of its repository"


def test_candidates_say_nothing_of_how_often_they_are_used():
    cases, _ = made()
    of_numpy = next(case for case in cases if case.slices["symbol"] == "numpy")
    assert of_numpy.candidates == ("array", "pi", "zeros")


def test_what_cannot_be_used_is_counted():
    assert made("def f(:\n")[1].not_python == 1
    cases, dropped = made("import re\nre.compile('x')\n")
    assert (cases, dropped.not_in_train) == ([], 1)


def test_the_same_seed_draws_the_same_and_no_more_than_asked_for():
    text = "import os\n" + "os.sep\n" * 50
    first, again, other = (made(text, most=7, seed=seed)[0] for seed in (1, 1, 2))
    assert len(first) == 7
    assert first == again != other


def test_lines_are_counted_as_the_tree_counts_them():
    for end in ("\n", "\r\n", "\r"):
        text = f"import os{end}x = '\x0c'{end}\x0c{end}y = os.sep{end}"
        [case] = made(text)[0]
        assert (case.prompt, case.expected) == (text[: text.index("sep")], "sep")


def test_baselines_rank_by_use_and_by_name():
    cases, _ = made()
    of_os = next(case for case in cases if case.slices["symbol"] == "os")
    assert symbol_suite.Popularity(TRAIN).answer(of_os).texts == ("environ", "path", "sep")
    assert symbol_suite.Alphabetical().answer(of_os).texts == ("environ", "path", "sep")
    of_numpy = next(case for case in cases if case.slices["symbol"] == "numpy")
    assert symbol_suite.Popularity(TRAIN).answer(of_numpy).texts == ("zeros", "array", "pi")


def test_every_provider_has_the_same_denominator():
    cases, _ = made()
    ours = [case for case in cases if case.slices["symbol"] == "numpy"]
    assert [case.expected for case in ours] == ["array", "pi", "never_seen"]
    popularity = symbol_suite.Popularity(TRAIN)
    answered = {case.id: popularity.answer(case) for case in ours}
    figures = symbol_suite.by_symbol(ours, answered)["numpy"]
    two_thirds = pytest.approx(200 / 3)
    assert figures == {"cases": 3, "top_1": 0.0, "top_3": two_thirds, "top_5": two_thirds, "top_10": two_thirds}
    assert symbol_suite.by_symbol(ours, {})["numpy"]["cases"] == 3
    failed = {ours[0].id: Prediction(ours[0].id, "symbols", "x", error="timed out")}
    assert symbol_suite.by_symbol(ours, failed)["numpy"]["top_10"] == 0.0


@pytest.mark.parametrize(
    ("place", "figures"),
    [
        (1, (100, 100, 100, 100)),
        (2, (0, 100, 100, 100)),
        (5, (0, 0, 100, 100)),
        (10, (0, 0, 0, 100)),
        (11, (0, 0, 0, 0)),
    ],
)
def test_figures_of_a_place(place, figures):
    case = made()[0][0]
    texts = [f"other{i}" for i in range(12)]
    texts[place - 1] = case.expected
    assert symbol_suite.MEASURE.of(case, Prediction(case.id, case.suite, "x", tuple(texts))) == figures
    assert symbol_suite.MEASURE.of(case, None) == (0, 0, 0, 0)


def test_figures_have_one_denominator_by_slice_too():
    cases, _ = made()
    found = scores.summary(cases, [], measure=symbol_suite.MEASURE)
    assert (found.total.cases, found.total.errors) == (len(cases), len(cases))
    assert found.slices.keys() == {"symbol", "kind", "seen"}
    assert {figure.mean for figure in found.total.figures.values()} == {0.0}
    assert list(found.total.figures) == ["top_1", "top_3", "top_5", "top_10"]


def test_popularity_takes_over_where_it_is_better_on_enough_cases():
    def figures(cases, top_1):
        return {"cases": cases, "top_1": top_1}

    model = {"a": figures(10, 0.4), "b": figures(10, 0.5), "c": figures(9, 0.0)}
    popularity = {"a": figures(10, 0.5), "b": figures(10, 0.5), "c": figures(9, 1.0)}
    assert symbol_suite.fallback(model, popularity) == ["a"]
