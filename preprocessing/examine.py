"""What is done to each raw file, on one machine as on a cluster: the filters, then all that later steps compare."""

import dataclasses
import json
from collections.abc import Iterator

import numpy as np

from preprocessing import filters, shingles, source
from preprocessing.contract import CodeFile
from preprocessing.decontaminate import BenchmarkIndex, Hit


@dataclasses.dataclass(frozen=True)
class Examination:
    """What to do.

    Attributes:
      filter: thresholds of `filters`.
      ngram: words an n-gram of the sets that near-duplicates are found by; 0 for no sets.
      benchmarks: what to look for in the accepted files.
    """

    filter: filters.FilterParameters
    ngram: int = 0
    benchmarks: BenchmarkIndex | None = None

    def unit(self, unit: source.Unit) -> Iterator["Examined"]:
        """Every file of a unit, in its order."""
        for item in unit.read(max_bytes=self.filter.max_bytes):
            size = len(item.data) if isinstance(item, source.RawFile) else 0
            outcome = filters.accept(item, self.filter) if isinstance(item, source.RawFile) else item
            if isinstance(outcome, source.Dropped):
                yield Examined(None, outcome, size, (), None, [])
                continue
            file, notes = outcome
            data = file.content.encode()
            words = shingles.word_hashes(data) if self.ngram or self.benchmarks else None
            shingle_set = shingles.shingle_set(words, self.ngram) if self.ngram else None
            hits = self.benchmarks.hits(words, data) if self.benchmarks else []
            yield Examined(file, None, size, notes, shingle_set, hits)


@dataclasses.dataclass(frozen=True, slots=True)
class Examined:
    """A file after the filters: `file` or `dropped`.

    Attributes:
      file: the accepted record.
      dropped: why it is none.
      bytes_read: of the raw file; 0 if it was dropped without being read.
      notes: keys of `contract.NOTES`.
      shingles: of `shingles.shingle_set`, if they were asked for.
      hits: benchmark items in it.
    """

    file: CodeFile | None
    dropped: source.Dropped | None
    bytes_read: int
    notes: tuple[str, ...]
    shingles: np.ndarray | None
    hits: list[Hit]


def drop_line(dropped: source.Dropped) -> str:
    """One line of `dropped.jsonl.gz`.

    Example: `{"reason": "empty", "where": "ann/tool/a.py"}`.
    """
    fields = {"reason": dropped.reason, "where": dropped.where}
    return json.dumps(fields | ({"evidence": dropped.evidence} if dropped.evidence else {})) + "\n"
