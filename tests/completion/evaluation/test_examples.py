"""What the curated examples promise, and that un-curated ones are those of line completion."""

import ast
import collections
import pathlib
import runpy

import pytest

from completion.evaluation import examples, scores
from completion.evaluation.cases import Case, Prediction
from completion.held_out_files import HeldOut
from preprocessing import prompt

ROOT = pathlib.Path(__file__).parents[3]
CURATED = examples.curated()


@pytest.fixture(params=CURATED, ids=lambda case: case.id)
def case(request) -> Case:
    return request.param


def test_there_are_enough_of_each_topic():
    topics = collections.Counter(case.slices["topic"] for case in CURATED)
    assert sum(topics.values()) >= 44
    assert list(topics.keys() - examples.TOPICS.keys()) == [], "every topic is documented"
    assert list(examples.TOPICS.keys() - topics.keys()) == [], "and has an example"
    assert all(examples.TOPICS.values())
    assert 5 <= sum(case.suffix is not None for case in CURATED) <= len(CURATED) / 3


def test_no_two_are_the_same():
    for what in ("id", "path", "prompt", "about"):
        assert len({getattr(case, what) for case in CURATED}) == len(CURATED), what


def test_the_whole_file_is_python(case):
    ast.parse(case.prompt + case.expected + (case.suffix or ""))


def test_an_example_is_what_it_says(case):
    assert case.suite == examples.SUITE
    assert case.about.endswith(".")
    assert len(case.about) > 20
    line = case.prompt.rpartition("\n")[2]
    assert case.id == f"examples/{case.path}:{case.prompt.count(chr(10)) + 1}:{len(line)}"
    assert case.expected.strip()
    assert case.expected == case.expected.rstrip()
    assert case.one_line == ("\n" not in case.expected) == (case.slices["kind"] == "line")
    assert set(case.slices) == {"topic", "kind"}
    assert prompt.unescape(prompt.escape(case.prompt)) == case.prompt
    assert len(case.prompt.splitlines()) <= 40, "small enough to be looked at"


def test_what_is_expected_scores_100(case):
    """Blocks among them end where their statement does, whatever a provider writes behind it."""
    more = "" if case.suffix else "\nprint(0)\n"
    found = scores.score(case, Prediction(case.id, case.suite, "author", (case.expected + more,)))
    assert found.figures() == (100.0,) * len(scores.LINES.names)


def test_the_answer_is_not_given_away(case):
    """What is asked for, with its line up to the cursor, does not stand above it."""
    above, _, line = case.prompt.rpartition("\n")
    asked = (line + case.expected).strip()
    assert asked not in ([one.strip() for one in above.split("\n")] if case.one_line else above)


@pytest.mark.parametrize(
    ("path", "expression", "expected"),
    [
        ("lists/chunks.py", "chunks([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]),
        ("lists/palindrome.py", "is_palindrome('Never odd or even')", True),
        ("lists/running.py", "list(running_totals([1, 2, 3]))", [1, 3, 6]),
        ("games/board.py", "[is_full([['x', cell]]) for cell in ' x']", [False, True]),
        ("matrices/transpose.py", "transposed([[1, 2], [3, 4]])", [[1, 3], [2, 4]]),
        ("versions/bump.py", "bumped('1.4.9')", "1.4.10"),
        ("text/truncated.py", "truncated('completion', 5)", "comp…"),
        ("tests/test_slug.py", "test_slug()", None),
        ("school/ranking.py", "students", [("Ann", 88), ("Bob", 71), ("Zoe", 71)]),
        ("graphs/search.py", "shortest_path({'a': {'b'}, 'b': {'c'}}, 'a', 'c')", ["a", "b", "c"]),
        ("shop/basket.py", "total(prices({'tea': 2}, {'tea': Decimal('1.5')}))", 3),
        ("logs/parse.py", "list(errors(['2024-01-02 ERROR no room\\n']))", [("2024-01-02", "no room")]),
    ],
)
def test_what_their_docstrings_say_is_so(path, expression, expected, tmp_path):
    (case,) = [case for case in CURATED if case.path == path]
    file = tmp_path / "example.py"
    file.write_text(case.prompt + case.expected + (case.suffix or ""), encoding="utf-8")
    assert eval(expression, runpy.run_path(str(file))) == expected


def test_the_file_is_installed_with_the_package():
    assert '"completion.evaluation": ["*.jsonl"]' in (ROOT / "setup.py").read_text(encoding="utf-8")


def test_drawn_examples_are_cases_of_line_completion():
    paths = sorted((ROOT / "completion").glob("*.py"))[:6]
    files = [HeldOut(f"ann/x/{path.name}", path.name, path.read_text(encoding="utf-8")) for path in paths]
    found = examples.drawn(files, 3, 0)
    assert len({case.path for case in found.cases}) == 3
    assert {case.suite for case in found.cases} == {"examples"}
    assert found == examples.drawn(reversed(files), 3, 0) != examples.drawn(files, 3, 1)
    assert len(examples.drawn(files, 100, 0).cases) == 6 - len(found.left_out)
    texts = {file.path: file.text for file in files}
    assert all(texts[case.path].startswith(case.prompt + case.expected) for case in found.cases)
