"""Symbol completion: which attribute of an imported module stands behind a dot?

Places are attribute accesses in held-out files, resolved from their imports by the syntax tree: `np.` after `import
numpy as np` is `numpy`. The text is cut behind the dot. Candidates are what the train split has seen of that module;
what was never seen there can be found by nobody, and counts as not found for all: every provider has one denominator.

The slice `repository` says which cases are drawn together for intervals, as in `line_suite`.
"""

import collections
import dataclasses
import math
import random
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence

from completion.evaluation.cases import Case, Prediction
from completion.evaluation.scores import Measure
from completion.held_out_files import HeldOut
from preprocessing import symbols

SUITE = "symbols"
# Rarely used attributes of large modules are left out of the choice.
MAX_CANDIDATES = 200
TOP = (1, 3, 5, 10)
# A module needs so many cases before it is said that popularity is better there.
MIN_CASES = 10


@dataclasses.dataclass
class Dropped:
    """What was left out, and why.

    Attributes:
      not_python: files that this interpreter cannot parse.
      not_in_train: places at modules of which the train split has nothing.
      moved: places whose attribute does not stand where the tree says (in f-strings).
    """

    not_python: int = 0
    not_in_train: int = 0
    moved: int = 0


def cases(
    files: Iterable[HeldOut], train: Mapping[str, collections.Counter[str]], *, most_per_module: int, seed: int
) -> tuple[list[Case], Dropped]:
    """A case for each access, at most so many of a module, drawn at random.

    Args:
      train: module -> counts of its attributes, of `symbols.read_symbols`.

    Returns:
      Cases in the order of their ids, and what was left out.
    """
    found: dict[str, list[Case]] = collections.defaultdict(list)
    dropped = Dropped()
    for file in files:
        try:
            tree = symbols.parse(file.text)
        except SyntaxError:
            dropped.not_python += 1
            continue
        starts = line_starts(file.text)
        for access in symbols.accesses(tree):
            if not access.is_dotted:
                continue
            if access.module not in train:
                dropped.not_in_train += 1
                continue
            place = index(file.text, starts, access)
            before = file.text[:place]
            if not before.endswith(".") or not file.text.startswith(access.attribute, place):
                dropped.moved += 1
                continue
            found[access.module].append(_case(file, access, before, train[access.module]))
    drawn = []
    for module in sorted(found):
        chance = random.Random(f"{seed} {module}")
        there = sorted(found[module], key=lambda case: case.id)
        drawn += chance.sample(there, min(most_per_module, len(there)))
    return sorted(drawn, key=lambda case: case.id), dropped


def _case(file: HeldOut, access: symbols.Access, before: str, counts: collections.Counter[str]) -> Case:
    seen = "seen in train" if access.attribute in counts else "never seen"
    return Case(
        id=f"{file.name}:{access.line}:{access.column}",
        suite=SUITE,
        prompt=before,
        expected=access.attribute,
        path=file.path,
        slices={
            "symbol": access.module,
            "kind": "call" if access.is_call else "value",
            "seen": seen,
            "repository": file.repository,
        },
        # By name: their order says nothing of how often they are used.
        candidates=tuple(sorted(name for name, _ in counts.most_common(MAX_CANDIDATES))),
    )


def line_starts(text: str) -> list[int]:
    """Where each line begins, as `ast` counts lines: a form feed ends none."""
    return [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]


def index(text: str, starts: Sequence[int], access: symbols.Access) -> int:
    """Where an access stands in a text, in characters.

    Args:
      starts: the text's `line_starts`.
    """
    start, *rest = starts[access.line - 1 : access.line + 1]
    line = text[start : rest[0] if rest else len(text)]
    # Columns are bytes of the line in UTF-8.
    return start + len(line.encode()[: access.column].decode(errors="ignore"))


class Popularity:
    """The baseline that ranks candidates by how often the train split uses them; names decide between equals."""

    name = "popularity"

    def __init__(self, train: Mapping[str, collections.Counter[str]]):
        self._train = train

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`."""
        counts = self._train[case.slices["symbol"]]
        texts = tuple(sorted(case.candidates, key=lambda name: (-counts[name], name)))
        return Prediction(case.id, case.suite, self.name, texts, tuple(float(counts[name]) for name in texts))


class Alphabetical:
    """The baseline of an editor that knows nothing: candidates by their names."""

    name = "alphabetical"

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`."""
        return Prediction(case.id, case.suite, self.name, tuple(sorted(case.candidates)))


def rank(case: Case, prediction: Prediction | None) -> int | None:
    """The place of what is expected among the texts, from 1; None where it is not there, or there is no answer."""
    if prediction is None or case.expected not in prediction.texts:
        return None
    return prediction.texts.index(case.expected) + 1


def _tops(case: Case, prediction: Prediction | None) -> tuple[float, ...]:
    place = rank(case, prediction)
    return tuple(100.0 * (place is not None and place <= k) for k in TOP)


MEASURE = Measure(
    {f"top_{k}": f"The attribute is {'the first' if k == 1 else f'among the first {k}'} of the ranking" for k in TOP},
    _tops,
)


def by_symbol(
    cases_: Sequence[Case], predictions: Mapping[str, Prediction], measure: Measure = MEASURE
) -> dict[str, dict[str, float | None]]:
    """Of each module its `cases`, and the means of the figures over those that they are of, 0 to 100, None for none.

    Args:
      predictions: of one provider, by the case's id.
      measure: of the suite.

    Example: of two cases of "os", found at places 1 and 4, it has {"cases": 2, "top_1": 50.0, "top_3": 50.0,
      "top_5": 100.0, "top_10": 100.0}.
    """
    values: dict[str, list[tuple[float, ...]]] = collections.defaultdict(list)
    for case in cases_:
        values[case.slices["symbol"]].append(measure.of(case, predictions.get(case.id)))
    found = {}
    for module, rows in sorted(values.items()):
        columns = dict(zip(measure.names, zip(*rows, strict=True), strict=True))
        asked = {name: [value for value in column if not math.isnan(value)] for name, column in columns.items()}
        means = {name: statistics.fmean(column) if column else None for name, column in asked.items()}
        found[module] = {"cases": len(rows), **means}
    return found


def fallback(model: Mapping[str, Mapping[str, float]], popularity: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Modules of `MIN_CASES` cases or more where popularity finds more attributes at once than the model does."""
    return [
        module
        for module, figures in model.items()
        if figures["cases"] >= MIN_CASES and popularity[module]["top_1"] > figures["top_1"]
    ]
