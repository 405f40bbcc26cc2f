import gzip
import json

import pytest

from preprocessing import shards, statistics_drops
from preprocessing.contract import DataContractError
from tests.preprocessing import small_documents


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    return small_documents.make(tmp_path_factory.mktemp("documents"))


def test_each_drop_is_counted_for_its_repository(documents):
    manifest = shards.read_manifest(documents)
    found = statistics_drops.count_drops(documents, manifest, {"ann/r1", "ann/r2", "ann/r3"})
    assert found == {("empty", "ann/r1"): 1, ("line_too_long", "ann/r2"): 1, ("exact_duplicate", "ann/r3"): 1}


@pytest.mark.parametrize(
    ("where", "repository"),
    [
        ("ann/tool/a.py", "ann/tool"),
        ("ann/tool/src/a.py", "ann/tool"),
        ("v3/languages/Python/.py/ann/tool/master/a_0.py", "ann/tool"),
        ("v3/languages/Python/.py/ann/stray.py", ""),
        ("exports/2020/part.jsonl:17", ""),
        ("part.parquet:3", ""),
        ("single/a/b.py", "single"),
        # Only what is known to be a repository tells this path from the row of an export.
        ("known/one/a.py:9", "known/one"),
        ("other/one/a.py:9", ""),
        ("known/one", ""),
    ],
)
def test_what_a_line_of_the_list_tells(where, repository):
    assert statistics_drops.repository_of(where, {"single", "known/one"}) == repository


def damaged(documents, tmp_path, change):
    copy = tmp_path / "documents"
    copy.mkdir()
    for file in documents.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    change(copy / shards.DROPPED_FILE)
    with pytest.raises(DataContractError) as error:
        statistics_drops.count_drops(copy, shards.read_manifest(copy), set())
    return str(error.value)


def test_a_missing_list_is_named(documents, tmp_path):
    message = damaged(documents, tmp_path, lambda path: path.unlink())
    assert "dropped.jsonl.gz is missing: copy it again" in message


def test_a_truncated_list_is_named(documents, tmp_path):
    message = damaged(documents, tmp_path, lambda path: path.write_bytes(path.read_bytes()[:-9]))
    assert "dropped.jsonl.gz is damaged: EOFError" in message


@pytest.mark.parametrize("text", ["{", "[]", '{"reason": "empty"}', "\xff"])
def test_a_list_of_something_else_is_named(documents, tmp_path, text):
    message = damaged(documents, tmp_path, lambda path: path.write_bytes(gzip.compress(text.encode("latin-1"))))
    assert "dropped.jsonl.gz is damaged: " in message


def test_a_list_that_does_not_add_up_is_named(documents, tmp_path):
    line = json.dumps({"reason": "empty", "where": "ann/r1/a.py"}) + "\n"
    message = damaged(documents, tmp_path, lambda path: path.write_bytes(gzip.compress((2 * line).encode())))
    assert "it lists 2 files as empty, the manifest says 1" in message
