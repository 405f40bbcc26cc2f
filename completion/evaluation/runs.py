"""Asks providers, keeps what they answer, and goes on where it was interrupted.

OUT/line/cases.jsonl              what is asked
OUT/line/answers/ours.jsonl       what a provider answered, a row a case as it comes
OUT/line/answers/ours.json        which cases these were, who answered, and whether all of them are there
"""

import concurrent.futures
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

from completion import whole_file
from completion.evaluation import cases as cases_lib
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.providers import Provider

CASES, ANSWERS = "cases.jsonl", "answers"
# A provider that fails so often in a row is not there, or cannot do what it is asked.
MOST_FAILURES = 10


class RunError(ValueError):
    """What is there is of another run."""


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a provider answered.

    Attributes:
      provider: its name.
      predictions: by the case's id; errors, too.
      complete: whether every case is among them.
      at_once: how many were answered at a time.
    """

    provider: str
    predictions: dict[str, Prediction]
    complete: bool
    at_once: int = 1

    @property
    def seconds(self) -> float:
        """That answering took; what a baseline learnt before is not among them."""
        return sum(one.milliseconds for one in self.predictions.values()) / 1000 / self.at_once


def digest(cases: Sequence[Case]) -> str:
    """16 hex digits of all that is asked: other cases, or another order of them, have another one."""
    text = json.dumps([dataclasses.asdict(case) for case in cases], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def keep_cases(folder: pathlib.Path, cases: Sequence[Case]) -> None:
    """Writes the cases of a suite, or sees that they are there already.

    Raises:
      RunError: others are there.
      ValueError: there are none.
    """
    if not cases:
        raise ValueError(f"no cases for {folder}: the files have no place of this kind, or all were left out")
    path = folder / CASES
    if path.exists():
        if digest(list(cases_lib.read_cases(path))) != digest(cases):
            raise RunError(f"{path} has other cases than are asked now: give another --output_dir, or delete {folder}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file.writing(path) as file:
        for case in cases:
            cases_lib.write_row(file, case)


def answer(
    folder: pathlib.Path,
    cases: Sequence[Case],
    provider: Provider,
    *,
    about: dict | None = None,
    at_once: int = 1,
    say: Callable[[int, int], None] = lambda done, of: None,
) -> Answers:
    """Asks a provider what it has not answered yet, or answered with an error: a server may be there again.

    Args:
      folder: of the suite, with its cases.
      about: what makes the provider what it is (model, step, decoding); answers of another are refused.
      at_once: how many cases are asked at a time; answers are kept in the order of the cases.
      say: is told how many cases are answered, and of how many.

    Raises:
      RunError: the folder has this provider's answers to other cases, or another provider of this name; another process
        is asking it; or `MOST_FAILURES` answers in a row were errors.
    """
    folder = folder / ANSWERS
    folder.mkdir(parents=True, exist_ok=True)
    path, record = folder / f"{provider.name}.jsonl", folder / f"{provider.name}.json"
    # As JSON gives it back: tuples are lists there.
    asked = json.loads(json.dumps({"cases": digest(cases), "about": about or {}}))
    with _alone(path):
        found = _record(record)
        different = [name for name in asked if found and found.get(name) != asked[name]]
        if different:
            raise RunError(
                f"{path} has answers of another run: its {' and '.join(different)} are others. Give another "
                f"--output_dir, or delete it and {record.name}"
            )
        answered = _answered(path, {case.id for case in cases})
        left = [case for case in cases if case.id not in answered or answered[case.id].error is not None]
        about_them = {**asked, "at_once": at_once}
        _write(record, {**about_them, "complete": False})
        failures = 0
        try:
            with (
                path.open("a", encoding="utf-8", errors="backslashreplace") as file,
                _answering(provider, left, at_once) as answers,
            ):
                for one in answers:
                    answered[one.case] = one
                    cases_lib.write_row(file, one)
                    say(len(answered), len(cases))
                    failures = 0 if one.error is None else failures + 1
                    if failures == MOST_FAILURES:
                        raise RunError(
                            f"{provider.name} was not asked further: {failures} answers in a row failed, the last one "
                            f"with: {one.error}. The same command goes on"
                        )
        finally:
            _write(record, {**about_them, "complete": len(answered) == len(cases)})
    return Answers(provider.name, answered, len(answered) == len(cases), at_once)


def read(folder: pathlib.Path) -> tuple[list[Case], list[Answers], list[str]]:
    """What is in the folder of a suite.

    Returns:
      Its cases, the answers of each provider by name, and what is wrong with rows that cannot be read.

    Raises:
      OSError: there are no cases.
    """
    bad: list[str] = []
    cases = list(cases_lib.read_cases(folder / CASES, bad=bad))
    ids, found = {case.id for case in cases}, []
    for record in sorted((folder / ANSWERS).glob("*.json")):
        path = record.with_suffix(".jsonl")
        rows = list(cases_lib.read_predictions(path, bad=bad))
        answered = {one.case: one for one in rows if one.case in ids}
        if rows and not answered:
            bad.append(f"{path}: none of its {len(rows)} rows is of one of the {len(cases)} cases, but of another run")
        about = _record(record)
        complete = bool(about.get("complete")) and len(answered) == len(cases)
        found.append(Answers(record.stem, answered, complete, int(about.get("at_once") or 1)))
    return cases, found, bad


@contextlib.contextmanager
def _answering(provider: Provider, cases: Sequence[Case], at_once: int) -> Iterator[Iterator[Prediction]]:
    """The answers to cases, in their order; at the end of the block no more is asked."""

    def timed(case: Case) -> Prediction:
        started = time.perf_counter()
        one = provider.answer(case)
        return (
            one if one.milliseconds else dataclasses.replace(one, milliseconds=(time.perf_counter() - started) * 1000)
        )

    if at_once == 1:
        yield map(timed, cases)
        return
    threads = concurrent.futures.ThreadPoolExecutor(at_once)
    try:
        yield threads.map(timed, cases)
    finally:
        threads.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _alone(path: pathlib.Path) -> Iterator[None]:
    """Keeps other processes from answering into the same file; the lock is the kernel's, and gone with the process."""
    with path.with_suffix(".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"another process is writing {path}: wait for it, or give another --output_dir") from error
        yield


def _record(path: pathlib.Path) -> dict:
    """What is kept beside answers; {} where there is nothing yet."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, got {type(found).__name__}")
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}. Delete it and the answers beside it") from error
    return found


def _answered(path: pathlib.Path, ids: set[str]) -> dict[str, Prediction]:
    """What is there already; a last row that a kill cut off is taken away, and broken ones count for nothing."""
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return {one.case: one for one in cases_lib.read_predictions(path, bad=[]) if one.case in ids}


def _write(path: pathlib.Path, content: dict) -> None:
    whole_file.write(path, json.dumps(content, indent=1) + "\n")
