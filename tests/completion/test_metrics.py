import json
import pathlib

import pytest

from completion import metrics

SAMPLES = pathlib.Path(__file__).parents[2].parent / "shared" / "data" / "codexglue"


@pytest.mark.parametrize(
    "target, prediction, expected",
    [("x = 1", "x = 1", True), ("x  =\t1 ", "x = 1", True), ("x = 1", "x = 2", False), ("x=1", "x = 1", False)],
)
def test_exact_match_compares_tokens_between_white_space(target, prediction, expected):
    assert metrics.exact_match(target, prediction) is expected


@pytest.mark.parametrize(
    "target, prediction, expected",
    [("return x", "return x", 100), ("return x", "return y", 88), ("abc", "xyz", 0), ("", "", 100), ("a", "", 0)],
)
def test_edit_similarity(target, prediction, expected):
    assert metrics.edit_similarity(target, prediction) == expected


def test_restore_literals_keeps_everything_else():
    assert metrics.restore_literals('f ( <NUM_LIT:3> , "<STR_LIT:a b>" , <NUM_LIT> )') == 'f ( 3 , "a b" , 0 )'
    assert metrics.restore_literals("a < b > c") == "a < b > c"


def test_line_completion_is_the_mean_in_percent():
    assert metrics.line_completion(["a b", "c"], ["a b", "d"]) == {"exact_match": 50.0, "edit_similarity": 50.0}


def test_line_completion_refuses_what_cannot_be_scored():
    with pytest.raises(ValueError, match="2 targets and 1 predictions"):
        metrics.line_completion(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="no lines to score"):
        metrics.line_completion([], [])


@pytest.mark.skipif(not SAMPLES.exists(), reason=f"CodeXGLUE's sample files are not at {SAMPLES}")
def test_codexglue_sample_files_give_its_published_scores():
    rows = (SAMPLES / "evaluator_answers.json").read_text().splitlines()
    answers = [metrics.restore_literals(json.loads(row)["gt"]) for row in rows]
    predictions = (SAMPLES / "evaluator_predictions.txt").read_text().splitlines()
    scores = metrics.line_completion(answers, [metrics.restore_literals(line) for line in predictions])
    assert scores["exact_match"] == 0.0
    assert round(scores["edit_similarity"], 1) == 43.8
