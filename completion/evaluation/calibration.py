"""Is a provider right as often as it says? The confidence of first answers against how many of them are right.

The confidence of a first answer, 0 to 1, is a probability:

of candidates   that it is this one of them: the softmax of their scores, which are log-likelihoods
of any text     that it is this text: e to the power of its score, which is its log-probability, the sum over all of its
                tokens and its end (not divided by its length: the mean of tokens is no probability of a text)

Of a text that was cut, at `max_new_tokens` or where its statement ends, it is the probability of what was written in
all, or without an end, and so only near that of what is compared. Scores that are counts (popularity, copy) say nothing
of the kind; neither do providers without scores.

The expected calibration error, after C. Guo and others, On Calibration of Modern Neural Networks, 2017,
https://arxiv.org/abs/1706.04599, equation 5: first answers are put into ten bins by their confidence, each a tenth
wide, ((m - 1) / 10, m / 10], and of the n of a bin B the share that is right is held against their mean confidence:

    ECE = sum over B of  n(B) / n  *  | accuracy(B) - confidence(B) |
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from completion.evaluation.cases import Case, Prediction
from completion.evaluation.scores import Measure

BINS = 10
# Figures that are 100 of a first answer that is right; pass@k is not among them: where answers are run many are right.
RIGHT = ("top_1", "exact_match")
# A probability of 1 in float32 may be so much above it.
_ROUNDING = 1e-3


@dataclasses.dataclass(frozen=True)
class Bin:
    """Answers that are about as sure as each other.

    Attributes:
      low, high: their confidence is above `low`, and at most `high`; 0 is in the first bin.
      cases: how many there are.
      confidence: mean; accuracy: share that is right. Both 0 to 1, None where there are no cases.
    """

    low: float
    high: float
    cases: int
    confidence: float | None
    accuracy: float | None


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What is in the bins.

    Attributes:
      bins: BINS of them, from 0 to 1.
      expected_error: 0 to 1, see the top of this file.
    """

    bins: tuple[Bin, ...]
    expected_error: float


def figures(cases: Sequence[Case], predictions: Mapping[str, Prediction], measure: Measure) -> dict[str, Any] | None:
    """The calibration of one provider on a suite, as `results.json` has it: "bins" and "expected_error".

    Args:
      predictions: by the case's id. Cases without an answer, or with an error, have no confidence, and are left out.
      measure: of the suite; the first of RIGHT that it has says which first answers are right.

    Returns:
      None where the scores are no log-probabilities, or the measure has none of RIGHT.
    """
    figure = next((name for name in RIGHT if name in measure.names), None)
    found = [(case, predictions[case.id]) for case in cases if case.id in predictions]
    found = [(case, one) for case, one in found if one.error is None and one.texts and one.scores]
    if figure is None or not are_logprobs([one for _, one in found]):
        return None
    number = measure.names.index(figure)
    right = [measure.of(case, one)[number] == 100 for case, one in found]
    return dataclasses.asdict(binned([confidence(case, one) for case, one in found], right))


def are_logprobs(predictions: Iterable[Prediction]) -> bool:
    """Whether the scores of a provider are log-probabilities: none above 0, and not all 0. Counts are neither.

    Example: scores of (-0.5, -2.0) and (0.0, -9.0) are; of (3.0, 0.0) and (0.0, 0.0) are not.
    """
    every = [score for one in predictions for score in one.scores]
    return bool(every) and max(every) <= _ROUNDING and min(every) < 0


def confidence(case: Case, prediction: Prediction) -> float:
    """The probability of a first answer, by scores that are log-probabilities.

    Example: of candidates with the scores (log 3, log 1) it is 0.75, of a text with the score log 0.4 it is 0.4.
    """
    first = prediction.scores[0]
    if case.candidates:
        return float(np.exp(first - np.logaddexp.reduce(prediction.scores)))
    return min(1.0, math.exp(first))


def binned(confidences: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Puts answers into bins.

    Args:
      confidences: 0 to 1, of an answer each; right: whether it is.

    Raises:
      ValueError: there are no answers, not as many of both, or a confidence is out of range.

    Example: confidences of 0.9, 0.9 and 0.1, of which the first is right: two of a mean of 0.9 and half of them right,
      one of 0.1 and none right, so that the error is 2/3 * 0.4 + 1/3 * 0.1 = 0.3.
    """
    if not confidences or len(confidences) != len(right):
        raise ValueError(f"{len(confidences)} confidences and {len(right)} answers: one of each, one or more")
    sure, correct = np.asarray(confidences, float), np.asarray(right, float)
    if not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError(f"a confidence is a probability, 0 to 1, got {sure[~((sure >= 0) & (sure <= 1))][0]}")
    highs = [number / BINS for number in range(1, BINS + 1)]
    numbers = np.searchsorted(highs, sure, side="left")
    bins, error = [], 0.0
    for number, high in enumerate(highs):
        there = numbers == number
        mean, share = (float(values[there].mean()) if there.any() else None for values in (sure, correct))
        bins.append(Bin(number / BINS, high, int(there.sum()), mean, share))
        if mean is not None:
            error += float(there.mean()) * abs(share - mean)
    return Calibration(tuple(bins), error)
