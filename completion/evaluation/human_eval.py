"""HumanEval and its single-line infilling: functions to finish, checked by running their tests in a sandbox.

HumanEval (suite "human_eval"): a signature and a docstring are given, the body is asked for. M. Chen and others,
Evaluating Large Language Models Trained on Code, https://arxiv.org/abs/2107.03374; 164 functions.

Single-line infilling (suite "infilling"): one line of a solution of these is taken out, and asked for with what stands
around it. D. Fried and others, InCoder, https://arxiv.org/abs/2204.05999, as M. Bavarian and others published it,
Efficient Training of Language Models to Fill in the Middle, https://arxiv.org/abs/2207.14255; 1,033 lines.
"""

import collections
import concurrent.futures
import dataclasses
import gzip
import json
import os
import pathlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from completion.evaluation import sandbox
from completion.evaluation.cases import Case, CaseError, Prediction
from completion.evaluation.pass_at_k import KS, pass_at_k
from completion.evaluation.sandbox import Limits
from completion.evaluation.scores import Measure
from preprocessing import prompt

SUITES = ("human_eval", "infilling")
# Where a body ends: the first line that is outside it (Chen et al. 2021, section 3.3).
STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")

FILES = {
    "human_eval": (
        "HumanEval.jsonl.gz",
        "https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
    ),
    "infilling": (
        "HumanEval-SingleLineInfilling.jsonl.gz",
        "https://github.com/openai/human-eval-infilling/raw/master/data/HumanEval-SingleLineInfilling.jsonl.gz",
    ),
}
_FIELDS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")


@dataclasses.dataclass(frozen=True)
class Task:
    """How answers to a case are checked.

    Attributes:
      test: source that defines `check(candidate)`.
      entry_point: the function that is given to it.
    """

    test: str
    entry_point: str


@dataclasses.dataclass(frozen=True)
class Checked:
    """What came of one answer.

    Attributes:
      case: the id of the case.
      sample: which of the provider's texts it was, from 0.
      verdict: as in `sandbox.Result`; "failed" also where it ended the program before all tests were done.
      reason: the last line of its standard error, or why it failed; "" where it passed.
      seconds: that it took.
    """

    case: str
    sample: int
    verdict: str
    reason: str
    seconds: float

    @property
    def right(self) -> bool:
        """Whether all tests passed."""
        return self.verdict == sandbox.PASSED


def read(path: str | os.PathLike, suite: str, *, bad: list[str] | None = None) -> tuple[list[Case], dict[str, Task]]:
    """The cases of a suite, and how to check answers, by the id of the case.

    Args:
      path: of the file, or of the folder that it is in; packed with gzip, or not.
      suite: "human_eval" or "infilling".
      bad: is given what is wrong with each broken row, by its line number, and the others are read; None for an error.

    Raises:
      FileNotFoundError: the file is not there; says where to get it.
      CaseError: it is damaged, or a row is broken.
    """
    name, url = FILES[suite]
    path = pathlib.Path(path)
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: the suite {suite} reads {name} (MIT licence), which is not part of this project: "
            f"download it from {url}"
        )
    cases, tasks = [], {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            case, task = _case(json.loads(line), suite)
            if case.id in tasks:
                raise ValueError(f"{case.id} was there before")
        except (TypeError, ValueError) as error:
            message = f"{path}:{number} is no task of {suite}: {error}"
            if bad is None:
                raise CaseError(message) from error
            bad.append(message)
            continue
        cases.append(case)
        tasks[case.id] = task
    return cases, tasks


def _lines(path: pathlib.Path) -> list[bytes]:
    data = path.read_bytes()
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).splitlines()
    except (OSError, EOFError, zlib.error) as error:
        raise CaseError(f"{path} cannot be unpacked: {error}: download it again") from error


def _case(row: object, suite: str) -> tuple[Case, Task]:
    if not isinstance(row, dict):
        raise ValueError(f"expected an object, got {type(row).__name__}")
    one_line = suite == "infilling"
    wanted = (*_FIELDS, "suffix") if one_line else _FIELDS
    if missing := [name for name in wanted if not isinstance(row.get(name), str)]:
        raise ValueError(f"{', '.join(missing)} missing, or no text")
    expected = row["canonical_solution"]
    case = Case(
        id=row["task_id"],
        suite=suite,
        prompt=row["prompt"],
        # The newline that ends a line is no part of an answer, which ends with its line.
        expected=prompt.first_line(expected) if one_line else expected,
        suffix=row["suffix"] if one_line else None,
        one_line=one_line,
    )
    return case, Task(row["test"], row["entry_point"])


