"""How good the answers of a provider are: scores of each case, and figures with intervals over all and by slice.

One denominator for all providers: the cases. What a provider did not answer, or answered with an error, scores 0
everywhere and is named with its reason. What is measured is a suite's own affair, see `Measure`.

`LINES` is the measure of code that is written. Every answer is first cut where it ends by the case, as a suggestion in
an editor would be: at the end of its line, or of the statement that a block is (`statements.end`); what a provider
wrote beyond that does not count against it.

The figures, each 0 to 100:

exact_match      the tokens are the same, as CodeXGLUE has it: `metrics.exact_match` of the first answer
edit_similarity  `metrics.edit_similarity` of the first answer, CodeXGLUE's too
top_1            perfect lines: the text of the first answer is the same, but for blanks at the ends of lines
top_3, top_5     that of one of the first 3 or 5 answers is; a provider that gives one answer has one figure three times
matched_ratio    characters with which the first answer and what is expected begin alike, over those of what is
                 expected; perfect lines and matched ratio after A. Semenkin and others, Full Line Code Completion:
                 Bringing AI to Desktop, https://arxiv.org/abs/2405.08704
"""

import collections
import dataclasses
import os.path
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from completion import brackets, metrics
from completion.evaluation import cases as cases_lib
from completion.evaluation import intervals, statements
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.intervals import Comparison, Interval
from preprocessing import prompt

# The slice by which cases are drawn together for intervals; no division of its own.
GROUP = "repository"


