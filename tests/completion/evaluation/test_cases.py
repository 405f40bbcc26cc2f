"""Cases and predictions on disk: what is written is read, and what is broken is named."""

import pytest

from completion.evaluation import cases
from completion.evaluation.cases import Case, CaseError, Prediction

CASE = Case("a/b/c.py:1:4", "line", "x = ", "1\u00e9", "\n", (("d.py", "y"),), "c.py", {"place": "inside"}, ("1", "2"))
PREDICTION = Prediction("a/b/c.py:1:4", "line", "engine", ("1", "2"), (-0.1, -2.0), 12.5)


def written(path, *records):
    with path.open("w", encoding="utf-8") as file:
        for record in records:
            cases.write_row(file, record)
    return path


def test_what_is_written_is_read(tmp_path):
    assert list(cases.read_cases(written(tmp_path / "c.jsonl", CASE, CASE))) == [CASE, CASE]
    assert list(cases.read_predictions(written(tmp_path / "p.jsonl", PREDICTION))) == [PREDICTION]
    assert CASE.request().prompt == "x = "


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"{", r"c.jsonl:2 is not JSON in UTF-8"),
        (b'"\xff"', r"c.jsonl:2 is not JSON in UTF-8"),
        (b"[]", r"c.jsonl:2 is not JSON in UTF-8: expected an object, got list"),
        (b'{"id": "x"}', r"c.jsonl:2 is no case: .*missing .* 'suite'"),
        (
            b'{"id": "x", "suite": "line", "prompt": "", "expected": "", "sufix": ""}',
            r"c.jsonl:2 is no case: .*'sufix'",
        ),
    ],
)
def test_a_broken_row_is_named_and_the_rest_is_kept(tmp_path, row, message):
    path = written(tmp_path / "c.jsonl", CASE)
    with path.open("ab") as file:
        file.write(row + b"\n")
    with path.open("a", encoding="utf-8") as file:
        cases.write_row(file, CASE)
    with pytest.raises(CaseError, match=message):
        list(cases.read_cases(path))
    bad: list[str] = []
    assert list(cases.read_cases(path, bad=bad)) == [CASE, CASE]
    assert len(bad) == 1


def test_the_last_answer_to_a_case_counts():
    later = Prediction("a/b/c.py:1:4", "line", "engine", error="timed out")
    assert cases.by_case([PREDICTION, later]) == {"a/b/c.py:1:4": later}
