import dataclasses
import hashlib
import json

import pytest

from preprocessing import contract
from preprocessing.contract import CodeFile, DataContractError, Manifest

MANIFEST = Manifest(
    parameters={"max_bytes": 1},
    source={"kind": "flcc"},
    counts={"train": {"files": 1, "bytes": 2, "repositories": 1}},
    drops={"empty": 3},
    notes={"bom_removed": 0},
    near_duplicates={},
    shards={"train-00000-of-00008.parquet": {"sha256": "00", "rows": 1, "bytes": 2}},
    salt="0123456789abcdef",
    versions={"python": "3.11"},
)


def test_code_file_of_a_text():
    file = CodeFile.of("ann/tool", "a.py", "é\n", license="MIT")
    digest = hashlib.sha256(b"\xc3\xa9\n").hexdigest()
    assert file == CodeFile("ann/tool", "a.py", "é\n", "MIT", digest, 3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        file.size = 4


def test_manifest_comes_back():
    assert Manifest.from_json(MANIFEST.to_json(), where="m") == MANIFEST
    assert json.loads(MANIFEST.to_json())["digest"] == MANIFEST.digest


def test_digest_is_of_everything_but_versions():
    assert dataclasses.replace(MANIFEST, versions={}).digest == MANIFEST.digest
    for field in ("parameters", "source", "counts", "drops", "notes", "shards"):
        assert dataclasses.replace(MANIFEST, **{field: {}}).digest != MANIFEST.digest
    assert dataclasses.replace(MANIFEST, salt="").digest != MANIFEST.digest


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"digest": ""}', "\x00"])
def test_what_is_no_manifest(text):
    with pytest.raises(DataContractError, match="here.json is not a manifest"):
        Manifest.from_json(text, where="here.json")


def test_changed_manifest():
    with pytest.raises(DataContractError, match=r"here\.json was changed after it was written"):
        Manifest.from_json(MANIFEST.to_json().replace('"empty": 3', '"empty": 2'), where="here.json")


def test_other_schema_version():
    newer = dataclasses.replace(MANIFEST, schema_version=9)
    with pytest.raises(DataContractError, match=r"schema version 9, this code reads 2.*preprocessing\.run"):
        Manifest.from_json(newer.to_json(), where="here.json")


def test_an_older_manifest_lacks_fields_and_is_named_all_the_same():
    older = json.loads(dataclasses.replace(MANIFEST, schema_version=1).to_json())
    del older["near_duplicates"]
    with pytest.raises(DataContractError, match=r"here.json has schema version 1, this code reads 2"):
        Manifest.from_json(json.dumps(older), where="here.json")


def test_canonical_digest_ignores_the_order_of_keys():
    assert contract.canonical_digest({"a": 1, "b": 2}) == contract.canonical_digest({"b": 2, "a": 1})
    assert contract.canonical_digest([1, 2]) != contract.canonical_digest([2, 1])
    assert contract.bytes_digest(b"") == hashlib.sha256(b"").hexdigest()


def test_reserved_ids():
    pieces = contract.reserved_pieces()
    assert len(pieces) == len(set(pieces)) == 128
    ids = contract.special_ids(16_000)
    by_id = dict(enumerate(pieces, start=16_000 - 128))
    assert by_id[15_999] == "<extra_id_0>"
    assert by_id[ids["last_sentinel"]] == "<extra_id_99>"
    for name in ("fill_prefix", "fill_suffix", "fill_middle", "path_marker", "end_of_insertion"):
        assert by_id[ids[name]] == f"<{name}>"
    assert ids["fill_prefix"] == 15_899
    assert (ids["pad"], ids["eos"], ids["first_reserved"]) == (0, 1, 15_872)
