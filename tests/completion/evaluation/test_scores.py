"""Scores by hand, and the laws of summaries: one denominator, and nothing is dropped."""

import dataclasses

import pytest

from completion.evaluation import scores
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.scores import LINES, Score

LINE = Case("a/b/c.py:1:6", "line", "print(", "name)")
BLOCK = Case("a/b/c.py:1:13", "line", "for a in b:", "\n    c(a)", slices={"kind": "block"}, one_line=False)
ANY = Case("HumanEval/0", "human_eval", "def f():\n", "    return 1\n", one_line=False)


def predicted(case: Case, *texts: str, provider: str = "engine", **more) -> Prediction:
    return Prediction(case.id, case.suite, provider, texts, **more)


def cases(number: int, **slices) -> list[Case]:
    return [
        dataclasses.replace(LINE, id=f"{i}", slices={k: v[i % len(v)] for k, v in slices.items()})
        for i in range(number)
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("name)",), Score(True, 100, 1, 1.0)),
        (("name)  \r\nprint(x)",), Score(True, 100, 1, 1.0)),
        (("name):", "name)"), Score(False, 91, 2, 1.0)),
        (("nam", "x", "name) "), Score(False, 75, 3, 0.6)),
        (("name )",), Score(False, 91, None, 0.8)),
        ((" name)",), Score(True, 91, None, 0.0)),
        (("x", "x  ", "x\ny", "name)"), Score(False, 0, 2, 0.0)),
        ((), Score(False, 0, None, 0.0)),
        (("",), Score(False, 0, None, 0.0)),
    ],
)
def test_scores_of_a_line(texts, expected):
    assert scores.score(LINE, predicted(LINE, *texts)) == expected


@pytest.mark.parametrize(
    ("texts", "rank"),
    [
        (("\n    c(a)",), 1),
        (("\n    c(a)\nd()\n",), 1),
        (("  \n    c(a)\n\n\n",), 1),
        (("\r\n    c(a)\r\n",), 1),
        (("\n    c(a)\n    d(a)\n",), None),
        (("\n    c(",), None),
        (("",), None),
    ],
)
def test_a_block_ends_with_its_statement(texts, rank):
    assert scores.score(BLOCK, predicted(BLOCK, *texts)).rank == rank


def test_where_answers_end():
    assert scores.ending(LINE, "x = 1\ny = 2") == "x = 1"
    assert scores.ending(BLOCK, "\n    c(a)\nd()") == "\n    c(a)"
    assert scores.ending(BLOCK, "\n    c(a)  # é\n# d\nd()") == "\n    c(a)"
    assert scores.ending(BLOCK, "\n    c(") == "\n    c(", "what has no end is left as it is"
    assert scores.ending(ANY, "    return 1\nx\n") == "    return 1\nx\n"


def test_figures_have_the_order_of_their_names():
    found = dict(zip(LINES.names, Score(True, 91, 3, 0.25).figures(), strict=True))
    expected = {"exact_match": 100, "edit_similarity": 91, "top_1": 0, "top_3": 100, "top_5": 100, "matched_ratio": 25}
    assert found == expected


def test_what_is_missing_scores_0_and_is_named():
    asked = cases(4)
    answers = [predicted(asked[0], "name)"), predicted(asked[1], error="timed out"), predicted(asked[2])]
    found = scores.summary(asked, answers)
    assert found.failed == {"1": "timed out", "3": "no prediction"}
    assert (found.provider, found.total.cases, found.total.errors, found.unknown) == ("engine", 4, 2, ())
    assert {name: figure.mean for name, figure in found.total.figures.items()} == dict.fromkeys(LINES.names, 25.0)
    nothing = scores.summary(asked, [])
    assert (nothing.provider, nothing.total.errors, nothing.total.figures["top_1"].mean) == ("", 4, 0.0)


def test_a_case_that_was_asked_again_counts_once():
    asked = cases(2)
    answers = [predicted(asked[0], error="timed out"), predicted(asked[1], "x"), predicted(asked[0], "name)")]
    found = scores.summary(asked, answers)
    assert (found.total.cases, found.total.errors, found.total.figures["top_1"].mean) == (2, 0, 50.0)


