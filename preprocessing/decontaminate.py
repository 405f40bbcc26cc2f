"""Overlap with benchmarks: documents that hold a problem that a model is to be tested on, with the evidence.

A document is contaminated by an item of a benchmark if at least `overlap` of the item's distinct word n-grams stand in
it, wherever they stand, and as many as MIN_WORDS words in a row have. Words are those of `shingles`: punctuation, white
space and line breaks make no difference.

The defaults were measured with `python -m benchmarks.decontamination`; see there.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from preprocessing import shingles
from preprocessing.benchmark_files import BenchmarkFile, read_benchmark_files
from preprocessing.contract import DataContractError

NGRAM = 10
OVERLAP = 0.4
# The three `from __future__` imports and `import tensorflow as tf` are 16 words that stand in hundreds of files.
MIN_WORDS = 17
EVIDENCE_CHARACTERS = 200
# The table that rejects: 16 bytes an n-gram, but no more than 2^26 (64 MB). Of a document's n-grams that no item has,
# one in 130 to 260 passes; one in 110 where items have three million n-grams together.
_TABLE_BYTES_PER_NGRAM = 16
_MAX_TABLE_BITS = 26


@dataclasses.dataclass(frozen=True, slots=True)
class Hit:
    """One document holds one item.

    Attributes:
      benchmark: name of the file.
      item: its id; items of one text are one hit: "0/L0, 0/L1 and 5 more".
      overlap: the share of the item's n-grams that stand in the document, in (0, 1].
      shared: how many those are.
      text: the evidence: the longest piece of the document that is made of these n-grams, as it stands there, cut after
        EVIDENCE_CHARACTERS.
      line: the line of the document where `text` begins, from 1.
    """

    benchmark: str
    item: str
    overlap: float
    shared: int
    text: str
    line: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Name:
    """What a text is called in one file; texts that stand in several files have several names."""

    text: int
    benchmark: str
    item: str


class BenchmarkIndex:
    """The n-grams of all items, to look documents up in. 16 bytes an n-gram when pickled, up to 32 more in use.

    Args:
      files: of `benchmark_files`.
      ngram: words an n-gram, at least 1.
      overlap: share of an item's n-grams, in (0, 1].

    Attributes:
      min_shared: a document with fewer n-grams of an item is not hit by it, whatever their share.
      files: what `describe` says of each file.

    Raises:
      ValueError: no files, or an argument out of its range.
      DataContractError: every item of a file is too short to be found.
    """

    def __init__(self, files: Sequence[BenchmarkFile], *, ngram: int = NGRAM, overlap: float = OVERLAP):
        if not files:
            raise ValueError("no benchmark files: expected at least one")
        if ngram < 1:
            raise ValueError(f"n-grams of {ngram} words: expected at least 1")
        if not 0 < overlap <= 1:
            raise ValueError(f"an overlap of {overlap}: expected a share above 0 and up to 1")
        self.ngram, self.overlap = ngram, overlap
        self.min_shared = max(MIN_WORDS - ngram + 1, 1)
        self.files: list[dict[str, Any]] = []
        self._names: list[_Name] = []
        texts: dict[bytes, int] = {}
        for file in files:
            self._add(file, texts)
        sets = [np.frombuffer(text, np.uint64) for text in texts]
        sizes = np.array([len(hashes) for hashes in sets])
        hashes, owners = np.concatenate(sets), np.repeat(np.arange(len(sets), dtype=np.int32), sizes)
        order = np.argsort(hashes, kind="stable")
        self._keys, starts = np.unique(hashes[order], return_index=True)
        # The texts that hold the i-th key are _owners[_starts[i] : _starts[i + 1]].
        self._starts, self._owners = np.append(starts, len(hashes)).astype(np.int32), owners[order]
        self._sizes = sizes
        # 0.14 * 100 is 14.000000000000002 in floating point, and 14 of 100 are to be enough.
        self._needed = np.maximum(np.ceil(sizes * overlap - 1e-9), self.min_shared).astype(np.int64)
        self._fill_table()

    def _add(self, file: BenchmarkFile, texts: dict[bytes, int]) -> None:
        ids: dict[int, list[str]] = {}
        too_short = 0
        for item in file.items:
            distinct = np.unique(_ngrams(item.parts, self.ngram))
            if len(distinct) < self.min_shared:
                too_short += 1
                continue
            ids.setdefault(texts.setdefault(distinct.tobytes(), len(texts)), []).append(item.id)
        if not ids:
            raise DataContractError(
                f"nothing of the benchmark {file.name} can be found: none of its {len(file.items)} items has "
                f"{self.min_shared} different n-grams of {self.ngram} words, as {self.ngram + self.min_shared - 1} "
                "words in a row have. Leave the file out"
            )
        for text, named in ids.items():
            more = f" and {len(named) - 2} more" if len(named) > 2 else ""
            self._names.append(_Name(text, file.name, ", ".join(named[:2]) + more))
        about = {"items": len(file.items), "items_too_short": too_short}
        self.files.append({"name": file.name, "sha256": file.sha256, **about})

    def _fill_table(self) -> None:
        bits = min((_TABLE_BYTES_PER_NGRAM * len(self._keys)).bit_length(), _MAX_TABLE_BITS)
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, np.uint8)
        slots = self._slots(self._keys)
        first = np.flatnonzero(np.diff(slots, prepend=-1))
        # Not ufunc.at, which takes seconds for millions; keys ascend, so those of a slot are neighbours.
        self._table[slots[first]] = np.bitwise_or.reduceat(np.uint8(1) << _low_bits(self._keys), first)

    def _slots(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes >> self._shift).view(np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_table"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._fill_table()

    def hits(self, words: np.ndarray, data: bytes) -> list[Hit]:
        """The items that a document is contaminated by, in the order of files and rows.

        Args:
          words: uint64 [words], `shingles.word_hashes(data)`.
          data: the document, UTF-8.
        """
        places, keys = self._shared(words)
        # As a rule there are none or a few, and finding the distinct ones would cost more than all before.
        distinct = np.unique(keys) if len(keys) >= self.min_shared else keys
        if len(distinct) < self.min_shared:
            return []
        counts = self._starts[distinct + 1] - self._starts[distinct]
        first = np.repeat(self._starts[distinct] - np.cumsum(counts) + counts, counts)
        owners = self._owners[first + np.arange(len(first))]
        shared = np.bincount(owners, minlength=len(self._sizes))
        found = np.flatnonzero(shared >= self._needed)
        if not len(found):
            return []
        evidence, key_of_owner = {}, np.repeat(distinct, counts)
        spans = shingles.word_spans(data)
        for text in found.tolist():
            held = places[np.isin(keys, key_of_owner[owners == text])]
            evidence[text] = _evidence(data, spans, held, self.ngram)
        return [
            Hit(name.benchmark, name.item, float(shared[text] / self._sizes[text]), int(shared[text]), *evidence[text])
            for name in self._names
            if (text := name.text) in evidence
        ]

    def _shared(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where n-grams of some item begin, as numbers of words, ascending; and which key each of them is."""
        hashes = shingles.ngram_hashes(words, self.ngram)
        # Almost every n-gram ends here: the first bits of its hash name a byte, the last three a bit of it.
        places = np.flatnonzero(self._table[self._slots(hashes)] >> _low_bits(hashes) & np.uint8(1))
        keys = np.searchsorted(self._keys, hashes[places])
        keys[keys == len(self._keys)] = 0
        there = self._keys[keys] == hashes[places]
        return places[there], keys[there]


