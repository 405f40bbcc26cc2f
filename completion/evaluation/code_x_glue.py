"""CodeXGLUE's line completion of Python, in its own text form: rows in, predictions out, and its score.

S. Lu and others, CodeXGLUE, https://arxiv.org/abs/2102.04664, on the files of PY150 (V. Raychev and others,
Probabilistic Model for Code with Decision Trees, OOPSLA 2016). Rows, evaluator, and the leaderboard that takes
predictions for the test set, whose answers are not public, are at
https://github.com/microsoft/CodeXGLUE/tree/main/Code-Code/CodeCompletion-line (MIT licence).

A row has the beginning of a file and the rest of its last line, which may be all of that line, both as tokens between
blanks. What models are asked is source made of these, and what they answer is made tokens again before it is scored or
written: `py150_text` says how, and what is lost on the way. So figures are like published ones in how they are scored,
not in what is read: models of the leaderboard have learnt from tokens between blanks, and are asked in them.
"""

import json
import os
import pathlib
from collections.abc import Mapping, Sequence

from completion import metrics, whole_file
from completion.evaluation import line_suite, scores
from completion.evaluation.cases import Case, CaseError, Prediction
from completion.evaluation.py150_text import from_source, to_source

SUITE = "codexglue"


def read(path: str | os.PathLike, *, bad: list[str] | None = None) -> list[Case]:
    """The cases of a file of rows such as {"input": "<s> import os <EOL> x = os", "gt": ". sep"}.

    Rows of the test set have no answer, or an empty one. Their cases expect "": they can be answered and written, but
    not scored, see `is_blind`.

    Args:
      bad: is given what is wrong with each broken row, by its line number, and the others are read; None for an error.

    Returns:
      In the order of the rows. The third line's case is called "py150:3", whatever came of the first two. The slice
      `length` is that of `line_suite`, of the answer as source.

    Raises:
      CaseError: a row is broken, or its answer is one that source cannot say; it has none though others have.
    """
    found, wrong = [], []
    with pathlib.Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                if line.strip():
                    found.append((number, _case(number, line)))
            except ValueError as error:
                wrong.append((number, f"{path}:{number} is no row of CodeXGLUE's line completion: {error}"))
    if not is_blind([case for _, case in found]):
        without = [number for number, case in found if not case.expected]
        wrong += [(number, f'{path}:{number} has no answer ("gt"), but other rows have') for number in without]
    if wrong and bad is None:
        raise CaseError(min(wrong)[1])
    if bad is not None:
        bad += [message for _, message in sorted(wrong)]
    left_out = {number for number, _ in wrong}
    return [case for number, case in found if number not in left_out]


def is_blind(cases: Sequence[Case]) -> bool:
    """Whether none of the cases has an answer, as in the test set: predictions can be written, and not be scored."""
    return not any(case.expected for case in cases)


def _case(number: int, line: bytes) -> Case:
    row = json.loads(line.decode("utf-8"))
    if not isinstance(row, dict):
        raise ValueError(f"expected an object, got {type(row).__name__}")
    begun, answer = row.get("input"), row.get("gt", "")
    if not isinstance(begun, str) or not begun.split():
        raise ValueError('"input" missing, or no text')
    if not isinstance(answer, str):
        raise ValueError(f'"gt" is the rest of the line, or "", got {answer!r}')
    prompt = to_source(begun)
    if not answer.strip():
        return Case(f"py150:{number}", SUITE, prompt, "")
    expected = _rest(prompt, begun, answer)
    if metrics.restore_literals(from_source(expected)) != metrics.restore_literals(answer):
        raise ValueError(
            f"its answer is lost in source: {answer!r} is {expected!r}, and that {from_source(expected)!r}"
        )
    slices = {"length": line_suite.length(expected.strip())}
    return Case(f"py150:{number}", SUITE, prompt, expected, slices=slices)


def _rest(prompt: str, begun: str, answer: str) -> str:
    """An answer as source: with the blank that sets it off from what is begun, and without indentation."""
    line = to_source(f"{begun} {answer}").rpartition("\n")[2].lstrip()
    typed = prompt.rpartition("\n")[2].lstrip()
    # Where blanks stand between all tokens, they do not in what is begun.
    return line.removeprefix(typed) if line.startswith(typed) else " " + to_source(answer)


def predicted(prediction: Prediction | None) -> str:
    """The first answer in CodeXGLUE's form, one line of it; "" where there is none.

    Example: of "('a b', x=12)\\nreturn" it is "( '<STR_LIT>' , x = <NUM_LIT:12> )".
    """
    if prediction is None or prediction.error is not None or not prediction.texts:
        return ""
    return from_source(prediction.texts[0])


def evaluated(answer: str, prediction: str) -> tuple[float, float]:
    """Exact match and edit similarity of two lines in CodeXGLUE's form, each 0 to 100, as its evaluator.py has them.

    Example: `evaluated("x = <NUM_LIT:1>", "x = '<STR_LIT:a>'")` is `(0.0, 67.0)`: "x = 1" and "x = 'a'".
    """
    answer, prediction = (metrics.restore_literals(text) for text in (answer, prediction.strip()))
    return 100.0 * metrics.exact_match(answer, prediction), float(metrics.edit_similarity(answer, prediction))


def _figures(case: Case, prediction: Prediction | None) -> tuple[float, float]:
    if not case.expected:
        raise ValueError(
            f"{case.id} has no answer: the answers of CodeXGLUE's test set are not public. Write the predictions "
            "(write_predictions) and send them to its leaderboard, or score the dev set"
        )
    return evaluated(from_source(case.expected), predicted(prediction))


MEASURE = scores.Measure(
    {
        "exact_match": "the tokens are the same, CodeXGLUE's evaluator.py",
        "edit_similarity": "how alike the tokens are as text, 100 times the normalised indel similarity, CodeXGLUE's "
        "evaluator.py",
    },
    _figures,
)


def write_predictions(path: str | os.PathLike, cases: Sequence[Case], predictions: Mapping[str, Prediction]) -> None:
    """Writes what the leaderboard and the evaluator take: a line a row, in the order of the rows.

    Args:
      cases: of `read`, all of them or some. Rows between them that are none of theirs (broken ones) have an empty line,
        so that the others keep theirs.
      predictions: by the id of the case; one that is missing, or has an error, is an empty line.

    Raises:
      ValueError: a case is of another suite, or none of the predictions is of these cases.
    """
    if other := [case.id for case in cases if case.suite != SUITE]:
        raise ValueError(f"{other[0]} is no case of the suite {SUITE}")
    if predictions and not any(case.id in predictions for case in cases):
        raise ValueError(
            f"none of {len(predictions)} predictions is of one of the {len(cases)} cases: they are of another run"
        )
    lines = {int(case.id.partition(":")[2]): predicted(predictions.get(case.id)) for case in cases}
    with whole_file.writing(path) as file:
        file.writelines(lines.get(number, "") + "\n" for number in range(1, max(lines, default=0) + 1))
