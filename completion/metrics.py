"""How well completions match, by the definitions that the field reports.

Both come from CodeXGLUE's line completion task
(https://github.com/microsoft/CodeXGLUE/tree/main/Code-Code/CodeCompletion-line, evaluator.py).
"""

from collections.abc import Sequence

from rapidfuzz import fuzz


def exact_match(target: str, prediction: str) -> bool:
    """Whether two lines have the same tokens; runs of white space count as one, as in CodeXGLUE.

    Example: `exact_match("x  = 1", "x = 1")` is True.
    """
    return target.split() == prediction.split()


def edit_similarity(target: str, prediction: str) -> int:
    """How alike two lines are, 0 to 100: 100 times the normalised indel similarity, rounded, as `fuzz.ratio` does.

    Example: `edit_similarity("return x", "return y")` is 88.
    """
    return round(fuzz.ratio(target, prediction))


def line_completion(targets: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """Exact match and edit similarity over a set of lines, both in percent.

    Raises:
      ValueError: the two sequences differ in length, or are empty.
    """
    if len(targets) != len(predictions):
        raise ValueError(f"{len(targets)} targets and {len(predictions)} predictions: one prediction a target")
    if not targets:
        raise ValueError("no lines to score")
    pairs = list(zip(targets, predictions, strict=True))
    return {
        "exact_match": 100 * sum(exact_match(t, p) for t, p in pairs) / len(pairs),
        "edit_similarity": sum(edit_similarity(t, p) for t, p in pairs) / len(pairs),
    }
