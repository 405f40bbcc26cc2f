import collections
import dataclasses
import itertools

import numpy as np
import pytest

from preprocessing import contract, shards, sorted_runs, statistics_count, statistics_shares, symbols
from preprocessing.statistics_count import IMPORTS, LIBRARIES, SYMBOLS
from preprocessing.workers import Workers
from tests.preprocessing import small_documents


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    return small_documents.make(tmp_path_factory.mktemp("documents"))


def count(documents, folder):
    (folder / "runs").mkdir(parents=True)
    with Workers(1) as pool:
        return statistics_count.count_all(pool, documents, runs=folder / "runs")


def test_symbols_are_those_of_every_file(documents, tmp_path):
    count(documents, tmp_path)
    found = {(key, split): values for key, split, values in sorted_runs.merged(tmp_path / "runs", SYMBOLS)}
    uses, files, repositories = collections.Counter(), collections.Counter(), collections.defaultdict(set)
    for split in contract.SPLITS:
        for file in shards.read_documents(documents, split):
            if "print os" in file.content:
                continue
            for symbol, number in symbols.uses_of(file.content).attributes.items():
                key = (tuple(symbol.rsplit(".", 1)), split)
                uses[key] += number
                files[key] += 1
                repositories[key].add(file.repository)
    assert {key: (values[0], *values[3:]) for key, values in found.items()} == {
        key: (uses[key], files[key], len(repositories[key])) for key in uses
    }
    # uses, calls, own uses, files, repositories
    assert found[("lib", "two"), "train"] == (2, 1, 2, 1, 1)
    assert found[("numpy", "array"), "train"] == (12, 12, 0, 12, 4)


def test_imports_and_libraries(documents, tmp_path):
    count(documents, tmp_path)
    imports = {(*key, split): values for key, split, values in sorted_runs.merged(tmp_path / "runs", IMPORTS)}
    libraries = {(*key, split): values for key, split, values in sorted_runs.merged(tmp_path / "runs", LIBRARIES)}
    # imports, files, repositories; lib is imported by three modules' names in two files
    assert imports["lib.other", "own", "train"] == (1, 1, 1)
    assert libraries["lib", "own", "train"] == (3, 2, 1)
    assert libraries["os", "standard library", "test"] == (12, 12, 4)
    assert libraries["évil", "third party", "train"] == (1, 1, 1)


def test_a_repository_is_one_row(documents, tmp_path):
    rows = {row.repository: row for counts in count(documents, tmp_path) for row in counts.repositories}
    assert dataclasses.asdict(rows["bob/lib"]) == {
        "split": "train",
        "repository": "bob/lib",
        "files": 2,
        "bytes": 111,
        "lines": 9,
        "tokens": 22,
        "license": "Apache-2.0",
        "unparsable": 0,
        "relative_imports": 1,
    }
    assert (rows["ann/r1"].files, rows["ann/r1"].unparsable) == (4, 1)


@pytest.mark.parametrize(("share_bytes", "max_symbols"), [(1, 200_000), (8_000_000, 0)])
def test_how_it_is_cut_changes_nothing(documents, tmp_path, monkeypatch, share_bytes, max_symbols):
    whole = count(documents, tmp_path / "whole")
    monkeypatch.setattr(statistics_shares, "SHARE_BYTES", share_bytes)
    monkeypatch.setattr(statistics_count, "MAX_SYMBOLS", max_symbols)
    parts = count(documents, tmp_path / "parts")
    for kind in (SYMBOLS, IMPORTS, LIBRARIES):
        folders = [list(sorted_runs.merged(tmp_path / name / "runs", kind)) for name in ("whole", "parts")]
        assert folders[0] == folders[1]
    rows = [{row.repository: row for c in some for row in c.repositories} for some in (whole, parts)]
    assert rows[0] == rows[1]
    for name in ("sizes", "lines"):
        assert (sum(getattr(c, name) for c in whole) == sum(getattr(c, name) for c in parts)).all()


def test_histograms_count_every_file_once(documents, tmp_path):
    counts = count(documents, tmp_path)
    sizes = [file.size for split in contract.SPLITS for file in shards.read_documents(documents, split)]
    edges = [*statistics_count.BINS, np.inf]
    expected = [sum(low <= size < high for size in sizes) for low, high in itertools.pairwise(edges)]
    assert sum(c.sizes for c in counts).tolist() == expected
    assert sum(expected) == sum(c.lines.sum() for c in counts) == 40


@pytest.mark.parametrize(
    ("text", "lines"), [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("a\r\nb\r\n", 2), ("a\rb", 2), ("\n\n", 2)]
)
def test_lines(text, lines):
    assert statistics_count.num_lines(text) == lines


def test_kinds_of_modules():
    roots = set(statistics_count._roots("src/foo/bar.py")) | set(statistics_count._roots("setup.py"))
    assert roots == {"src", "foo", "setup"}
    kinds = [statistics_count.kind_of(name, roots) for name in ("foo.bar", "setup", "os.path", "json", "numpy", "bar")]
    assert kinds == ["own", "own", "standard library", "standard library", "third party", "third party"]
