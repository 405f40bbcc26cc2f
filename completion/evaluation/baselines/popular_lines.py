"""The baseline of the train split's favourites: a line goes on as the most frequent line does that begins alike.

A model that is no better than this writes what everybody writes, wherever it is.
"""

import bisect
import collections
import pathlib
import time
from collections.abc import Iterable

import numpy as np

from completion.evaluation.baselines import train_files
from completion.evaluation.cases import Case, Prediction

# What it learns from at most; its memory goes with this.
MAX_BYTES = 200_000_000
# Answers to a case.
NUMBER = 10


class PopularLines:
    """Completes a line by the lines of other files.

    Lines are stripped of blanks on both sides, and empty ones are passed over. What begins with the text that is typed
    of a line goes on with the rest of the most frequent such line; where nothing is typed, with the line that stood
    most often behind a line like the last one, or else the most frequent of all. Texts decide between equals. Scores
    are counts.

    Attributes:
      lines: how many different ones it knows.
      dropped: how many different ones were seen only once, and are not known.

    Example: of the files "import os\\nimport re\\n" and "import os\\n\\nimport re\\nimport os", "import " goes on
      with "os" (3 times), then "re" (twice); and behind the line "import os" stands "import re".
    """

    name = "popularity"

    def __init__(self, texts: Iterable[str]):
        """Learns.

        Args:
          texts: of files.
        """
        counts: collections.Counter[str] = collections.Counter()
        files = []
        ids: dict[str, int] = {}
        for text in texts:
            lines = [line for line in map(str.strip, text.split("\n")) if line]
            counts.update(lines)
            # Numbers in place of lines; no line stands behind the last one.
            files.append(np.array([*(ids.setdefault(line, len(ids)) for line in lines), -1], np.int32))
        self._lines = sorted(line for line, times in counts.items() if times > 1)
        self._counts = np.array([counts[line] for line in self._lines], np.int64)
        self.lines, self.dropped = len(self._lines), len(counts) - len(self._lines)
        # From the number of a line to its place in the order of texts; -1 of those that were dropped, and of the end.
        places = np.full(len(ids) + 1, -1, np.int64)
        places[[ids[line] for line in self._lines]] = np.arange(self.lines)
        row = places[np.concatenate(files)] if files else np.array([], np.int64)
        known = (row[:-1] >= 0) & (row[1:] >= 0)
        # Pairs of lines that stand behind each other, ascending.
        pairs, self._pair_counts = np.unique(row[:-1][known] * self.lines + row[1:][known], return_counts=True)
        self._before, self._behind = np.divmod(pairs, max(self.lines, 1))

    @classmethod
    def learn(cls, folder: pathlib.Path, *, max_bytes: int = MAX_BYTES, seed: int = 0) -> "PopularLines":
        """Learns the train split of a document dataset, or files drawn from it with the seed where it is larger.

        Raises:
          ImportError, contract.DataContractError: as in `train_files.drawn`.
        """
        return cls(file.text for file in train_files.drawn(folder, max_bytes=max_bytes, seed=seed).files)

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`; candidates are none of its business, see `symbol_suite.Popularity`."""
        started = time.perf_counter()
        if case.candidates:
            return Prediction(
                case.id, case.suite, self.name, error="popular lines are not asked to choose among candidates"
            )
        *before, typed = case.prompt.split("\n")
        typed = typed.lstrip()
        if typed:
            places, counts = self._began_alike(typed)
        else:
            places, counts = self._behind_last(before)
        best = np.argsort(-counts, kind="stable")[:NUMBER]
        texts = tuple(self._lines[places[i]][len(typed) :] for i in best)
        scores = tuple(float(counts[i]) for i in best)
        milliseconds = (time.perf_counter() - started) * 1000
        return Prediction(case.id, case.suite, self.name, texts, scores, milliseconds)

    def _began_alike(self, typed: str) -> tuple[np.ndarray, np.ndarray]:
        """Places and counts of the lines that begin with a text, and are more than it."""
        start = bisect.bisect_left(self._lines, typed)
        end = bisect.bisect_right(self._lines, typed, lo=start, key=lambda line: line[: len(typed)])
        if start < end and self._lines[start] == typed:
            start += 1
        return np.arange(start, end), self._counts[start:end]

    def _behind_last(self, before: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Places and counts of the lines that stood behind lines like the last one; of all, where none did."""
        last = next((line for line in map(str.strip, reversed(before)) if line), None)
        place = bisect.bisect_left(self._lines, last) if last is not None else self.lines
        if place < self.lines and self._lines[place] == last:
            start, end = np.searchsorted(self._before, [place, place + 1])
            if start < end:
                return self._behind[start:end], self._pair_counts[start:end]
        return np.arange(self.lines), self._counts
