"""Runs: every case is asked once, whatever happens in between, and answers to other questions are not taken."""

import dataclasses
import threading

import pytest

from completion.evaluation import cases as cases_lib
from completion.evaluation import runs
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.runs import RunError

CASES = [Case(f"a.py:{number}:0", "line", f"x{number} = ", "1") for number in range(6)]


class Counting:
    """Answers, and counts how often it is asked; stops at a case, if told to."""

    name = "counting"

    def __init__(self, stop_at: int | None = None):
        self.asked, self._stop_at = [], stop_at

    def answer(self, case):
        if len(self.asked) == self._stop_at:
            raise KeyboardInterrupt
        self.asked.append(case.id)
        return Prediction(case.id, case.suite, self.name, ("1",))


def test_an_interrupted_run_goes_on(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    first = Counting(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        runs.answer(tmp_path, CASES, first)
    _, [partial], _ = runs.read(tmp_path)
    assert (len(partial.predictions), partial.complete) == (3, False)
    second, told = Counting(), []
    found = runs.answer(tmp_path, CASES, second, say=lambda done, of: told.append((done, of)))
    assert first.asked + second.asked == [case.id for case in CASES]
    assert told == [(4, 6), (5, 6), (6, 6)]
    assert found.complete
    cases, [whole], bad = runs.read(tmp_path)
    assert (cases, whole.complete, len(whole.predictions), bad) == (CASES, True, 6, [])
    third = Counting()
    runs.answer(tmp_path, CASES, third, about={})
    assert third.asked == []


class InPairs(Counting):
    """Answers when two cases are asked at a time, the first of them last."""

    def __init__(self, stop_at: int | None = None):
        super().__init__(stop_at)
        self._both, self._second = threading.Barrier(2, timeout=10), threading.Event()

    def answer(self, case):
        found = super().answer(case)
        self._both.wait()
        if CASES.index(case) % 2:
            self._second.set()
        else:
            assert self._second.wait(10)
            self._second.clear()
        return dataclasses.replace(found, milliseconds=500.0)


def test_several_cases_at_a_time_are_kept_in_their_order(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    found = runs.answer(tmp_path, CASES, InPairs(), at_once=2)
    assert list(found.predictions) == [case.id for case in CASES]
    rows = cases_lib.read_predictions(tmp_path / "answers" / "counting.jsonl", bad=[])
    assert [row.case for row in rows] == list(found.predictions)
    assert found.seconds == pytest.approx(6 * 0.5 / 2)
    _, [kept], _ = runs.read(tmp_path)
    assert kept.seconds == found.seconds


def test_of_several_cases_at_a_time_an_interrupt_asks_no_further(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    first = Counting(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        runs.answer(tmp_path, CASES, first, at_once=2)
    _, [partial], _ = runs.read(tmp_path)
    assert (len(partial.predictions), partial.complete) == (3, False)
    assert runs.answer(tmp_path, CASES, Counting(), at_once=2).complete


def test_what_is_said_of_a_provider_may_be_anything_that_json_can_hold(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    for _ in range(2):
        runs.answer(tmp_path, CASES, Counting(), about={"stop": ("a", "b"), "none": None})


def test_a_row_that_a_kill_cut_off_is_asked_again(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    runs.answer(tmp_path, CASES, Counting())
    path = tmp_path / "answers" / "counting.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again = Counting()
    assert runs.answer(tmp_path, CASES, again).complete
    assert again.asked == [CASES[-1].id]
    assert len(path.read_text().splitlines()) == 6


def test_answers_of_another_run_are_refused(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    runs.answer(tmp_path, CASES, Counting(), about={"step": 100})
    with pytest.raises(RunError, match=r"counting.jsonl has answers of another run: its about are others"):
        runs.answer(tmp_path, CASES, Counting(), about={"step": 200})
    with pytest.raises(RunError, match="its cases are others"):
        runs.answer(tmp_path, CASES[:3], Counting(), about={"step": 100})
    with pytest.raises(RunError, match=r"cases.jsonl has other cases than are asked now"):
        runs.keep_cases(tmp_path, CASES[:3])
    with pytest.raises(ValueError, match="no cases for"):
        runs.keep_cases(tmp_path / "none", [])


def test_broken_rows_are_named_and_the_rest_is_read(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    runs.answer(tmp_path, CASES, Counting())
    with (tmp_path / "answers" / "counting.jsonl").open("a") as file:
        file.write('{"case": 1}\n')
    _, [found], bad = runs.read(tmp_path)
    assert len(found.predictions) == 6
    [told] = bad
    assert told.startswith(f"{tmp_path}/answers/counting.jsonl:7 is no prediction: Prediction.__init__() missing 2")


class Halves:
    """Answers with half a character, as a server can."""

    name = "halves"

    def answer(self, case: Case) -> Prediction:
        return Prediction(case.id, case.suite, self.name, ("a\ud800b",))


def test_half_a_character_is_kept(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    runs.answer(tmp_path, CASES, Halves())
    _, [found], bad = runs.read(tmp_path)
    assert bad == []
    assert {one.texts for one in found.predictions.values()} == {("a\ud800b",)}


class Flaky:
    """Fails at first, as a server that is not there yet."""

    name = "flaky"

    def __init__(self, failures: int):
        self.failures = failures

    def answer(self, case: Case) -> Prediction:
        self.failures -= 1
        error = "no answer: Connection refused" if self.failures >= 0 else None
        return Prediction(case.id, case.suite, self.name, error=error)


def test_what_failed_is_asked_again(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    first = runs.answer(tmp_path, CASES, Flaky(4))
    assert sum(one.error is not None for one in first.predictions.values()) == 4
    second = runs.answer(tmp_path, CASES, Flaky(0))
    assert all(one.error is None for one in second.predictions.values())
    _, [found], _ = runs.read(tmp_path)
    assert all(one.error is None for one in found.predictions.values())


def test_who_fails_again_and_again_is_asked_no_further(tmp_path):
    many = [Case(str(number), "line", "x", "y") for number in range(30)]
    runs.keep_cases(tmp_path, many)
    with pytest.raises(RunError, match="flaky was not asked further: 10 answers in a row failed, the last"):
        runs.answer(tmp_path, many, Flaky(100))
    _, [found], _ = runs.read(tmp_path)
    assert (len(found.predictions), found.complete) == (10, False)


def test_two_do_not_answer_into_one_file(tmp_path):
    runs.keep_cases(tmp_path, CASES)

    class Second:
        name = "counting"

        def answer(self, case: Case) -> Prediction:
            with pytest.raises(RunError, match="another process is writing"):
                runs.answer(tmp_path, CASES, Counting())
            return Prediction(case.id, case.suite, self.name)

    assert runs.answer(tmp_path, CASES, Second()).complete


def test_a_damaged_record_is_named(tmp_path):
    runs.keep_cases(tmp_path, CASES)
    runs.answer(tmp_path, CASES, Counting())
    (tmp_path / "answers" / "counting.json").write_text("{")
    with pytest.raises(RunError, match=r"counting.json is damaged: .* Delete it and the answers beside it"):
        runs.answer(tmp_path, CASES, Counting())


def test_predictions_of_another_run_are_named(tmp_path):
    others = [Case(f"other {number}", "line", "x", "y") for number in range(3)]
    runs.keep_cases(tmp_path / "other", others)
    runs.answer(tmp_path / "other", others, Counting())
    runs.keep_cases(tmp_path, CASES)
    runs.answer(tmp_path, CASES, Counting())
    (tmp_path / "other" / "answers" / "counting.jsonl").replace(tmp_path / "answers" / "counting.jsonl")
    _, [found], bad = runs.read(tmp_path)
    assert (found.predictions, found.complete) == ({}, False)
    assert bad == [
        f"{tmp_path}/answers/counting.jsonl: none of its 3 rows is of one of the 6 cases, but of another run"
    ]
