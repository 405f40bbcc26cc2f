import gzip

import pytest

from preprocessing.contract import DataContractError
from preprocessing.legacy import TextSource
from preprocessing.source import Dropped, RawFile


def read(source, max_bytes: int = 1 << 20) -> list:
    return [item for unit in source.units() for item in unit.read(max_bytes=max_bytes)]


def test_one_document_a_line(tmp_path):
    (tmp_path / "train.txt").write_text("x = 1Ċy = 2Ċ\n\nz = '▁ é'Ċ\n", encoding="utf-8")
    (tmp_path / "test.txt.gz").write_bytes(gzip.compress("wĊ".encode()))
    (tmp_path / "README").write_text("not this")
    assert read(TextSource(tmp_path)) == [
        RawFile("legacy/test", "00000001.py", b"w\n"),
        RawFile("legacy/train", "00000001.py", b"x = 1\ny = 2\n"),
        RawFile("legacy/train", "00000003.py", "z = '▁ é'\n".encode()),
    ]


def test_long_lines(tmp_path):
    (tmp_path / "a.txt").write_text("Ċ" * 10 + "\n" + "x" * 21 + "\nx\n", encoding="utf-8")
    assert read(TextSource(tmp_path / "a.txt"), 10) == [
        RawFile("legacy/a", "00000001.py", b"\n" * 10),
        Dropped("too_large", "a.txt:2"),
        RawFile("legacy/a", "00000003.py", b"x"),
    ]


def test_nothing_to_read(tmp_path):
    with pytest.raises(DataContractError, match=r"there is no \*\.txt or \*\.txt\.gz in it"):
        TextSource(tmp_path)


def test_description(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x\n")
    assert TextSource(tmp_path).describe()["kind"] == "text"