@dataclasses.dataclass(frozen=True)
class Measure:
    """What is measured of an answer.

    Attributes:
      about: of each figure what it is, for people, in the order of tables.
      of: the figures of a case and a provider's answer to it, each 0 to 100, in this order; 0 where there is no answer,
        and NaN, whatever the answer, where the case is none that the figure is of.
    """

    about: dict[str, str]
    of: Callable[[Case, Prediction | None], tuple[float, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.about)


@dataclasses.dataclass(frozen=True)
class Score:
    """What one answer is worth.

    Attributes:
      exact_match: by tokens.
      edit_similarity: 0 to 100.
      rank: of the first answer that is perfect, from 1; None where none is.
      matched_ratio: 0 to 1.
    """

    exact_match: bool = False
    edit_similarity: int = 0
    rank: int | None = None
    matched_ratio: float = 0.0

    def figures(self) -> tuple[float, ...]:
        """In the order of `LINES`, 0 to 100."""
        tops = (100.0 * (self.rank is not None and self.rank <= most) for most in (1, 3, 5))
        return 100.0 * self.exact_match, float(self.edit_similarity), *tops, 100 * self.matched_ratio


@dataclasses.dataclass(frozen=True)
class Part:
    """Figures of some cases.

    Attributes:
      cases: how many there are; every figure is a mean over all of them that it is of.
      errors: how many of them have no answer.
      figures: by the names of the measure.
    """

    cases: int
    errors: int
    figures: dict[str, Interval]


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a provider did on a suite.

    Attributes:
      provider: its name; "" where it predicted nothing.
      total: of all cases.
      slices: division -> value -> figures.
      failed: id of a case -> why it has no answer.
      unknown: ids that were answered, but are none of the cases'.
    """

    provider: str
    total: Part
    slices: dict[str, dict[str, Part]]
    failed: dict[str, str]
    unknown: tuple[str, ...]


def ending(case: Case, text: str) -> str:
    """An answer up to where the case has it end.

    Example: of a one-line case, "x = 1\\ny = 2" is "x = 1"; of a block behind "for a in b:", "\\n    c(a)\\nd()" is
    "\\n    c(a)"; of any other it is the same.
    """
    if case.one_line:
        return prompt.first_line(text)
    if case.suite == "arguments":
        return text[: brackets.closing(text, 0)]
    if case.slices.get("kind") != "block" or not text.strip():
        return text
    end = statements.end(case.prompt + text, len(case.prompt))
    return text if end is None else text[: max(0, end - len(case.prompt))]


def score(case: Case, prediction: Prediction | None) -> Score:
    """The scores of a case; None, or a prediction with an error, has 0 everywhere.

    Example: of "name)" expected, the texts ("name):", "name)") have exact_match False, edit_similarity 91, rank 2 and
    matched_ratio 1.0.
    """
    if prediction is None or prediction.error is not None:
        return Score()
    # Of answers that are the same up to their end, the best one has the rank. An empty one is no suggestion: an editor
    # shows the next.
    answers = list(dict.fromkeys(_without_blanks(ending(case, text)) for text in prediction.texts))
    expected = _without_blanks(case.expected)
    if expected:
        answers = [answer for answer in answers if answer.strip()]
    first = answers[0] if answers else ""
    alike = len(os.path.commonprefix([first, expected]))
    return Score(
        metrics.exact_match(expected, first),
        metrics.edit_similarity(expected, first),
        answers.index(expected) + 1 if expected in answers else None,
        alike / len(expected) if expected else float(not first),
    )


LINES = Measure(
    {
        "exact_match": "The first answer has the expected tokens, whatever the blanks between them (CodeXGLUE)",
        "edit_similarity": "How alike the first answer and the expected text are, 100 for the same (CodeXGLUE)",
        "top_1": "Perfect lines: the first answer is the expected text (Semenkin et al., 2024)",
        "top_3": "One of the first three answers is the expected text",
        "top_5": "One of the first five answers is the expected text",
        "matched_ratio": "How much of the expected text the first answer begins with (Semenkin et al., 2024)",
    },
    lambda case, prediction: score(case, prediction).figures(),
)


def by_case(cases: Sequence[Case], predictions: Iterable[Prediction]) -> dict[str, Prediction]:
    """The answers of one provider by the ids of the cases.

    Raises:
      ValueError: there are no cases, two have the same id, or the predictions are of several providers or of other
        cases altogether.
    """
    if not cases:
        raise ValueError("no cases to score")
    twice = [one for one, times in collections.Counter(case.id for case in cases).items() if times > 1]
    if twice:
        raise ValueError(f"{len(twice)} ids are of two cases or more, such as {twice[0]}: score each suite by itself")
    answered = cases_lib.by_case(predictions)
    providers = sorted({one.provider for one in answered.values()})
    if len(providers) > 1:
        raise ValueError(f"predictions of {', '.join(providers)}: score each provider by itself")
    if answered and not any(case.id in answered for case in cases):
        raise ValueError(
            f"none of {len(answered)} predictions is of one of the {len(cases)} cases: they are of another run. "
            f"Expected ids such as {cases[0].id}, got {next(iter(answered))}"
        )
    return answered


def summary(
    cases: Sequence[Case], predictions: Iterable[Prediction], *, measure: Measure = LINES, seed: int = 0
) -> Summary:
    """Figures of one provider, in total and by every value of every slice but GROUP.

    Args:
      seed: of the resamples.

    Raises:
      ValueError: as in `by_case`.
    """
    answered = by_case(cases, predictions)
    values = _values(cases, answered, measure)
    failed = {case.id: why for case in cases if (why := _failed(answered.get(case.id)))}
    members: dict[str, dict[str, list[int]]] = collections.defaultdict(lambda: collections.defaultdict(list))
    for number, case in enumerate(cases):
        for division, value in case.slices.items():
            if division != GROUP:
                members[division][value].append(number)

    def part(numbers: Sequence[int]) -> Part:
        of_part = [cases[number] for number in numbers]
        found = {
            name: _figure(column, of_part, seed) for name, column in zip(measure.names, values[numbers].T, strict=True)
        }
        errors = sum(case.id in failed for case in of_part)
        return Part(len(of_part), errors, {name: one for name, one in found.items() if one is not None})

    return Summary(
        next((one.provider for one in answered.values()), ""),
        part(range(len(cases))),
        {
            division: {value: part(found[value]) for value in sorted(found, key=_in_order)}
            for division, found in members.items()
        },
        failed,
        tuple(sorted(answered.keys() - {case.id for case in cases})),
    )


def compared(
    cases: Sequence[Case],
    first: Iterable[Prediction],
    second: Iterable[Prediction],
    *,
    measure: Measure = LINES,
    seed: int = 0,
) -> dict[str, Comparison]:
    """What the first of two providers is above the second on the same cases, by the names of the measure.

    Raises:
      ValueError: as in `by_case`.
    """
    values = [_values(cases, by_case(cases, predictions), measure) for predictions in (first, second)]
    found = {}
    for name, a, b in zip(measure.names, values[0].T, values[1].T, strict=True):
        asked = np.flatnonzero(~np.isnan(a))
        if len(asked):
            of_asked = groups([cases[number] for number in asked])
            found[name] = intervals.compared(a[asked], b[asked], groups=of_asked, seed=seed)
    return found


def groups(cases: Sequence[Case]) -> list[str]:
    """What each case is drawn together with: its repository, or nothing else where it has none."""
    return [case.slices.get(GROUP) or f"case {case.id}" for case in cases]


def _values(cases: Sequence[Case], answered: dict[str, Prediction], measure: Measure) -> np.ndarray:
    """[cases, figures]."""
    return np.array([measure.of(case, answered.get(case.id)) for case in cases])


def _figure(column: np.ndarray, cases: Sequence[Case], seed: int) -> Interval | None:
    """Of the values of some cases, 0 to 100 or NaN; None where there is none.

    Where all values are 0, or all 100, resampling sees no spread. Then the interval goes as far as it would for as many
    independent cases, by C. J. Clopper and E. S. Pearson (1934): of 200 zeros it ends at 1.8.
    """
    asked = np.flatnonzero(~np.isnan(column))
    if not len(asked):
        return None
    found = intervals.of_mean(column[asked], groups=groups([cases[number] for number in asked]), seed=seed)
    unseen = 100 * (1 - 0.025 ** (1 / len(asked)))
    if found.low is None or found.low != found.high or found.mean not in (0, 100):
        return found
    return Interval(0.0, 0.0, unseen) if found.mean == 0 else Interval(100.0, 100 - unseen, 100.0)


def _failed(prediction: Prediction | None) -> str | None:
    """Why there is no answer; None where there is one."""
    return "no prediction" if prediction is None else prediction.error


def _in_order(value: str) -> tuple[float, str]:
    """ "6 to 15" before "16 to 40", and what is no number behind them."""
    number = re.match(r"\d+", value)
    return (int(number[0]) if number else float("inf"), value)


def _without_blanks(text: str) -> str:
    """A text without blanks at the ends of its lines, and without empty lines at its end."""
    return re.sub(r"[ \t\f\r]+$", "", text, flags=re.MULTILINE).rstrip()
