"""The suites by name: what each asks, what it measures, and who is asked."""

import collections
import dataclasses
import json
import pathlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from completion.evaluation import argument_suite, code_x_glue, examples, human_eval, line_suite, scores, symbol_suite
from completion.evaluation.cases import Case
from completion.evaluation.material import Material
from completion.evaluation.scores import Measure

CHECKED = "checked"
# Of one module, so that a few much used ones do not make up the whole suite.
MOST_PER_SYMBOL = 40


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What a suite asks in this run.

    Attributes:
      cases: one or more.
      left_out: reason -> how many were left out for it.
      bad_rows: what is wrong with rows of its file that cannot be read.
      tasks: how answers are checked, by the id of the case, where they are run.
    """

    cases: list[Case]
    left_out: dict[str, int] = dataclasses.field(default_factory=dict)
    bad_rows: list[str] = dataclasses.field(default_factory=list)
    tasks: Mapping[str, human_eval.Task] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Suite:
    """One kind of question.

    Attributes:
      title, about: for people.
      draw: the cases, of the material, and so many of them at most.
      measure: what is measured; None where answers are run (see `measure`).
      baselines: names of those that are asked beside models and servers, see `baselines.by_name`.
      writes: whether answers are code that is written, not one of several candidates.
      own_file: whether its cases come from a file of its own, which has to be given.
    """

    title: str
    about: str
    draw: Callable[[Material, int], Drawn]
    measure: Measure | None = scores.LINES
    baselines: tuple[str, ...] = ("n-gram", "popularity", "copy")
    writes: bool = True
    own_file: bool = False


def _line(material: Material, number: int) -> Drawn:
    found = line_suite.draw(material.held_out, number, seed=material.seed)
    return Drawn(found.cases, _counted(reason for _, reason in found.left_out))


def _examples(material: Material, number: int) -> Drawn:
    found = examples.drawn(material.held_out, number, material.seed)
    return Drawn(examples.curated() + found.cases, _counted(reason for _, reason in found.left_out))


def _symbols(material: Material, number: int) -> Drawn:
    cases, dropped = symbol_suite.cases(
        material.held_out, material.symbols, most_per_module=MOST_PER_SYMBOL, seed=material.seed
    )
    return Drawn(_some(cases, number, material.seed), dataclasses.asdict(dropped))


def _arguments(material: Material, number: int) -> Drawn:
    cases, dropped = argument_suite.cases(
        material.held_out, most_per_symbol=MOST_PER_SYMBOL, seed=material.seed, train=material.symbols
    )
    return Drawn(_some(cases, number, material.seed), dataclasses.asdict(dropped))


def _code_x_glue(material: Material, number: int) -> Drawn:
    bad: list[str] = []
    return Drawn(code_x_glue.read(material.file("codexglue"), bad=bad)[:number], bad_rows=bad)


def _human_eval(name: str) -> Callable[[Material, int], Drawn]:
    def draw(material: Material, number: int) -> Drawn:
        bad: list[str] = []
        cases, tasks = human_eval.read(material.file(name), name, bad=bad)
        return Drawn(cases[:number], bad_rows=bad, tasks=tasks)

    return draw


SUITES: dict[str, Suite] = {
    "line": Suite(
        "Line completion",
        "The rest of a line, or of a statement of several lines, at cursors drawn at random in held-out files.",
        _line,
    ),
    "symbols": Suite(
        "Symbol completion",
        "Which attribute of an imported module stands behind the dot? Candidates are those that the train split uses.",
        _symbols,
        symbol_suite.MEASURE,
        ("n-gram", "popularity", "alphabetical", "copy"),
        writes=False,
    ),
    "arguments": Suite(
        "Call arguments",
        "What stands between the brackets of a call of an imported module's function?",
        _arguments,
        argument_suite.MEASURE,
    ),
    "examples": Suite(
        "Curated examples, and drawn ones",
        "Curated ones, each with its reason for being there, and others drawn at random. Too few to tell models apart.",
        _examples,
    ),
    "codexglue": Suite(
        "CodeXGLUE PY150, line level",
        "The rest of a line in CodeXGLUE's token-separated form (https://arxiv.org/abs/2102.04664).",
        _code_x_glue,
        code_x_glue.MEASURE,
        own_file=True,
    ),
    "human_eval": Suite(
        "HumanEval",
        "A function's body from its signature and docstring, checked by running its tests (Chen et al., 2021).",
        _human_eval("human_eval"),
        None,
        own_file=True,
    ),
    "infilling": Suite(
        "HumanEval, single-line infilling",
        "One line of a function from what stands around it, checked by running its tests (Bavarian et al., 2022).",
        _human_eval("infilling"),
        None,
        own_file=True,
    ),
}


def measure(name: str, folders: Mapping[str, pathlib.Path], cases: Sequence[Case]) -> Measure:
    """What is measured of a suite; where answers are run, by what is kept of that.

    Args:
      folders: what stands before the names of a run's providers -> the suite's folder in it.
    """
    suite = SUITES[name]
    if suite.measure is not None:
        return suite.measure
    checked = {
        prefix + path.stem: read_checked(path)
        for prefix, folder in folders.items()
        for path in sorted((folder / CHECKED).glob("*.jsonl"))
    }
    return human_eval.measure(cases, checked)


def read_checked(path: pathlib.Path) -> list[human_eval.Checked]:
    """What came of a provider's answers, as far as they were run."""
    if not path.exists():
        return []
    return [human_eval.Checked(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _some(cases: list[Case], number: int, seed: int) -> list[Case]:
    """So many of them at most, drawn at random, in their order."""
    if len(cases) <= number:
        return cases
    kept = set(random.Random(seed).sample(range(len(cases)), number))
    return [case for place, case in enumerate(cases) if place in kept]


def _counted(reasons: Iterable[str]) -> dict[str, int]:
    return dict(sorted(collections.Counter(reasons).items()))
