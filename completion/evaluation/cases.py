"""What is asked and what was answered: a case, a prediction, and the JSONL files that keep them.

A suite is a list of cases. Every provider (our engine, a baseline, a server by its address) answers every case. All
figures, examples and pages are made of these two records alone, so a model that answered elsewhere can be put beside
ours by its file of predictions.
"""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

from completion.requests import Request


class CaseError(ValueError):
    """A row that is no case, or no prediction; says which and why."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A place in a file, and what its author wrote there.

    Attributes:
      id: unique in its suite, and the same in each run: "owner/name/path.py:12:8" of a cursor in line 12, column 8.
      suite: "line", "codexglue", "human_eval", "infilling", "symbols", "arguments", "examples".
      prompt: the text before the cursor.
      expected: what stands there.
      suffix: the text after what is expected, where it may be read; None where it may not.
      files: (path, text) of other files of the repository.
      path: of the file, in its repository.
      slices: what it is an example of, by the name of the division: {"place": "after_dot", "length": "1 to 5"}.
      candidates: what may stand there, where one of several is to be chosen; () where anything may.
      one_line: whether the answer ends with its line.
      about: why it is there, for people.
    """

    id: str
    suite: str
    prompt: str
    expected: str
    suffix: str | None = None
    files: tuple[tuple[str, str], ...] = ()
    path: str = ""
    slices: dict[str, str] = dataclasses.field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    one_line: bool = True
    about: str = ""

    def request(self) -> Request:
        """What the engine is asked."""
        return Request(self.prompt, self.suffix, self.files, self.path)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a provider answered.

    Attributes:
      case: the id of the case.
      suite: of the case.
      provider: its name.
      texts: the best first; () where it answered nothing.
      scores: of each text. Log-probabilities of all of its tokens and its end, where the provider has such, in nats;
        counts, of popularity; () where it has none.
      milliseconds: that it took.
      error: why there is no answer; None where there is one, be it empty.
    """

    case: str
    suite: str
    provider: str
    texts: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    milliseconds: float = 0.0
    error: str | None = None


def write_row(file, record: Case | Prediction) -> None:
    """Appends a record to an open text file, and sees that it is there if the process ends."""
    file.write(json.dumps(dataclasses.asdict(record), ensure_ascii=False) + "\n")
    file.flush()


def read_cases(path: str | os.PathLike, *, bad: list[str] | None = None) -> Iterator[Case]:
    """Cases of a file.

    Args:
      bad: is given what is wrong with each broken row, by its line number, and the others are read; None for an error.

    Raises:
      CaseError: a row is broken.
    """
    for where, row in _rows(path, bad):
        try:
            yield Case(**_tuples(row, "candidates", files=True))
        except (TypeError, ValueError) as error:
            _told(f"{where} is no case: {error}", bad)


def read_predictions(path: str | os.PathLike, *, bad: list[str] | None = None) -> Iterator[Prediction]:
    """Predictions of a file; arguments and errors as in `read_cases`."""
    for where, row in _rows(path, bad):
        try:
            yield Prediction(**_tuples(row, "texts", "scores"))
        except (TypeError, ValueError) as error:
            _told(f"{where} is no prediction: {error}", bad)


def _rows(path: str | os.PathLike, bad: list[str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    with pathlib.Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path}:{number}"
            try:
                row = json.loads(line.decode("utf-8"))
                if not isinstance(row, dict):
                    raise ValueError(f"expected an object, got {type(row).__name__}")
            except ValueError as error:
                _told(f"{where} is not JSON in UTF-8: {error}", bad)
                continue
            yield where, row


def _tuples(row: dict[str, Any], *names: str, files: bool = False) -> dict[str, Any]:
    """A row with tuples where JSON has lists."""
    found = dict(row)
    for name in names:
        found[name] = tuple(row.get(name, ()))
    if files:
        found["files"] = tuple((path, text) for path, text in row.get("files", ()))
    return found


def _told(message: str, bad: list[str] | None) -> None:
    if bad is None:
        raise CaseError(message)
    bad.append(message)


def by_case(predictions: Iterable[Prediction]) -> dict[str, Prediction]:
    """The last prediction of each case: a case that was asked again has two."""
    return {one.case: one for one in predictions}