def test_slices_share_the_cases_among_them():
    asked = cases(
        12, length=["more", "6 to 15", "16 to 40", "1 to 5"], place=["in_call", "after_dot"], repository=["a/b", "c/d"]
    )
    found = scores.summary(
        asked, [predicted(case, "name)" if case.slices["place"] == "in_call" else "x") for case in asked]
    )
    assert list(found.slices) == ["length", "place"], "a repository says what is drawn together, and is no slice"
    assert list(found.slices["length"]) == ["1 to 5", "6 to 15", "16 to 40", "more"]
    assert [part.cases for part in found.slices["length"].values()] == [3, 3, 3, 3]
    tops = {value: part.figures["top_1"] for value, part in found.slices["place"].items()}
    assert {value: (one.mean, one.low, one.high) for value, one in tops.items()} == {
        "after_dot": (0.0, None, None),
        "in_call": (100.0, None, None),
    }, "all of one place are of one repository here, which says nothing of others"
    for parts in found.slices.values():
        mean = sum(part.cases * part.figures["top_1"].mean for part in parts.values()) / 12
        assert mean == pytest.approx(found.total.figures["top_1"].mean)


def test_cases_of_a_repository_are_drawn_together():
    alone, together = cases(40), cases(40, repository=["a/b", "c/d"])
    assert len(set(scores.groups(alone))) == 40
    assert set(scores.groups(together)) == {"a/b", "c/d"}
    answers = [predicted(case, "name)" if int(case.id) % 2 else "x") for case in alone]
    figures = [scores.summary(asked, answers).total.figures["top_1"] for asked in (alone, together)]
    assert figures[0].mean == figures[1].mean == 50.0
    assert (figures[1].low, figures[1].high) == (0.0, 100.0)
    assert 30.0 < figures[0].low < figures[0].high < 70.0


def test_two_providers_on_the_same_cases():
    asked = cases(10)
    good = [predicted(case, "name)") for case in asked]
    bad = [predicted(case, "name", provider="ngram") for case in asked[:5]]
    found = scores.compared(asked, good, bad)
    assert list(found) == list(LINES.names)
    assert (found["top_1"].difference.mean, found["top_1"].better, found["top_1"].worse) == (100.0, 1.0, 0.0)
    assert found["matched_ratio"].difference.mean == pytest.approx(60.0), "what is missing is 0 here too"
    same = scores.compared(asked, bad, bad)["edit_similarity"].difference
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)


def test_two_providers_are_compared_by_repository():
    """One is better in the one repository, the other in the other: of two repositories nothing follows."""
    asked = cases(40, repository=["a/b", "c/d"])
    first = [predicted(case, "name)" if int(case.id) % 2 else "x") for case in asked]
    second = [predicted(case, "x" if int(case.id) % 2 else "name)", provider="ngram") for case in asked]
    found = scores.compared(asked, first, second)["top_1"].difference
    assert (found.mean, found.low, found.high) == (0.0, -100.0, 100.0)


def test_a_summary_is_the_same_again():
    asked = cases(20, place=["in_call", "after_dot"])
    answers = [predicted(case, "nam", "name)") for case in asked[3:]]
    assert scores.summary(asked, answers) == scores.summary(asked, list(reversed(answers)))


def test_answers_of_other_cases_are_named():
    asked = cases(2)
    found = scores.summary(asked, [predicted(asked[0], "x"), predicted(LINE, "name)")])
    assert found.unknown == (LINE.id,)
    assert found.total.figures["top_1"].mean == 0.0


@pytest.mark.parametrize(
    ("asked", "answers", "message"),
    [
        ([], [], "no cases to score"),
        ([LINE, LINE], [], "1 ids are of two cases or more, such as a/b/c.py:1:6"),
        (
            [LINE, ANY],
            [predicted(LINE), predicted(ANY, provider="ngram")],
            "predictions of engine, ngram: score each provider by itself",
        ),
        (
            [LINE],
            [predicted(ANY)],
            "none of 1 predictions is of one of the 1 cases: they are of another run. Expected ids such as "
            "a/b/c.py:1:6, got HumanEval/0",
        ),
    ],
)
def test_wrong_use_is_named(asked, answers, message):
    with pytest.raises(ValueError, match=message):
        scores.summary(asked, answers)


def test_a_figure_that_is_the_same_everywhere_is_not_certain():
    """Clopper and Pearson: of 200 zeros the interval ends at 100 (1 - 0.025 ** (1 / 200))."""
    asked = cases(200)
    nothing, right = ([predicted(case, text) for case in asked] for text in ("x", "name)"))
    zero = scores.summary(asked, nothing).total.figures["top_1"]
    assert (zero.mean, zero.low, zero.high) == (0.0, 0.0, pytest.approx(1.8276, abs=1e-4))
    all_ = scores.summary(asked, right).total.figures["top_1"]
    assert (all_.mean, all_.low, all_.high) == (100.0, pytest.approx(98.1724, abs=1e-4), 100.0)


def test_an_empty_answer_is_no_suggestion():
    assert scores.score(LINE, Prediction(LINE.id, LINE.suite, "engine", ("", "  ", "name)"))).rank == 1
