import numpy as np
import pytest

from preprocessing import spills
from preprocessing.contract import CodeFile

FILES = [[CodeFile.of("ann/tool", f"{s}-{i}.py", f"# {s} {i}\n" * (i + 1)) for i in range(s * 7)] for s in range(4)]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(spills, "BATCH_BYTES", 60)
    for number, files in enumerate(FILES):
        with spills.SpillWriter(tmp_path / spills.spill_name(number)) as writer:
            for file in files:
                writer.add(file)
    return spills.Spills(tmp_path)


def test_locations():
    assert spills.locations(1, 2).tolist() == [4294967296, 4294967297]
    assert spills.locations(0, 0).dtype == np.int64


def test_rows_come_in_the_order_asked_for(stored):
    everything = np.concatenate([spills.locations(s, len(files)) for s, files in enumerate(FILES)])
    flat = [file for files in FILES for file in files]
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(flat))[: 3 + 10 * seed]
        table = stored.take(everything[order], ["path", "content", "sha256", "size"])
        expected = [{name: getattr(flat[i], name) for name in table.column_names} for i in order]
        assert table.to_pylist() == expected
    assert stored.take(everything, ["path"])["path"].to_pylist() == [file.path for file in flat]


def test_no_rows(stored):
    table = stored.take(np.empty(0, np.int64), ["path", "size"])
    assert (table.num_rows, table.column_names) == (0, ["path", "size"])
