"""Call arguments: what stands between the brackets of a call of an imported module's attribute?

Calls are those of held-out files whose callee their imports resolve, by the syntax tree: `np.zeros(` after `import
numpy as np` is a call of "numpy.zeros", and so is `zeros(` after `from numpy import zeros`. The cursor stands behind
the opening bracket. What is expected is the text up to the bracket that closes the call, without it, on one line or
several. An answer is read up to that bracket, which it has to write: one that never closes the call may go on anyhow.

Three figures, over the same cases for every provider (when two texts are the same, see `call_arguments`):

all_arguments   all arguments of the first answer are those that are expected
first_argument  the first one is; an answer that is not finished has it as soon as it goes on with a comma. Of a call
                without arguments: the answer has none either
keyword_names   the set of names of its keyword arguments is the same, whatever their values; over the calls that have
                some. Most have none, and whoever never wrote one would have been right with these

Baselines: what the train split has most between the brackets of that callee, and what its last call in the file has.
"""

import ast
import collections
import dataclasses
import math
import random
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from completion import brackets
from completion.evaluation import call_arguments, symbol_suite
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.scores import Measure
from completion.held_out_files import HeldOut
from preprocessing import symbols

SUITE = "arguments"
# Arguments that are longer are tables of data.
MAX_CHARACTERS = 200
# So many answers the baselines give at most.
MOST_ANSWERS = 10
_NAME = re.compile(r"[^\W\d]\w*")
_OPENS = re.compile(r"[ \t]*\(")
_CALLEE = re.compile(r"(?<![\w.])([^\W\d][\w.]*)[ \t]*\(\Z")


@dataclasses.dataclass
class Dropped:
    """What was left out, and why.

    Attributes:
      not_python: files that this interpreter cannot parse.
      not_in_train: calls of modules of which the train split has nothing, where only others are asked for.
      moved: calls whose brackets do not stand where the tree says (in f-strings), or not right behind the name.
      too_long: calls with more than MAX_CHARACTERS of arguments.
    """

    not_python: int = 0
    not_in_train: int = 0
    moved: int = 0
    too_long: int = 0


class _Call(NamedTuple):
    """A call of `module.attribute`; its arguments stand from `start` to `end` of the text, in characters."""

    module: str
    attribute: str
    start: int
    end: int
    parsed: ast.Call


def cases(
    files: Iterable[HeldOut], *, most_per_symbol: int, seed: int, train: Collection[str] | None = None
) -> tuple[list[Case], Dropped]:
    """A case for each call, at most so many of a module, drawn at random.

    Args:
      train: modules that the train split uses, such as `symbols.read_symbols` has, so that no others are asked for:
        mostly a repository's own; None for all.

    Returns:
      Cases in the order of their ids, and what was left out. `about` is the callee, by which baselines answer.
    """
    found: dict[str, dict[str, Case]] = collections.defaultdict(dict)
    dropped = Dropped()
    for file in files:
        for call in _calls(file.text, dropped):
            if train is not None and call.module not in train:
                dropped.not_in_train += 1
                continue
            case = _case(file, call)
            found[call.module].setdefault(case.id, case)
    drawn = []
    for module in sorted(found):
        chance = random.Random(f"{seed} {module}")
        there = [found[module][id_] for id_ in sorted(found[module])]
        drawn += chance.sample(there, min(most_per_symbol, len(there)))
    return sorted(drawn, key=lambda case: case.id), dropped


def _calls(text: str, dropped: Dropped, callees: Collection[str] | None = None) -> Iterator[_Call]:
    """The calls of a file, of some callees or all."""
    try:
        tree = symbols.parse(text)
    except SyntaxError:
        dropped.not_python += 1
        return
    starts = symbol_suite.line_starts(text)
    for access in symbols.accesses(tree):
        if not access.is_call or (callees is not None and f"{access.module}.{access.attribute}" not in callees):
            continue
        place = symbol_suite.index(text, starts, access)
        name = _NAME.match(text, place)
        opens = _OPENS.match(text, name.end()) if name else None
        end = brackets.closing(text, opens.end()) if opens else None
        if end is None or (access.is_dotted and (name[0] != access.attribute or text[place - 1] != ".")):
            dropped.moved += 1
        elif end - opens.end() > MAX_CHARACTERS:
            dropped.too_long += 1
        elif (parsed := call_arguments.parse(text[opens.end() : end])) is None:
            dropped.moved += 1
        else:
            yield _Call(access.module, access.attribute, opens.end(), end, parsed)


