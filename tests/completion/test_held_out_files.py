import pathlib
import sys

import pyarrow as pa
import pytest

from completion import held_out_files
from completion.held_out_files import HeldOut
from preprocessing import contract, shards
from preprocessing.contract import CodeFile, DataContractError, Manifest

FILES = [CodeFile.of(f"ann/{i % 3}", f"src/{i}.py", f"x = {i}\n# Ċ ▁ é\r\n" * 3) for i in range(12)]


@pytest.fixture
def documents(tmp_path) -> pathlib.Path:
    """The test split in two shards and three row groups; the others have nothing."""
    entries = {}
    for split in contract.SPLITS:
        for index, groups in enumerate([[FILES[:4], FILES[4:5]], [FILES[5:]]] if split == "test" else [[]]):
            name = shards.shard_name(split, index)
            rows = [[{**_fields(file), "near_duplicate_cluster": -1} for file in group] for group in groups]
            tables = [pa.Table.from_pylist(group, schema=shards.SCHEMA) for group in rows]
            entries[name] = shards.write_shard(tmp_path / name, tables)
    shards.write_manifest(tmp_path, Manifest({}, {}, {}, {}, {}, {}, entries, "0" * 16, {}))
    return tmp_path


def _fields(file: CodeFile) -> dict:
    return {name: getattr(file, name) for name in CodeFile.__slots__}


def test_documents_are_those_that_preprocessing_reads(documents):
    drawn = held_out_files.of_documents(documents, "test")
    expected = [
        HeldOut(f"{f.repository}/{f.path}", f.path, f.content) for f in shards.read_documents(documents, "test")
    ]
    assert drawn.files == expected
    assert len(expected) == drawn.available == 12
    assert drawn.left_out == []
    assert held_out_files.of_documents(documents, "train").files == []


def test_some_are_drawn_with_a_seed(documents):
    everything = held_out_files.of_documents(documents, "test").files
    first, again, other = (held_out_files.of_documents(documents, "test", num_files=5, seed=s) for s in (0, 0, 1))
    assert first == again != other
    for drawn in (first, other):
        assert len({file.name for file in drawn.files}) == 5
        assert [file for file in everything if file in drawn.files] == drawn.files, "as they are, in their order"
        assert drawn.available == 12
    seen = {
        file.name
        for s in range(30)
        for file in held_out_files.of_documents(documents, "test", num_files=2, seed=s).files
    }
    assert len(seen) == 12, "each of them can be drawn"
    assert held_out_files.of_documents(documents, "test", num_files=50).files == everything


def test_files_that_are_no_text_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in (("a.py", b"\xef\xbb\xbfx = 1\r\n"), ("b.py", b"\xe9\n"), ("c.py", b"")):
        pathlib.Path(name).write_bytes(data)
    drawn = held_out_files.of_files([pathlib.Path("a.py"), pathlib.Path("b.py"), tmp_path / "c.py"])
    assert drawn.files == [HeldOut("a.py", "a.py", "x = 1\r\n"), HeldOut(str(tmp_path / "c.py"), "c.py", "")]
    assert drawn.left_out == [("b.py", "not_utf8")]
    assert drawn.available == 3
    assert len(held_out_files.of_files([pathlib.Path("a.py")] * 4, num_files=3).files) == 3
    with pytest.raises(FileNotFoundError, match=r"d\.py"):
        held_out_files.of_files([pathlib.Path("d.py")])


def test_without_pyarrow_there_is_one_clear_line(documents, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match="read with pyarrow, which is not installed: pip install pyarrow, or give"):
        held_out_files.of_documents(documents, "test")


def test_an_unfinished_dataset_is_named(documents):
    (documents / contract.MANIFEST_FILE).unlink()
    with pytest.raises(DataContractError, match=r"holds no finished document dataset: there is no manifest\.json"):
        held_out_files.of_documents(documents, "test")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_damaged_shard_is_named(documents, damage):
    damage(documents / shards.shard_name("test", 1))
    with pytest.raises(DataContractError, match=r"test-00001-of-00008\.parquet cannot be read"):
        held_out_files.of_documents(documents, "test")


def test_damage_within_a_shard_is_seen(documents):
    path = documents / shards.shard_name("test", 1)
    data = bytearray(path.read_bytes())
    data[10:400] = b"\xff" * 390
    path.write_bytes(data)
    with pytest.raises(DataContractError, match="cannot be read"):
        held_out_files.of_documents(documents, "test")


def test_a_dataset_for_other_programs_is_named(tmp_path):
    entries = {shards.shard_name("test", 0, format="jsonl"): {"sha256": "", "rows": 0, "bytes": 0}}
    shards.write_manifest(tmp_path, Manifest({}, {}, {}, {}, {}, {}, entries, "0" * 16, {}))
    with pytest.raises(DataContractError, match=r"test-00000-of-00008\.jsonl was written with --format=jsonl"):
        held_out_files.of_documents(tmp_path, "test")
