"""How well completions match, by the definitions that the field reports.

Both come from CodeXGLUE's line completion task
(https://github.com/microsoft/CodeXGLUE/tree/main/Code-Code/CodeCompletion-line, evaluator.py).
"""

import re
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


def restore_literals(text: str) -> str:
    """Puts values in the place of CodeXGLUE's literal marks, as its evaluator does to both sides before scoring.

    Example: `restore_literals('f ( <NUM_LIT:3> , "<STR_LIT>" )')` is `'f ( 3 , "" )'`.
    """
    text = text.replace("<NUM_LIT>", "0").replace("<STR_LIT>", "").replace("<CHAR_LIT>", "")
    return re.sub(r"<(?:STR|NUM|CHAR)_LIT:(.*?)>", r"\1", text, flags=re.DOTALL)


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
