"""Pass 1: worker processes read, filter and fingerprint shares of the input, and append what they accept to spills."""

import collections
import dataclasses
import functools
import pathlib
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from preprocessing import source, spills
from preprocessing.decontaminate import Hit
from preprocessing.examine import Examination, drop_line
from preprocessing.fingerprints import Fingerprints, FingerprintWriter, store_path
from preprocessing.workers import Workers, progress

# A share is what one worker reads before it answers. Each leaves a spill, which stays open in pass 2: at most twice
# MAX_SHARES of them stays below the usual limit of 1,024 open files.
SHARE_BYTES = 8_000_000
MAX_SHARES = 300


@dataclasses.dataclass(frozen=True)
class Accepted:
    """Everything that passed the filters, without its text; the arrays take 40 bytes a file.

    Attributes:
      repositories: sorted names of the repositories that have a file here.
      location: int64 [n], where `spills.Spills` finds each file.
      repository: int32 [n], its repository's place in `repositories`.
      digest: uint64 [n, 2], the first half of its SHA-256.
      size: int32 [n], bytes.
      files_read, bytes_read: of the input, dropped files included (their bytes only if they were read).
      drops: reason -> files.
      notes: note -> files.
      drop_lists: the files that list the drops, JSON lines, in the order of the input.
      fingerprints: of the same files, if they were asked for.
      hits: file -> the benchmark items in it.
    """

    repositories: list[str]
    location: np.ndarray
    repository: np.ndarray
    digest: np.ndarray
    size: np.ndarray
    files_read: int
    bytes_read: int
    drops: collections.Counter
    notes: collections.Counter
    drop_lists: list[pathlib.Path]
    fingerprints: Fingerprints | None
    hits: dict[int, list[Hit]]


@dataclasses.dataclass(frozen=True)
class _Task:
    units: Sequence[source.Unit]
    spill: pathlib.Path
    drop_list: pathlib.Path
    fingerprints: pathlib.Path
    examination: pathlib.Path


@dataclasses.dataclass(frozen=True)
class _Share:
    repositories: list[str]
    repository: np.ndarray
    digest: np.ndarray
    size: np.ndarray
    files_read: int
    bytes_read: int
    drops: collections.Counter
    notes: collections.Counter
    lengths: np.ndarray
    hits: dict[int, list[Hit]]


def read_all(pool: Workers, units: Sequence[source.Unit], *, work: pathlib.Path, examination: Examination) -> Accepted:
    """Reads every unit.

    Args:
      work: an empty folder; spills are left in `work / "spills"`, lists of drops in `work / "drops"`, fingerprints in
        `work / "fingerprints"`.
    """
    for name in ("spills", "drops", "fingerprints"):
        (work / name).mkdir()
    # Each process reads it once: an index of benchmarks takes megabytes.
    (work / "examination.pickle").write_bytes(pickle.dumps(examination))
    shares = list(_shares(units))
    tasks = [
        _Task(
            share,
            work / "spills" / spills.spill_name(i),
            work / "drops" / f"{i:06d}.jsonl",
            store_path(work / "fingerprints", i),
            work / "examination.pickle",
        )
        for i, share in enumerate(shares)
    ]
    sizes = [sum(unit.size for unit in share) for share in shares]
    answers: list[Any] = [None] * len(tasks)
    with progress("reading", sum(sizes)) as bar:
        for index, answer in pool.run(_read, tasks, names=[f"reading {_name(share)}" for share in shares]):
            answers[index] = answer
            bar.update(sizes[index])
    stores = [task.fingerprints for task in tasks] if examination.ngram else None
    return _join(answers, [task.drop_list for task in tasks], stores)


def _shares(units: Sequence[source.Unit]) -> Iterator[list[source.Unit]]:
    share_bytes = max(SHARE_BYTES, sum(unit.size for unit in units) // MAX_SHARES)
    share, size = [], 0
    for unit in units:
        if share and size + unit.size > share_bytes:
            yield share
            share, size = [], 0
        share.append(unit)
        size += unit.size
    if share:
        yield share


def _name(share: Sequence[source.Unit]) -> str:
    first, last = (str(unit)[:300] for unit in (share[0], share[-1]))
    return first if len(share) == 1 else f"{first} to {last}"


def _read(task: _Task) -> _Share:
    examination = _loaded(task.examination)
    files_read = bytes_read = 0
    drops, notes = collections.Counter(), collections.Counter()
    numbers: dict[str, int] = {}
    repository, digests, sizes, hits = [], [], [], {}
    with (
        spills.SpillWriter(task.spill) as spill,
        FingerprintWriter(task.fingerprints) as fingerprints,
        task.drop_list.open("w", encoding="utf-8") as drop_list,
    ):
        for unit in task.units:
            for found in examination.unit(unit):
                files_read += 1
                bytes_read += found.bytes_read
                if found.dropped:
                    drops[found.dropped.reason] += 1
                    drop_list.write(drop_line(found.dropped))
                    continue
                notes.update(found.notes)
                if found.hits:
                    hits[len(sizes)] = found.hits
                if found.shingles is not None:
                    fingerprints.add(found.shingles)
                spill.add(found.file)
                repository.append(numbers.setdefault(found.file.repository, len(numbers)))
                digests.append(found.file.sha256[:32])
                sizes.append(found.file.size)
    return _Share(
        repositories=list(numbers),
        repository=np.array(repository, np.int32),
        digest=np.frombuffer(bytes.fromhex("".join(digests)), np.uint64).reshape(-1, 2),
        size=np.array(sizes, np.int32),
        files_read=files_read,
        bytes_read=bytes_read,
        drops=drops,
        notes=notes,
        lengths=np.array(fingerprints.lengths, np.int64),
        hits=hits,
    )


@functools.lru_cache(maxsize=1)
def _loaded(path: pathlib.Path) -> Examination:
    return pickle.loads(path.read_bytes())


def _join(shares: Sequence[_Share], drop_lists: list[pathlib.Path], stores: list[pathlib.Path] | None) -> Accepted:
    names = sorted(set().union(*(share.repositories for share in shares)))
    numbers = {name: number for number, name in enumerate(names)}
    empty = np.empty(0, np.int32)
    firsts = np.cumsum([0, *(len(share.size) for share in shares[:-1])])
    repository = [
        np.array([numbers[name] for name in share.repositories], np.int32)[share.repository] for share in shares
    ]
    return Accepted(
        repositories=names,
        location=np.concatenate(
            [spills.locations(0, 0), *(spills.locations(i, len(share.size)) for i, share in enumerate(shares))]
        ),
        repository=np.concatenate([empty, *repository]),
        digest=np.concatenate([np.empty((0, 2), np.uint64), *(share.digest for share in shares)]),
        size=np.concatenate([empty, *(share.size for share in shares)]),
        files_read=sum(share.files_read for share in shares),
        bytes_read=sum(share.bytes_read for share in shares),
        drops=sum((share.drops for share in shares), collections.Counter()),
        notes=sum((share.notes for share in shares), collections.Counter()),
        drop_lists=drop_lists,
        fingerprints=Fingerprints.of(stores, [share.lengths for share in shares]) if stores else None,
        hits={
            int(first) + row: hits
            for first, share in zip(firsts, shares, strict=True)
            for row, hits in share.hits.items()
        },
    )