def cut(text: str, *, one_line: bool = False) -> str:
    """An answer's text up to its end, whoever wrote it: a server need not know `STOP`.

    Args:
      one_line: whether it ends with its line.

    Example: `cut("    return 1\\n\\ndef g():\\n")` is `"    return 1\\n"`.
    """
    if one_line:
        return prompt.first_line(text)
    return text[: min((text.find(stop) for stop in STOP if stop in text), default=None)]


def program(case: Case, completion: str, task: Task) -> str:
    """What is run: the function with an answer in it, cut where it ends, its tests, and the call of them.

    As in human_eval/execution.py and human_eval_infilling/execution.py, both by OpenAI.
    """
    answer = cut(completion, one_line=case.one_line)
    function = f"{case.prompt}{answer}\n{case.suffix}" if case.one_line else case.prompt + answer
    return f"{function}\n{task.test}\ncheck({task.entry_point})\n"


def check(
    cases: Sequence[Case],
    tasks: Mapping[str, Task],
    predictions: Mapping[str, Prediction],
    *,
    limits: Limits | None = None,
    threads: int | None = None,
    allow_unsandboxed: bool = False,
    watch: Callable[[Checked], None] | None = None,
) -> list[Checked]:
    """Runs every text of every prediction.

    Args:
      predictions: by the id of the case; see `cases.by_case`. Cases without one are left out.
      threads: sandboxes at a time; None for as many as there are cores.
      watch: is told of each, in this order, as soon as it and those before it are done.

    Returns:
      In the order of the cases and of their texts.

    Raises:
      sandbox.SandboxError: no sandbox can be made, and `allow_unsandboxed` is False.
    """

    def one(case: Case, sample: int, text: str) -> Checked:
        # An answer may end the program, with status 0, before its tests: then it does not say this.
        done = f"all tests of {case.id} passed"
        source = program(case, text, tasks[case.id])
        source += f"import sys\nprint('', {done!r}, sep='\\n', file=sys.__stdout__, flush=True)\n"
        result = sandbox.run(source, limits, allow_unsandboxed=allow_unsandboxed)
        verdict, reason = result.verdict, result.last_line
        if verdict == sandbox.PASSED:
            reason = ""
            if done not in result.stdout.splitlines():
                verdict, reason = sandbox.FAILED, "it ended before the tests did"
        return Checked(case.id, sample, verdict, reason, result.seconds)

    pool = concurrent.futures.ThreadPoolExecutor(threads or len(os.sched_getaffinity(0)))
    try:
        waiting = [
            pool.submit(one, case, sample, text)
            for case in cases
            if case.id in predictions
            for sample, text in enumerate(predictions[case.id].texts)
        ]
        found = []
        for done in waiting:
            found.append(done.result())
            if watch:
                watch(found[-1])
        return found
    finally:
        pool.shutdown(cancel_futures=True)


def measure(cases: Sequence[Case], checked: Mapping[str, Iterable[Checked]], *, ks: Sequence[int] = KS) -> Measure:
    """What is measured of answers that were run; a case without an answer is wrong.

    Args:
      checked: by `check`, by the name of the provider.

    Returns:
      "pass@1", and "pass@10" and "pass@100" where every case has so many samples of everybody who drew several; one
      answer alone is that of somebody who always gives the same, so many times. Of infilling also "exact_match": the
      first answer is the line that was taken out, but for white space at its end.
    """
    samples: dict[tuple[str, str], list[bool]] = collections.defaultdict(list)
    for provider, found in checked.items():
        for one in found:
            samples[provider, one.case].append(one.right)
    fewest = min((len(found) for found in samples.values() if len(found) > 1), default=1)
    ks = [k for k in ks if k <= fewest]
    about = {f"pass@{k}": f"One of {k} answers passes all tests (Chen et al., 2021)" for k in ks}
    infilling = any(case.one_line for case in cases)
    if infilling:
        about["exact_match"] = "The first answer is the line that was taken out"

    def of(case: Case, prediction: Prediction | None) -> tuple[float, ...]:
        found = samples.get((prediction.provider, case.id)) if prediction else None
        if found is None:
            passed = (0.0,) * len(ks)
        elif len(found) == 1:
            passed = (100.0 * found[0],) * len(ks)
        else:
            passed = tuple(100 * pass_at_k(len(found), sum(found), k) for k in ks)
        return (*passed, 100.0 * _exact(case, prediction)) if infilling else passed

    return Measure(about, of)


def _exact(case: Case, prediction: Prediction | None) -> bool:
    texts = () if prediction is None else prediction.texts
    return bool(texts) and cut(texts[0], one_line=True).rstrip() == case.expected.rstrip()
