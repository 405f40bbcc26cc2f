"""Confidence against accuracy, by hand."""

import json
import math

import pytest

from completion.evaluation import calibration, scores
from completion.evaluation.calibration import Bin
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.scores import Measure


def case(number: int, **more) -> Case:
    return Case(str(number), "line", "x = ", "y", **more)


def prediction(number: int, *texts: str, scores: tuple[float, ...] = (), **more) -> Prediction:
    return Prediction(str(number), "line", "model", texts, scores, **more)


def figures(cases, *predictions, measure=scores.LINES):
    return calibration.figures(cases, {one.case: one for one in predictions}, measure)


def test_the_example_of_the_docstring():
    found = calibration.binned([0.9, 0.9, 0.1], [True, False, False])
    assert found.expected_error == pytest.approx(0.3)
    assert found.bins[0] == Bin(0.0, 0.1, 1, 0.1, 0.0)
    assert found.bins[8] == Bin(0.8, 0.9, 2, 0.9, 0.5)
    assert found.bins[4] == Bin(0.4, 0.5, 0, None, None)


@pytest.mark.parametrize(
    ("confidence", "number"),
    [(0.0, 0), (0.05, 0), (0.1, 0), (0.100001, 1), (0.3, 2), (0.7, 6), (0.9999, 9), (1.0, 9)],
)
def test_a_bin_has_its_upper_bound(confidence, number):
    found = calibration.binned([confidence], [True])
    assert [one.cases for one in found.bins] == [int(place == number) for place in range(10)]
    assert found.expected_error == pytest.approx(1 - confidence)


def test_who_is_right_as_often_as_it_says_has_no_error():
    found = calibration.binned([0.25] * 4 + [1.0] * 3, [True, False, False, False, True, True, True])
    assert found.expected_error == 0.0
    assert [(one.confidence, one.accuracy) for one in found.bins if one.cases] == [(0.25, 0.25), (1.0, 1.0)]


def test_the_confidence_of_a_text_is_its_probability():
    assert calibration.confidence(case(1), prediction(1, "y", scores=(math.log(0.4),))) == pytest.approx(0.4)
    assert calibration.confidence(case(1), prediction(1, "y", scores=(1e-6,))) == 1.0


def test_the_confidence_of_a_candidate_is_its_share():
    chosen = case(1, candidates=("a", "b"))
    # Log-likelihoods at a cursor may be far below what a float can be e to the power of.
    for shift in (0.0, -2000.0):
        found = prediction(1, "a", "b", scores=(math.log(3) + shift, shift))
        assert calibration.confidence(chosen, found) == pytest.approx(0.75)


def test_figures_are_of_the_first_answers_that_there_are():
    found = figures(
        [case(number) for number in range(6)],
        prediction(0, "y", "z", scores=(math.log(0.8), math.log(0.1))),
        prediction(1, "y\nmore", scores=(math.log(0.75),)),  # cut where its line ends
        prediction(2, "z", "y", scores=(math.log(0.7), math.log(0.2))),
        prediction(3, error="no answer"),
        prediction(4),
    )
    assert found["bins"][7] == {
        "low": 0.7,
        "high": 0.8,
        "cases": 2,
        "confidence": pytest.approx(0.775),
        "accuracy": 1.0,
    }
    assert found["bins"][6] == {"low": 0.6, "high": 0.7, "cases": 1, "confidence": pytest.approx(0.7), "accuracy": 0.0}
    assert sum(one["cases"] for one in found["bins"]) == 3
    assert found["expected_error"] == pytest.approx((2 * 0.225 + 0.7) / 3)
    json.dumps(found)


def test_counts_are_no_log_probabilities():
    cases = [case(1), case(2)]
    assert figures(cases, prediction(1, "y", scores=(3.0,)), prediction(2, "y", scores=(0.0,))) is None
    assert figures(cases, prediction(1, "y", scores=(0.0,)), prediction(2, "y", scores=(0.0,))) is None
    assert figures(cases, prediction(1, "y"), prediction(2, "y")) is None
    assert figures(cases) is None
    assert figures(cases, prediction(1, "y", scores=(-0.5,)), prediction(2, "y", scores=(0.0,))) is not None


def test_what_says_which_answers_are_right():
    found = [case(1)], prediction(1, "y", scores=(math.log(0.5),))
    for names, right in ((("exact_match", "top_1"), 1.0), (("exact_match", "pass@1"), 0.0), (("pass@1",), None)):
        values = {"exact_match": 0.0, "top_1": 100.0, "pass@1": 100.0}
        measure = Measure(
            dict.fromkeys(names, ""), lambda *_, names=names, values=values: tuple(map(values.get, names))
        )
        made = figures(*found, measure=measure)
        assert (made and made["bins"][4]["accuracy"]) == right


@pytest.mark.parametrize(
    ("confidences", "right", "message"),
    [
        ([], [], "0 confidences and 0 answers: one of each, one or more"),
        ([0.5], [], "1 confidences and 0 answers"),
        ([0.5, 1.5], [True, True], "a confidence is a probability, 0 to 1, got 1.5"),
        ([math.nan], [True], "got nan"),
    ],
)
def test_wrong_use_is_named(confidences, right, message):
    with pytest.raises(ValueError, match=message):
        calibration.binned(confidences, right)
