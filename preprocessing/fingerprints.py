"""What near-duplicate removal needs of each file, on disk: n-grams, signature, band keys.

One store a share of the input, written by the worker that reads the share. A file costs 4 bytes a distinct n-gram
(about a third of the bytes of its text) and 1,360 bytes; of that nothing stays in memory.
"""

import dataclasses
import json
import os
import pathlib
import weakref
from collections.abc import Sequence

import numpy as np

from preprocessing import minhash

# Signatures are made for so many n-grams at once.
_BATCH_SHINGLES = 200_000
_SIGNATURE_BYTES = 4 * minhash.NUM_PERMUTATIONS

# Files with fewer distinct n-grams are left to exact duplicates: tiny files are all alike.
MIN_SHINGLES = 10


def store_path(folder: pathlib.Path, index: int) -> pathlib.Path:
    return folder / f"{index:06d}.fingerprints"


class FingerprintWriter:
    """Writes the fingerprints of one share, in the order in which they are added.

    Layout: n-grams of all files, signatures [n, 256], both uint32, zeros up to 8 bytes; band keys [BANDS, n], uint64.
    """

    def __init__(self, path: pathlib.Path):
        self._file = path.open("wb")
        self._waiting: list[np.ndarray] = []
        self._waiting_shingles = 0
        self._signatures: list[np.ndarray] = []
        self.lengths: list[int] = []

    def __enter__(self) -> "FingerprintWriter":
        return self

    def __exit__(self, kind: type | None, *rest) -> None:
        if kind is None:
            self._finish()
        self._file.close()

    def add(self, shingles: np.ndarray) -> None:
        """Adds a file by its `shingles.shingle_set`; of one with fewer than MIN_SHINGLES nothing is kept."""
        if len(shingles) < MIN_SHINGLES:
            shingles = shingles[:0]
        self.lengths.append(len(shingles))
        self._waiting.append(shingles)
        self._waiting_shingles += len(shingles)
        if self._waiting_shingles >= _BATCH_SHINGLES:
            self._flush()

    def _flush(self) -> None:
        sets = [shingles for shingles in self._waiting if len(shingles)]
        found = np.zeros((len(self._waiting), minhash.NUM_PERMUTATIONS), np.uint32)
        if sets:
            found[[len(shingles) > 0 for shingles in self._waiting]] = minhash.signatures(sets)
            self._file.write(np.concatenate(sets).tobytes())
        self._signatures.append(found)
        self._waiting, self._waiting_shingles = [], 0

    def _finish(self) -> None:
        self._flush()
        signatures = np.concatenate(self._signatures)
        self._file.write(signatures.tobytes())
        self._file.write(bytes(-self._file.tell() % 8))
        self._file.write(minhash.band_keys(signatures).tobytes())


@dataclasses.dataclass(frozen=True)
class Fingerprints:
    """The stores of all shares, as one sequence of files: row 0 is the first file of the first share.

    Attributes:
      paths: of the stores, in order.
      first_row: int64 [stores + 1], the row of each store's first file.
      offsets: int64 [rows + stores]; for each store where the n-grams of its rows begin, and where the last ends.
    """

    paths: Sequence[pathlib.Path]
    first_row: np.ndarray
    offsets: np.ndarray
    _open: dict[int, int] = dataclasses.field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self):
        # Stores are opened when they are first read, and closed when nobody needs this any more.
        weakref.finalize(self, _close, self._open)

    @classmethod
    def of(cls, paths: Sequence[pathlib.Path], lengths: Sequence[np.ndarray]) -> "Fingerprints":
        """Names stores.

        Args:
          paths: written by `FingerprintWriter`.
          lengths: for each store its writer's `lengths`.
        """
        offsets = [np.concatenate([[0], np.cumsum(part, dtype=np.int64)]) for part in lengths]
        return cls(
            list(paths),
            np.cumsum([0, *map(len, lengths)], dtype=np.int64),
            np.concatenate([np.empty(0, np.int64), *offsets]),
        )

    @classmethod
    def load(cls, index: pathlib.Path) -> "Fingerprints":
        """What `save` wrote; the arrays are mapped, so that processes share them."""
        paths = json.loads((index / "paths.json").read_text())
        first_row, offsets = (
            np.asarray(np.memmap(index / name, np.int64, mode="r")) for name in ("first_row", "offsets")
        )
        return cls([pathlib.Path(path) for path in paths], first_row, offsets)

    def save(self, index: pathlib.Path) -> None:
        """Writes the names and arrays, not the stores, into a new folder, for other processes to `load`."""
        index.mkdir()
        (index / "paths.json").write_text(json.dumps([str(path) for path in self.paths]))
        # Not np.save: on a full disk it may lose the end of an array without an error.
        (index / "first_row").write_bytes(self.first_row.data)
        (index / "offsets").write_bytes(self.offsets.data)

    def __len__(self) -> int:
        return int(self.first_row[-1])

    def joined(self, other: "Fingerprints") -> "Fingerprints":
        """These rows, then those of another."""
        return Fingerprints(
            [*self.paths, *other.paths],
            np.concatenate([self.first_row, self.first_row[-1] + other.first_row[1:]]),
            np.concatenate([self.offsets, other.offsets]),
        )

    def lengths(self) -> np.ndarray:
        """int64 [rows], distinct n-grams of each file; 0 where there were too few to count."""
        steps = np.diff(self.offsets)
        borders = (self.first_row[1:-1] + np.arange(len(self.paths) - 1)).astype(np.int64)
        return np.delete(steps, borders) if len(borders) else steps

    def band(self, band: int) -> np.ndarray:
        """uint64 [rows], the keys of one band."""
        found = [np.empty(0, np.uint64)]
        for store in range(len(self.paths)):
            rows = self._rows(store)
            start = self._band_start(store) + 8 * rows * band
            found.append(np.frombuffer(self._read(store, start, 8 * rows), np.uint64))
        return np.concatenate(found)

    def signature(self, row: int) -> np.ndarray:
        """uint32 [NUM_PERMUTATIONS]."""
        store = self._store(row)
        start = 4 * self._shingles(store) + _SIGNATURE_BYTES * (row - int(self.first_row[store]))
        return np.frombuffer(self._read(store, start, _SIGNATURE_BYTES), np.uint32)

    def shingles(self, row: int) -> np.ndarray:
        """uint32 [distinct n-grams], as they were added."""
        store = self._store(row)
        start, stop = self.offsets[row + store : row + store + 2].tolist()
        return np.frombuffer(self._read(store, 4 * start, 4 * (stop - start)), np.uint32)

    def _store(self, row: int) -> int:
        return int(np.searchsorted(self.first_row, row, side="right")) - 1

    def _rows(self, store: int) -> int:
        return int(self.first_row[store + 1] - self.first_row[store])

    def _shingles(self, store: int) -> int:
        return int(self.offsets[self.first_row[store + 1] + store])

    def _band_start(self, store: int) -> int:
        end = 4 * self._shingles(store) + _SIGNATURE_BYTES * self._rows(store)
        return end + -end % 8

    def _read(self, store: int, start: int, length: int) -> bytes:
        if store not in self._open:
            self._open[store] = os.open(self.paths[store], os.O_RDONLY)
        return os.pread(self._open[store], length, start)


def _close(descriptors: dict[int, int]) -> None:
    while descriptors:
        os.close(descriptors.popitem()[1])
