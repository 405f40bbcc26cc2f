import hashlib

import pytest
import tensorflow as tf

from code_t5.data import cache_manifest
from code_t5.data.cache_manifest import CacheManifest
from preprocessing.contract import DataContractError

MANIFEST = CacheManifest("a_task", {"version of seqio": "0.0.18", "train: shards": 1}, {"COPY": {"bytes": 1}})


def test_a_manifest_is_read_back(tmp_path):
    assert CacheManifest.read(str(tmp_path)) is None
    MANIFEST.write(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert CacheManifest.read(str(tmp_path)) == MANIFEST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace('"bytes": 1', '"bytes": 2'),
            "manifest.json is damaged: it is not as it was written",
        ),
        (lambda text: text[:-20], "manifest.json is damaged, or not the manifest of a cache"),
        (lambda text: "", "manifest.json is damaged, or not the manifest of a cache"),
        (lambda text: "[]", "manifest.json is damaged, or not the manifest of a cache"),
        (lambda text: text.replace('"task"', '"tusk"'), "manifest.json is damaged, or not the manifest of a cache"),
        (lambda text: text.replace('version": 1', 'version": 9'), "has schema version 9, this code reads 1"),
    ],
)
def test_a_damaged_manifest_is_refused(tmp_path, change, message):
    (tmp_path / "manifest.json").write_text(change(MANIFEST.to_json()))
    with pytest.raises(DataContractError, match=message):
        CacheManifest.read(str(tmp_path))


def test_every_flipped_bit_of_a_manifest_is_seen(tmp_path):
    text = MANIFEST.to_json().encode()
    for position in range(len(text)):
        flipped = bytearray(text)
        flipped[position] ^= 1 << (position % 8)
        (tmp_path / "manifest.json").write_bytes(flipped)
        with pytest.raises(DataContractError):
            CacheManifest.read(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train.tfrecord-00000-of-00016", True),
        ("train.tfrecord-00000-of-00016.incomplete", True),
        ("a.b.tfrecord-123456-of-123457", True),
        ("info.train.json", True),
        ("stats.validation.json.incomplete", True),
        ("manifest.json", True),
        ("COMPLETED", True),
        ("notes.txt", False),
        ("train.tfrecord-00000-of-00016.bak", False),
        ("COMPLETED2", False),
        ("my_manifest.json", False),
    ],
)
def test_which_names_a_cache_has(name, expected):
    assert cache_manifest.is_ours(name) is expected


def test_a_file_that_could_not_be_written_is_not_there(tmp_path, monkeypatch):
    target = tmp_path / "info.json"
    cache_manifest.write_file(str(target), "old")

    def fails(*arguments, **more):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io.gfile, "rename", fails)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        cache_manifest.write_file(str(target), "new")
    assert target.read_text() == "old"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_checksums(tmp_path, size):
    data = bytes(i * 7 % 251 for i in range(size))
    (tmp_path / "file").write_bytes(data)
    assert cache_manifest.checksum(str(tmp_path / "file")) == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": size,
    }


def test_damages(tmp_path):
    names = ("good", "flipped", "short", "long", "gone")
    for name in names:
        (tmp_path / name).write_bytes(bytes(100))
    files = {name: cache_manifest.checksum(str(tmp_path / name)) for name in names}
    (tmp_path / "flipped").write_bytes(bytes(50) + b"\1" + bytes(49))
    (tmp_path / "short").write_bytes(bytes(99))
    (tmp_path / "long").write_bytes(bytes(1234))
    (tmp_path / "gone").unlink()
    seen = []
    assert cache_manifest.damages(str(tmp_path), files, progress=seen.append) == {
        "flipped": "is damaged: its SHA-256 is not the manifest's",
        "short": "is damaged: 99 bytes, the manifest says 100",
        "long": "is damaged: 1,234 bytes, the manifest says 100",
        "gone": "is missing",
    }
    assert seen == [100] * 5
    assert set(cache_manifest.damages(str(tmp_path), files, read=False)) == {"short", "long", "gone"}


def test_folders_are_no_files(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("")
    assert cache_manifest.file_names(str(tmp_path)) == ["a"]
