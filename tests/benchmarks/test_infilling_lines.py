"""Gaps in single lines."""

import random

import pytest

from benchmarks import infilling_lines
from benchmarks.infilling_lines import Case
from preprocessing import contract

CONTENT = "import os\n\n\ndef first(value):\n    return value + 1   \n\n\nclass Second:\n    pass\n"


def files(count: int) -> list[contract.CodeFile]:
    return [contract.CodeFile.of(f"ann/tool{n % 3}", f"m{n}.py", f"# {n}\n{CONTENT}") for n in range(count)]


def test_the_parts_are_the_file_and_the_gap_lies_in_one_line():
    for seed in range(200):
        for kind in infilling_lines.KINDS:
            case = infilling_lines.cut(CONTENT, kind, random.Random(seed))
            assert case.prefix + case.middle + case.suffix == CONTENT
            assert "\n" not in case.middle
            assert case.suffix.lstrip(" ").startswith("\n")
            assert case.middle == case.middle.rstrip()
            assert case.middle


def test_a_whole_line_is_taken_behind_its_indentation():
    found = {infilling_lines.cut(CONTENT, "line", random.Random(seed)).middle for seed in range(50)}
    # Three lines at each end are left alone, and lines of less than 8 characters.
    assert found == {"def first(value):", "return value + 1"}


def test_the_rest_of_a_line_begins_at_any_character_inside_it():
    found = {infilling_lines.cut(CONTENT, "rest", random.Random(seed)).middle for seed in range(500)}
    line = "return value + 1"
    assert {text for text in found if line.endswith(text)} == {line[at:] for at in range(1, len(line) - 1)}


def test_a_file_without_a_line_to_take_gives_none():
    assert infilling_lines.cut("a\nb\nc\nd\ne\nf\ng\n", "line", random.Random(0)) is None
    short = [contract.CodeFile.of("a/b", "c.py", "x = 1\n")]
    assert infilling_lines.draw(short, count=3) == []


def test_draws_are_repeated_and_kinds_and_repositories_take_turns():
    cases = infilling_lines.draw(files(12), count=6)
    assert cases == infilling_lines.draw(files(12), count=6)
    assert cases != infilling_lines.draw(files(12), count=6, seed=1)
    assert [case.kind for case in cases] == ["rest", "line"] * 3
    assert [int(case.prefix.split()[1]) % 3 for case in cases] == [0, 1, 2, 0, 1, 2]
    assert len(infilling_lines.draw(files(12), count=100)) == 12


def test_scores_of_each_kind():
    cases = [Case("rest", "", "a + b", ""), Case("line", "", "return x", ""), Case("line", "", "pass", "")]
    found = infilling_lines.score(cases, ["a + b", "return y", "pass"])
    assert found["rest"] == {"exact_match": 100.0, "edit_similarity": 100.0, "cases": 1}
    assert found["line"] == {"exact_match": 50.0, "edit_similarity": 94.0, "cases": 2}
    assert found["all"]["exact_match"] == pytest.approx(200 / 3)


def test_each_case_has_one_answer():
    with pytest.raises(ValueError, match="shorter"):
        infilling_lines.score([Case("rest", "", "a", "")], [])
