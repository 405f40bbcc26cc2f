import pyarrow.parquet as pq
import pytest

from preprocessing import sorted_runs, statistics_tables
from preprocessing.statistics_count import IMPORTS, LIBRARIES, SYMBOLS
from preprocessing.statistics_tables import TRAIN_USES


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    # uses, calls, own uses, files, repositories
    train = {("a", "x"): (10, 4, 0, 3, 2), ("a", "y"): (1, 0, 0, 1, 1), ("own", "z"): (99, 0, 99, 5, 1)}
    test = {("a", "x"): (6, 1, 0, 2, 1), ("a", "new"): (3, 3, 1, 1, 1), ("theirs", "z"): (50, 0, 50, 1, 1)}
    sorted_runs.write(folder / "symbols-0.arrow", SYMBOLS, train, split="train")
    sorted_runs.write(folder / "symbols-1.arrow", SYMBOLS, test, split="test")
    # imports, files, repositories
    modules = {("a.b", "third party"): (4, 3, 2), ("os", "standard library"): (1, 1, 1), ("own", "own"): (9, 9, 1)}
    libraries = {("a", "third party"): (4, 3, 2), ("b", "third party"): (1, 1, 2), ("own", "own"): (9, 9, 1)}
    sorted_runs.write(folder / "imports-0.arrow", IMPORTS, modules, split="train")
    sorted_runs.write(folder / "libraries-0.arrow", LIBRARIES, libraries, split="train")
    return folder


def test_symbols(runs, tmp_path):
    summary = statistics_tables.write_symbols(tmp_path, runs)
    assert [tuple(row.values()) for row in pq.read_table(tmp_path / "symbols.parquet").to_pylist()] == [
        ("test", "a", "new", 3, 3, 1, 1, 1),
        ("train", "a", "x", 10, 4, 0, 3, 2),
        ("test", "a", "x", 6, 1, 0, 2, 1),
        ("train", "a", "y", 1, 0, 0, 1, 1),
        ("train", "own", "z", 99, 0, 99, 5, 1),
        ("test", "theirs", "z", 50, 0, 50, 1, 1),
    ]
    assert summary["symbols"] == {
        "train": {"symbols": 3, "uses": 110, "calls": 4},
        "validation": {"symbols": 0, "uses": 0, "calls": 0},
        "test": {"symbols": 3, "uses": 59, "calls": 4},
    }
    assert [row["attribute"] for row in summary["top_symbols"]["train"]] == ["x", "y"]
    assert [row["attribute"] for row in summary["top_symbols"]["test"]] == ["x", "new"]
    assert summary["uses_by_rank"]["train"] == [[1, 99], [2, 10], [3, 1]]


def test_overlap_counts_what_is_not_the_repositorys_own(runs, tmp_path):
    overlap = statistics_tables.write_symbols(tmp_path, runs)["overlap"]
    # Of `a.x` 6 uses, of `a.new` the 2 that are of another repository's `a`; train uses `a.x` 10 times.
    known = [1 if least <= 10 else 0 for least in TRAIN_USES]
    assert overlap["test"]["train_uses_at_least"] == [0, *TRAIN_USES]
    assert overlap["test"]["symbols"] == [2, *known]
    assert overlap["test"]["uses"] == [8, *(6 * share for share in known)]
    assert sum(overlap["validation"]["uses"]) == 0


def test_imports(runs, tmp_path):
    summary = statistics_tables.write_imports(tmp_path, runs)
    assert [tuple(row.values()) for row in pq.read_table(tmp_path / "imports.parquet").to_pylist()] == [
        ("train", "a.b", "a", "third party", 4, 3, 2),
        ("train", "os", "os", "standard library", 1, 1, 1),
        ("train", "own", "own", "own", 9, 9, 1),
    ]
    table = pq.read_table(tmp_path / "libraries.parquet")
    assert table.schema.names == ["split", "library", "kind", "imports", "files", "repositories"]
    assert summary["libraries"]["train"] == {"own": 1, "third party": 2}
    assert summary["top_libraries"]["train"] == {
        "standard library": [],
        "third party": [
            {"library": "a", "imports": 4, "files": 3, "repositories": 2},
            {"library": "b", "imports": 1, "files": 1, "repositories": 2},
        ],
    }


def test_the_top_of_many_rows_is_that_of_a_sort():
    top = statistics_tables._Top()
    rows = [((number * 7919 % 1009, number % 3), (f"{number:06d}", number)) for number in range(30_000)]
    for order, row in rows:
        top.add(order, row)
    expected = sorted(rows, key=lambda row: (-row[0][0], -row[0][1], row[1][0]))[: statistics_tables.TOP]
    assert top.best() == [row for _, row in expected]


def test_many_rows_are_many_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(statistics_tables, "ROW_GROUP_ROWS", 2)
    drops = {("empty", f"ann/r{i}"): i for i in range(5)}
    statistics_tables.write_drops(tmp_path, drops, {"ann/r1": "test"})
    assert pq.ParquetFile(tmp_path / "drops.parquet").num_row_groups == 3
    rows = pq.read_table(tmp_path / "drops.parquet").to_pylist()
    assert [row["split"] for row in rows] == ["", "test", "", "", ""]
    assert [row["files"] for row in rows] == [0, 1, 2, 3, 4]


def test_ranks_are_few_and_have_both_ends():
    counts = list(range(1, 100_001))
    ranked, sums = statistics_tables._ranked(counts), statistics_tables._cumulated(counts)
    assert len(ranked) == len(sums) <= 60
    assert (ranked[0], ranked[-1]) == ([1, 100_000], [100_000, 1])
    assert (sums[0], sums[-1]) == ([1, 100_000], [100_000, sum(counts)])
    assert all(uses == 100_001 - rank for rank, uses in ranked)
    assert statistics_tables._ranked([]) == []
