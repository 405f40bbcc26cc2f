"""CodeXGLUE's rows by hand, its published samples and rows, and what is written for its leaderboard."""

import json
import pathlib

import pytest

from completion.evaluation import cases, code_x_glue, scores
from completion.evaluation.baselines.copying import CopyFromFile
from completion.evaluation.cases import CaseError, Prediction
from completion.evaluation.code_x_glue import MEASURE

FOLDER = pathlib.Path(__file__).parents[3].parent / "shared" / "data" / "codexglue"
needs_files = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"CodeXGLUE's files are not in {FOLDER}")

BEGUN = {"input": "<s> import os <EOL> class A ( B ) : <EOL> def f ( self ) : <EOL> return", "gt": "os . sep"}
WHOLE = {
    "id": 71,
    "input": "<s> def f ( a ) : <EOL> x = g ( a , '<STR_LIT>' ) <EOL>",
    "gt": "y = g ( x , <NUM_LIT> )",
}
NAMED = {"input": "<s> x = [ <EOL> setup ( name", "gt": "= '<STR_LIT:name>' ,"}


def written(path: pathlib.Path, *rows: object) -> pathlib.Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture
def three(tmp_path) -> list[cases.Case]:
    return code_x_glue.read(written(tmp_path / "dev.jsonl", BEGUN, WHOLE, NAMED))


def answered(case: cases.Case, *texts: str, **more) -> Prediction:
    return Prediction(case.id, case.suite, "test", texts, **more)


def test_rows_become_cases_in_source(three):
    assert [(case.id, case.prompt, case.expected) for case in three] == [
        ("py150:1", "import os\nclass A(B):\n    def f(self):\n        return", " os.sep"),
        ("py150:2", "def f(a):\n    x = g(a, '')\n", "y = g(x, 0)"),
        ("py150:3", "x = [\n    setup(name", "='name',"),
    ]
    assert {case.suite for case in three} == {"codexglue"}
    assert all(case.one_line and case.suffix is None for case in three)
    assert [case.slices for case in three] == [{"length": "6 to 15"}, {"length": "6 to 15"}, {"length": "6 to 15"}]
    assert not code_x_glue.is_blind(three)


def test_an_answer_that_changes_the_blanks_before_it_is_set_off(tmp_path):
    """As "f(1.real)" it would be another number, and so the whole line has blanks between all of its tokens."""
    row = {"input": "<s> f ( <NUM_LIT:1>", "gt": ". real )"}
    [case] = code_x_glue.read(written(tmp_path / "dev.jsonl", row))
    assert (case.prompt, case.expected) == ("f(1", " .real)")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"{", r"dev\.jsonl:2 is no row of CodeXGLUE's line completion: "),
        (b'{"input": "\xff", "gt": "x"}', r"dev\.jsonl:2 is no row .*: 'utf-8' codec"),
        ([], r"dev\.jsonl:2 is no row .*: expected an object, got list"),
        ({"gt": "x"}, r'dev\.jsonl:2 is no row .*: "input" missing, or no text'),
        ({"input": " ", "gt": "x"}, r'dev\.jsonl:2 is no row .*: "input" missing, or no text'),
        ({"input": "<s> x", "gt": 1}, r'dev\.jsonl:2 is no row .*: "gt" is the rest of the line, or "", got 1'),
        ({"input": "<s> x", "gt": None}, r"dev\.jsonl:2 is no row .*, got None"),
        ({"input": "<s> x", "gt": ""}, r'dev\.jsonl:2 has no answer \("gt"\), but other rows have'),
        ({"input": "<s> x", "gt": "= a <EOL> b"}, r"dev\.jsonl:2 .* its answer is lost in source: '= a <EOL> b' is "),
        ({"input": "<s> x", "gt": "= ' a"}, None),
    ],
)
def test_a_broken_row_is_named_and_the_rest_is_kept(tmp_path, row, message):
    path = written(tmp_path / "dev.jsonl", BEGUN, row, b"", WHOLE)
    if message is None:
        assert len(code_x_glue.read(path)) == 3, "half a string is no Python, but the same after both ways"
        return
    with pytest.raises(CaseError, match=message):
        code_x_glue.read(path)
    bad: list[str] = []
    assert [case.id for case in code_x_glue.read(path, bad=bad)] == ["py150:1", "py150:4"]
    assert len(bad) == 1


def test_rows_without_answers_are_answered_and_not_scored(tmp_path):
    blind = code_x_glue.read(written(tmp_path / "test.json", {**BEGUN, "gt": ""}, {"input": WHOLE["input"]}))
    assert code_x_glue.is_blind(blind)
    assert [(case.expected, case.slices) for case in blind] == [("", {}), ("", {})]
    with pytest.raises(ValueError, match=r"py150:1 has no answer: .* not public\. Write the predictions"):
        MEASURE.of(blind[0], answered(blind[0], "x"))
    code_x_glue.write_predictions(tmp_path / "p.txt", blind, {blind[1].id: answered(blind[1], "y = 'a b'")})
    assert (tmp_path / "p.txt").read_text() == "\ny = '<STR_LIT>'\n"