def read_benchmarks(
    paths: Sequence[str | os.PathLike], *, ngram: int = NGRAM, overlap: float = OVERLAP
) -> BenchmarkIndex:
    """The index of benchmark files; arguments and errors as in `BenchmarkIndex` and `read_benchmark_files`."""
    return BenchmarkIndex(read_benchmark_files(paths), ngram=ngram, overlap=overlap)


def describe(index: BenchmarkIndex) -> dict[str, Any]:
    """What a manifest says of it: everything that decides which documents are hit.

    Example: `{"ngram": 10, "overlap": 0.4, "min_shared": 8, "files": [{"name": "HumanEval.jsonl.gz",
    "sha256": "b796...", "items": 164, "items_too_short": 0}]}`.
    """
    files = [dict(file) for file in index.files]
    return {"ngram": index.ngram, "overlap": index.overlap, "min_shared": index.min_shared, "files": files}


def _ngrams(parts: Sequence[bytes], ngram: int) -> np.ndarray:
    """uint64 hashes of the n-grams that lie in one part; a row of CodeXGLUE may have hundreds of small parts."""
    data = b"\n".join(parts)
    hashes = shingles.ngram_hashes(shingles.word_hashes(data), ngram)
    ends = np.cumsum([len(part) + 1 for part in parts])
    part = np.searchsorted(ends, shingles.word_spans(data)[0], side="right")
    return hashes[part[: len(hashes)] == part[ngram - 1 :][: len(hashes)]]


def _low_bits(hashes: np.ndarray) -> np.ndarray:
    """uint8, in [0, 8)."""
    return hashes.astype(np.uint8) & np.uint8(7)


def _evidence(data: bytes, spans: tuple[np.ndarray, np.ndarray], places: np.ndarray, ngram: int) -> tuple[str, int]:
    """The longest run of n-grams: its text and its line.

    Args:
      spans: of `shingles.word_spans(data)`.
      places: int [m], ascending, m > 0: the words at which shared n-grams begin.
    """
    ends = np.flatnonzero(np.diff(places, append=places[-1]) != 1)
    starts = np.append(0, ends[:-1] + 1)
    longest = int(np.argmax(ends - starts))
    start = int(spans[0][places[starts[longest]]])
    stop = int(spans[1][places[ends[longest]] + ngram - 1])
    text = data[start:stop].decode("utf-8", "replace")[:EVIDENCE_CHARACTERS]
    return text, 1 + data.count(b"\n", 0, start)