def _case(file: HeldOut, call: _Call) -> Case:
    before, expected = file.text[: call.start], file.text[call.start : call.end]
    number = len(call.parsed.args) + len(call.parsed.keywords)
    return Case(
        id=f"{file.name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10)) - 1}",
        suite=SUITE,
        prompt=before,
        expected=expected,
        path=file.path,
        slices={
            "symbol": call.module,
            "kind": "several lines" if "\n" in expected else "one line",
            "arguments": str(number) if number < 3 else "3 or more",
            "keywords": "with keywords" if call.parsed.keywords else "without keywords",
            "repository": file.repository,
        },
        one_line=False,
        about=f"{call.module}.{call.attribute}",
    )


def _figures(case: Case, prediction: Prediction | None) -> tuple[float, ...]:
    expected = call_arguments.read(case.expected + ")")
    found: tuple = (None, None, None)
    if prediction is not None and prediction.error is None and prediction.texts:
        found = call_arguments.read(prediction.texts[0])
    figures = [100.0 * (there is not None and there == asked) for asked, there in zip(expected, found, strict=True)]
    return figures[0], figures[1], figures[2] if expected[2] else math.nan


MEASURE = Measure(
    {
        "all_arguments": "All arguments are the expected ones, by their syntax trees",
        "first_argument": "The first argument is the expected one; where none is expected, there is none",
        "keyword_names": "Of calls with keyword arguments: the names of the answer's are the expected ones",
    },
    _figures,
)


def learn(files: Iterable[HeldOut], callees: Collection[str] | None = None) -> dict[str, collections.Counter[str]]:
    """How often each text of arguments stands between the brackets of each callee, in one pass over files.

    Texts are those of `ast.unparse`, so that `(3,4)` and `(3, 4)` are one.

    Args:
      callees: that are asked for, such as "numpy.zeros", so that no others are kept; None for all.

    Example: of a file with `os.mkdir(a)` twice and `os.mkdir(a, mode = 511)` once it has {"os.mkdir": {"a": 2,
      "a, mode=511": 1}}.
    """
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for file in files:
        for call in _calls(file.text, Dropped(), callees):
            found[f"{call.module}.{call.attribute}"][ast.unparse(call.parsed)[2:-1]] += 1
    return dict(found)


class Popularity:
    """The baseline that answers with what the train split has most between the brackets of the callee."""

    name = "popularity"

    def __init__(self, learned: Mapping[str, Mapping[str, int]]):
        """Takes what `learn` found."""
        self._learned = learned

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`; scores are counts, and nothing is the answer where the callee was never seen."""
        counts = self._learned.get(case.about, {})
        texts = sorted(counts, key=lambda text: (-counts[text], text))[:MOST_ANSWERS]
        return Prediction(
            case.id,
            case.suite,
            self.name,
            tuple(f"{text})" for text in texts),
            tuple(float(counts[one]) for one in texts),
        )


class LastCall:
    """The baseline that copies: the arguments of calls before the cursor that are written alike, the nearest first."""

    name = "copy"

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`."""
        callee = _CALLEE.search(case.prompt, case.prompt.rfind("\n") + 1)
        if callee is None:
            return Prediction(case.id, case.suite, self.name)
        alike = re.compile(rf"(?<![\w.]){re.escape(callee[1])}[ \t]*\(")
        texts: dict[str, None] = {}
        for call in reversed([*alike.finditer(case.prompt, 0, callee.start())]):
            end = brackets.closing(case.prompt, call.end())
            if end is not None and len(texts) < MOST_ANSWERS:
                texts.setdefault(case.prompt[call.end() : end + 1])
        return Prediction(case.id, case.suite, self.name, tuple(texts))