@pytest.mark.parametrize(
    ("number", "text", "figures"),
    [
        (0, " os.sep", (100.0, 100.0)),
        (0, "os . sep  # of paths\nreturn", (100.0, 100.0)),
        # Of the 8 and 9 characters of "os . sep" and "os . path" 6 are common: 2 * 6 / 17.
        (0, " os.path", (0.0, 71.0)),
        (0, "", (0.0, 0.0)),
        (0, "\n    os.sep", (0.0, 0.0)),
        (1, "    y = g(x, 17)", (100.0, 100.0)),
        # A number whose value is kept is none whose value is not; but 0 is, as the evaluator has it.
        (1, "y = g(x, 2)", (0.0, 93.0)),
        (1, "y=g(x,0)", (100.0, 100.0)),
        (2, " = 'name' ,", (100.0, 100.0)),
        (2, "='Ann',", (0.0, 75.0)),
        (2, '="name",', (0.0, 80.0)),
    ],
)
def test_figures_by_hand(three, number, text, figures):
    case = three[number]
    assert MEASURE.of(case, answered(case, text)) == figures


def test_no_answer_has_no_figures(three):
    assert MEASURE.names == ("exact_match", "edit_similarity")
    assert MEASURE.of(three[0], None) == (0.0, 0.0)
    assert MEASURE.of(three[0], answered(three[0])) == (0.0, 0.0)
    assert MEASURE.of(three[0], answered(three[0], " os.sep", error="it broke")) == (0.0, 0.0)


def test_a_provider_answers_in_source_and_is_scored(tmp_path):
    """The baseline that copies, on a line that was there before."""
    row = {"input": "<s> x = g ( a , '<STR_LIT>' ) <EOL> x =", "gt": "g ( a , '<STR_LIT>' )"}
    [case] = code_x_glue.read(written(tmp_path / "dev.jsonl", row))
    prediction = CopyFromFile().answer(case)
    assert prediction.texts == (" g(a, '')",) == (case.expected,)
    assert MEASURE.of(case, prediction) == (100.0, 100.0)
    summary = scores.summary([case], [prediction], measure=MEASURE)
    assert summary.total.figures["exact_match"].mean == 100.0


def test_predictions_keep_the_lines_of_their_rows(tmp_path, three):
    path = tmp_path / "predictions.txt"
    found = {
        three[0].id: answered(three[0], " os.sep\nx", "y"),
        three[2].id: answered(three[2], "='\ud800',"),
        "py150:9": Prediction("py150:9", "codexglue", "test", ("z",)),
    }
    code_x_glue.write_predictions(path, three, found)
    assert path.read_bytes() == b"os . sep\n\n= '<STR_LIT>' ,\n"
    code_x_glue.write_predictions(path, three[2:], found)
    assert path.read_bytes() == b"\n\n= '<STR_LIT>' ,\n", "rows that are none of the cases' have empty lines"
    code_x_glue.write_predictions(path, three, {})
    assert path.read_bytes() == b"\n\n\n"
    assert [one.name for one in tmp_path.iterdir() if "predictions" in one.name] == ["predictions.txt"]
    with pytest.raises(ValueError, match="none of 1 predictions is of one of the 3 cases: they are of another run"):
        code_x_glue.write_predictions(path, three, {"py150:9": found["py150:9"]})
    with pytest.raises(ValueError, match="x is no case of the suite codexglue"):
        code_x_glue.write_predictions(path, [cases.Case("x", "line", "", "")], found)


def test_half_a_character_is_written_as_its_escape(tmp_path, three):
    code_x_glue.write_predictions(tmp_path / "p.txt", three[:1], {three[0].id: answered(three[0], "\ud800 x")})
    assert (tmp_path / "p.txt").read_bytes() == b"\\ud800 x\n"


@needs_files
def test_codexglues_sample_files_give_its_published_scores():
    """EM 0.0 and edit similarity 43.8; their language is Java, so that they are scored as they are."""
    answers = [json.loads(row)["gt"] for row in (FOLDER / "evaluator_answers.json").read_text().splitlines()]
    predictions = (FOLDER / "evaluator_predictions.txt").read_text().splitlines()
    figures = [code_x_glue.evaluated(*pair) for pair in zip(answers, predictions, strict=True)]
    assert sum(exact for exact, _ in figures) == 0.0
    assert round(sum(similar for _, similar in figures) / len(figures), 1) == 43.8


@needs_files
def test_what_the_authors_wrote_is_right_in_every_published_row():
    bad: list[str] = []
    path = FOLDER / "py150_line_dev_300.jsonl"
    found = code_x_glue.read(path, bad=bad)
    assert (len(found), bad) == (300, [])
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    for case, row in zip(found, rows, strict=True):
        right = answered(case, case.expected)
        assert code_x_glue.evaluated(row["gt"], code_x_glue.predicted(right)) == (100.0, 100.0), row["gt"]
        assert MEASURE.of(case, right) == (100.0, 100.0)
        assert case.prompt.endswith("\n") == row["input"].endswith("<EOL>")
        assert "repository" not in case.slices
