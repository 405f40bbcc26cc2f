import gc
import pathlib

import numpy as np
import pytest

from preprocessing import minhash
from preprocessing.fingerprints import MIN_SHINGLES, Fingerprints, FingerprintWriter, store_path


def sets(lengths: list[int], seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [np.unique(generator.integers(0, 2**32, length, np.uint64).astype(np.uint32)) for length in lengths]


def written(folder, *stores: list[np.ndarray]) -> Fingerprints:
    folder.mkdir()
    lengths = []
    for i, store in enumerate(stores):
        with FingerprintWriter(store_path(folder, i)) as writer:
            for shingles in store:
                writer.add(shingles)
        lengths.append(writer.lengths)
    return Fingerprints.of([store_path(folder, i) for i in range(len(stores))], [np.array(part) for part in lengths])


def together(stores: list[list[np.ndarray]]) -> list[np.ndarray]:
    return [file for store in stores for file in store]


@pytest.fixture
def stores():
    # An empty store, one file alone, and more n-grams than are worked on at once.
    return [sets([20, 3, 50], 0), [], sets([70_000] * 5 + [0, 11], 1), sets([12], 2)]


def check(prints: Fingerprints, files: list[np.ndarray]) -> None:
    assert len(prints) == len(files)
    expected = [file if len(file) >= MIN_SHINGLES else file[:0] for file in files]
    assert prints.lengths().tolist() == [len(file) for file in expected]
    for row, file in enumerate(expected):
        assert (prints.shingles(row) == file).all()
        if len(file):
            assert (prints.signature(row) == minhash.signatures([file])[0]).all()
    keys = minhash.band_keys(np.stack([prints.signature(row) for row in range(len(files))]))
    for band in (0, 1, minhash.BANDS - 1):
        assert (prints.band(band) == keys[band]).all()


def test_what_is_written_is_read(tmp_path, stores):
    check(written(tmp_path / "a", *stores), together(stores))


def test_another_process_loads_the_index(tmp_path, stores):
    written(tmp_path / "a", *stores).save(tmp_path / "index")
    check(Fingerprints.load(tmp_path / "index"), together(stores))


def test_joined(tmp_path, stores):
    joined = written(tmp_path / "a", *stores).joined(written(tmp_path / "b", *stores[::-1]))
    joined.save(tmp_path / "index")
    check(Fingerprints.load(tmp_path / "index"), together([*stores, *stores[::-1]]))


def test_a_writer_that_failed_finishes_nothing(tmp_path):
    def fail():
        with FingerprintWriter(store_path(tmp_path, 0)) as writer:
            writer.add(sets([20], 0)[0])
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert store_path(tmp_path, 0).stat().st_size == 0


def test_files_are_closed_when_nobody_reads_them_any_more(stores, tmp_path):
    def open_files() -> list[pathlib.Path]:
        found = [path.resolve() for path in pathlib.Path("/proc/self/fd").iterdir()]
        return [path for path in found if path.is_relative_to(tmp_path)]

    prints = written(tmp_path / "stores", *stores)
    check(prints, together(stores))
    assert len(open_files()) == len(stores)
    del prints
    gc.collect()
    assert open_files() == []
