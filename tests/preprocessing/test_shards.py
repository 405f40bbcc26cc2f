import builtins
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing import contract, shards
from preprocessing.contract import CodeFile, DataContractError, Manifest

FILES = [CodeFile.of("ann/tool", f"{i}.py", f"x = {i}\n# Ċ ▁ é\r\n" * 20, license="MIT") for i in range(5)]


def table_of(files: list[CodeFile]) -> pa.Table:
    rows = [[getattr(file, name) for file in files] for name in shards.SCHEMA.names[:-1]]
    rows.append([shards.NO_CLUSTER] * len(files))
    return pa.table([pa.array(row, field.type) for row, field in zip(rows, shards.SCHEMA, strict=True)], shards.SCHEMA)


@pytest.fixture
def dataset(tmp_path):
    entries = {}
    for split in contract.SPLITS:
        for index in range(contract.NUM_SHARDS):
            here = FILES if (split, index) == ("train", 2) else FILES[:1] if (split, index) == ("test", 0) else []
            groups = [table_of(here[:3]), table_of(here[3:])] if here else []
            name = shards.shard_name(split, index)
            entries[name] = shards.write_shard(tmp_path / name, groups)
    manifest = Manifest({}, {}, {}, {}, {}, {}, entries, "0" * 16, {})
    shards.write_manifest(tmp_path, manifest)
    return tmp_path


def test_names():
    assert shards.shard_name("train", 3) == "train-00003-of-00008.parquet"
    assert shards.shard_name("test", 0, format="jsonl") == "test-00000-of-00008.jsonl"


def test_shard_of_is_the_same_everywhere():
    assert shards.shard_of("ann/tool") == 4
    assert {shards.shard_of(f"ann/{i}") for i in range(200)} == set(range(8))


def test_row_groups_hold_at_most_so_many_bytes():
    mb = 1_000_000
    assert list(shards.row_groups(np.array([5, 3, 2]) * mb)) == [slice(0, 2), slice(2, 3)]
    assert list(shards.row_groups(np.array([9, 9, 1, 7]) * mb)) == [slice(0, 1), slice(1, 2), slice(2, 4)]
    assert list(shards.row_groups(np.array([], np.int64))) == []


def test_written_is_read(dataset):
    assert list(shards.read_documents(dataset, "train")) == FILES
    assert list(shards.read_documents(dataset, "test")) == FILES[:1]
    assert list(shards.read_documents(str(dataset), "validation")) == []
    assert list(shards.read_documents(dataset, "train", shard=2)) == FILES
    assert list(shards.read_documents(dataset, "train", shard=3)) == []


def test_columns_alone_in_the_order_asked_for(dataset):
    batches = list(shards.read_columns(dataset, "train", columns=["size", "path"]))
    assert [batch.schema.names for batch in batches] == [["size", "path"]] * 2
    assert [batch.num_rows for batch in batches] == [3, 2]
    clusters = [batch["near_duplicate_cluster"].to_pylist() for batch in shards.read_columns(dataset, "train")]
    assert clusters == [[-1, -1, -1], [-1, -1]]


def test_weights_are_read_and_are_one_where_there_are_none(dataset):
    without = [batch["weight"].to_pylist() for batch in shards.read_columns(dataset, "train", columns=["weight"])]
    assert without == [[1.0, 1.0, 1.0], [1.0, 1.0]]
    weights = pa.array([0.5, 1.0, 4.0, 0.25, 2.0], pa.float32())
    weighted = table_of(FILES).append_column(shards.WEIGHT, weights)
    entry = shards.write_shard(dataset / "weighted", [weighted], schema=shards.WEIGHTED_SCHEMA)
    (dataset / "weighted").rename(dataset / "train-00002-of-00008.parquet")
    manifest = shards.read_manifest(dataset)
    manifest.shards["train-00002-of-00008.parquet"] = entry
    shards.write_manifest(dataset, manifest)
    [batch] = shards.read_columns(dataset, "train", columns=["weight", "path"])
    assert batch.schema.names == ["weight", "path"]
    assert batch["weight"].type == pa.float32()
    assert batch["weight"].to_pylist() == [0.5, 1.0, 4.0, 0.25, 2.0]
    assert list(shards.read_documents(dataset, "train")) == FILES
    [first] = shards.read_columns(dataset, "train")
    assert first.schema.names == shards.SCHEMA.names


def test_shard_layout(dataset):
    metadata = pq.read_metadata(dataset / "train-00002-of-00008.parquet")
    assert metadata.schema.to_arrow_schema() == shards.SCHEMA
    assert metadata.num_row_groups == 2
    columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
    assert {column.compression for column in columns} == {"ZSTD"}
    content = columns[shards.SCHEMA.get_field_index("content")]
    assert content.statistics is None
    assert "RLE_DICTIONARY" not in content.encodings


