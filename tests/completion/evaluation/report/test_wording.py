"""Numbers and comparisons as sentences."""

import pytest

from completion.evaluation.report import wording


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (14.13, 1, "14.1"),
        (6.25, 1, "6.3"),
        (0.15, 1, "0.1"),  # which is 0.1499999...
        (-6.25, 1, "−6.3"),
        (-0.04, 1, "0.0"),
        (100.0, 1, "100.0"),
        (0.6965, 3, "0.697"),
        (2.5, 0, "3"),
        (7, 1, "7.0"),
        (None, 1, "–"),
    ],
)
def test_number(value, digits, expected):
    assert wording.number(value, digits) == expected


def suite(mean, low, high, better, worse):
    difference = {"mean": mean, "low": low, "high": high}
    figures = {"exact_match": {"difference": difference, "better": better, "worse": worse}}
    return {
        "measures": [{"key": "exact_match", "label": "exact match", "about": ""}, {"key": "absent", "label": "absent"}],
        "comparisons": [{"first": "model", "second": "n-gram", "figures": figures}],
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            (4.1, 2.0, 6.3, 0.99, 0.01),
            "4.1 points above n-gram in exact match (2.0 to 6.3), better in 99 % of resamples",
        ),
        ((-4.1, -6.3, -2.0, 0.0, 1.0), "4.1 points below n-gram in exact match (2.0 to 6.3), worse in all resamples"),
        (
            (1.0, -0.5, 2.5, 0.996, 0.004),
            "1.0 points above n-gram in exact match (0.5 below to 2.5 above), better in more than 99 % of resamples",
        ),
        ((0.0, 0.0, 0.0, 0.0, 0.0), "level with n-gram in exact match (0.0 to 0.0), better in no resamples"),
        (
            (4.1, None, None, None, None),
            "4.1 points above n-gram in exact match (no interval: fewer than two groups of cases)",
        ),
    ],
)
def test_a_comparison_in_words(found, expected):
    assert wording.compared(suite(*found)) == [[f"model is {expected}"]]


def test_a_small_share_is_not_none():
    assert wording.compared(suite(0.1, -1.0, 1.0, 0.004, 0.0))[0][0].endswith("better in less than 1 % of resamples")


def test_what_is_missing_is_told_with_its_reason():
    provider = {
        "name": "copy",
        "complete": False,
        "total": {"cases": 1000, "errors": 40},
        "failed": [{"reason": "timed out", "cases": 1, "example": "a.py:1:2"}],
    }
    results = {
        "about": {"partial": ["HumanEval: no sandbox"]},
        "suites": [{"name": "line", "title": "Lines", "bad_rows": ["x.jsonl:3 is no case"], "providers": [provider]}],
    }
    assert [(one["text"], one["suite"], one["example"]) for one in wording.missing(results)] == [
        ("HumanEval: no sandbox", None, None),
        ("Lines: 1 broken row left out, such as x.jsonl:3 is no case", None, None),
        (
            "Lines, copy: partial; 40 of 1,000 cases without an answer count as wrong; the same command goes on",
            None,
            None,
        ),
        ("Lines, copy: 1 case failed: timed out", "line", "a.py:1:2"),
    ]