def test_equal_tables_give_equal_bytes(tmp_path):
    entries = [shards.write_shard(tmp_path / name, [table_of(FILES)]) for name in ("a", "b")]
    assert entries[0] == entries[1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert entries[0]["sha256"] == contract.bytes_digest((tmp_path / "a").read_bytes())
    assert (entries[0]["rows"], entries[0]["bytes"]) == (5, (tmp_path / "a").stat().st_size)


def test_the_pieces_that_a_table_is_made_of_do_not_show(tmp_path):
    generator = random.Random(0)
    files = [CodeFile.of("ann/tool", f"{i:03d}.py", generator.randbytes(10_000).hex()) for i in range(150)]
    whole = table_of(files)
    in_pieces = pa.concat_tables([whole.slice(start, 7) for start in range(0, len(files), 7)])
    entries = [shards.write_shard(tmp_path / "shard", [table]) for table in (whole, in_pieces)]
    assert in_pieces["content"].num_chunks == 22
    assert entries[0] == entries[1]


def test_jsonl_is_the_predecessors(tmp_path):
    entry = shards.write_shard(tmp_path / "a.jsonl", [table_of(FILES)], format="jsonl")
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert entry["rows"] == len(lines) == 5
    assert json.loads(lines[1]) == {
        "content": FILES[1].content,
        "sha": FILES[1].sha256,
        "filepath": "1.py",
        "repository": "ann/tool",
        "license": "MIT",
    }


def test_unfinished_dataset(dataset):
    (dataset / contract.MANIFEST_FILE).unlink()
    with pytest.raises(DataContractError, match=r"no finished document dataset.*python -m preprocessing\.run"):
        next(shards.read_documents(dataset, "train"))
    with pytest.raises(DataContractError, match="no finished document dataset"):
        shards.read_manifest(dataset / "nowhere")


def test_not_found_of_another_file_system(dataset):
    class NotFoundError(Exception):
        """Named like TensorFlow's."""

    def open_file(address, mode):
        if address.endswith("manifest.json") and "nowhere" not in address:
            return builtins.open(address, mode)
        raise NotFoundError(address)

    with pytest.raises(DataContractError, match="no finished document dataset"):
        shards.read_manifest("gs://bucket/nowhere", open_file=open_file)
    with pytest.raises(DataContractError, match=r"train-00000-of-00008\.parquet is missing"):
        next(shards.read_documents(dataset, "train", open_file=open_file))


def test_a_file_object_without_closed_is_enough(dataset):
    class LikeGFile:
        def __init__(self, address, mode):
            self.file = builtins.open(address, mode)  # noqa: SIM115
            self.read, self.tell = self.file.read, self.file.tell

        def seek(self, offset, whence=0):
            self.file.seek(offset, whence)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.file.close()

    assert list(shards.read_documents(dataset, "train", open_file=LikeGFile)) == FILES


def test_truncated_shard_is_named(dataset):
    shard = dataset / "train-00002-of-00008.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DataContractError, match=r"train-00002-of-00008\.parquet is damaged: \d+ bytes, the manifest"):
        list(shards.read_documents(dataset, "train", verify=False))


@pytest.mark.parametrize("position", [10, -300])
def test_a_flipped_bit_is_found_before_the_first_row(dataset, position):
    shard = dataset / "train-00002-of-00008.parquet"
    data = bytearray(shard.read_bytes())
    data[position] ^= 1
    shard.write_bytes(data)
    with pytest.raises(DataContractError, match=r"train-00002-of-00008\.parquet is damaged: its SHA-256"):
        next(shards.read_documents(dataset, "train"))


def test_missing_shard_is_named(dataset):
    (dataset / "train-00002-of-00008.parquet").unlink()
    with pytest.raises(DataContractError, match=r"train-00002-of-00008\.parquet cannot be read"):
        list(shards.read_documents(dataset, "train"))


def test_garbage_is_named_without_verification(dataset):
    shard = dataset / "train-00002-of-00008.parquet"
    shard.write_bytes(b"x" * shard.stat().st_size)
    with pytest.raises(DataContractError, match=r"train-00002-of-00008\.parquet cannot be read"):
        list(shards.read_documents(dataset, "train", verify=False))


def test_wrong_names(dataset):
    with pytest.raises(ValueError, match="no split 'dev': it is one of train, validation, test"):
        next(shards.read_documents(dataset, "dev"))
    with pytest.raises(ValueError, match="no column 'text': there are repository, path"):
        next(shards.read_columns(dataset, "train", columns=["text"]))


def test_jsonl_datasets_are_for_other_programs(tmp_path):
    manifest = Manifest({}, {}, {}, {}, {}, {}, {"train-00000-of-00008.jsonl": {}}, "0" * 16, {})
    shards.write_manifest(tmp_path, manifest)
    with pytest.raises(DataContractError, match="written with --format=jsonl"):
        next(shards.read_documents(tmp_path, "train"))
