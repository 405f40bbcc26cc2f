import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from preprocessing import filters, github_export, row_files, shards
from preprocessing.contract import CodeFile, DataContractError
from preprocessing.github_export import JsonlSource, ParquetSource, raw_file
from preprocessing.source import Dropped, RawFile

BIGQUERY = {
    "repository": "ann/tool",
    "license": "apache-2.0",
    "filepath": "src/a b.py",
    "size": "6",
    "sha": "0123456789abcdef0123456789abcdef01234567",
    "content": "x = 1\n",
}
ATHENA = {
    "owner": "bob",
    "name": "größe",
    "license": "mit",
    "path": "b.py",
    "size": 7,
    "content_sha": "00" * 32,
    "content": "y = '\u010a'\r\n",
}
FILES = [
    RawFile("ann/tool", "src/a b.py", b"x = 1\n", "Apache-2.0"),
    RawFile("bob/größe", "b.py", "y = 'Ċ'\r\n".encode(), "MIT"),
]


def lines(*rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(source, max_bytes: int = 1 << 20) -> list:
    return [item for unit in source.units() for item in unit.read(max_bytes=max_bytes)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl.gz", "000000000012"])
def test_bigquery_and_athena_rows(tmp_path, pack, name):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / name).write_bytes(pack(lines(BIGQUERY, ATHENA)))
    assert read(JsonlSource(tmp_path)) == FILES
    assert read(JsonlSource(tmp_path / "part" / name)) == FILES


def test_the_hash_is_of_the_content():
    file, _ = filters.accept(raw_file(ATHENA, max_bytes=99), filters.FilterParameters())
    assert file == CodeFile.of("bob/größe", "b.py", ATHENA["content"], license="MIT")


@pytest.mark.parametrize(
    "broken",
    [
        b'{"repository": "ann/tool", "filepath"\n',
        b"\xff\xfe\n",
        b"null\n",
        b"[" * 100_000 + b"\n",
        lines({**BIGQUERY, "content": None}),
        lines({**BIGQUERY, "content": 7}),
        lines({**BIGQUERY, "filepath": ""}),
        lines({key: value for key, value in BIGQUERY.items() if key != "repository"}),
        lines({**ATHENA, "owner": None}),
    ],
)
def test_a_broken_row_is_named_and_nothing_else_is_lost(tmp_path, broken):
    (tmp_path / "rows.json").write_bytes(lines(BIGQUERY) + b"\n" + broken + lines(ATHENA))
    assert read(JsonlSource(tmp_path)) == [FILES[0], Dropped("broken_row", "rows.json:3"), FILES[1]]


def test_a_row_cut_off_at_the_end(tmp_path):
    (tmp_path / "rows.json").write_bytes(lines(BIGQUERY) + lines(ATHENA)[:-9])
    assert read(JsonlSource(tmp_path)) == [FILES[0], Dropped("broken_row", "rows.json:2")]


@pytest.mark.parametrize("content", ["x" * 11, "x" * 200_000], ids=["parsed", "too long to parse"])
def test_large_rows(tmp_path, content):
    (tmp_path / "rows.json").write_bytes(lines(BIGQUERY, {**BIGQUERY, "content": content}, ATHENA))
    assert read(JsonlSource(tmp_path), 10) == [FILES[0], Dropped("too_large", "rows.json:2"), FILES[1]]


def test_lone_surrogates_become_undecodable_bytes():
    file = raw_file({**BIGQUERY, "content": "x = '\ud800'\n"}, max_bytes=99)
    assert filters.accept(file, filters.FilterParameters()).reason == "not_utf8"


@pytest.mark.parametrize("range_bytes", [1, 7, 100, 181, 182, 183, 1000])
def test_ranges_meet_at_line_ends(tmp_path, monkeypatch, range_bytes):
    rows = [{**BIGQUERY, "filepath": f"{i}.py"} for i in range(9)]
    data = lines(*rows[:4]) + b"\nbroken\n" + lines(*rows[4:])
    (tmp_path / "rows.json").write_bytes(data)
    monkeypatch.setattr(row_files, "RANGE_BYTES", range_bytes)
    monkeypatch.setattr(row_files, "MAX_RANGES", 10_000)
    items = read(JsonlSource(tmp_path))
    assert len(JsonlSource(tmp_path).units()) == -(-len(data) // range_bytes)
    assert [item.path for item in items if isinstance(item, RawFile)] == [f"{i}.py" for i in range(9)]
    assert items[4] == Dropped("broken_row", "rows.json:6")


def test_units_of_a_large_input_stay_few(tmp_path, monkeypatch):
    (tmp_path / "rows.json").write_bytes(lines(BIGQUERY) * 1000)
    monkeypatch.setattr(row_files, "RANGE_BYTES", 1)
    assert len(JsonlSource(tmp_path).units()) <= row_files.MAX_RANGES + 1
    assert len(read(JsonlSource(tmp_path))) == 1000


@pytest.mark.parametrize("spoil", [lambda data: data[:-20], lambda data: data[:40] + b"\0\0\0\0\0\0" + data[46:]])
def test_a_truncated_or_damaged_gzip_is_an_error(tmp_path, spoil):
    rows = [{**BIGQUERY, "filepath": f"{i}.py"} for i in range(9)]
    (tmp_path / "rows.json.gz").write_bytes(spoil(gzip.compress(lines(*rows))))
    with pytest.raises(DataContractError, match=r"rows\.json\.gz is damaged after line \d+: .* fetch it again"):
        read(JsonlSource(tmp_path))


def test_nothing_to_read(tmp_path):
    (tmp_path / ".hidden").write_bytes(b"{}")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    with pytest.raises(DataContractError, match="holds nothing to read: there is no file in it"):
        JsonlSource(tmp_path)
    with pytest.raises(DataContractError, match=r"there is no \*\.parquet in it"):
        ParquetSource(tmp_path)


def test_empty_files_are_no_rows(tmp_path):
    (tmp_path / "rows.json").write_bytes(b"")
    (tmp_path / "rows.json.gz").write_bytes(gzip.compress(b""))
    assert read(JsonlSource(tmp_path)) == []


def test_description_depends_on_names_and_sizes_alone(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rows.json").write_bytes(lines(BIGQUERY))
    one, two = (JsonlSource(tmp_path / folder).describe() for folder in ("one", "two"))
    assert one == two
    assert (one["kind"], one["files"], one["bytes"]) == ("jsonl", 1, len(lines(BIGQUERY)))
    (tmp_path / "two" / "more.json").write_bytes(b"")
    assert JsonlSource(tmp_path / "two").describe()["digest"] != one["digest"]


STACK = {
    "max_stars_repo_name": ["ann/tool", "bob/größe"],
    "max_stars_repo_path": ["src/a b.py", "b.py"],
    "max_stars_repo_licenses": [["Apache-2.0"], ["mit", "BSD-3-Clause"]],
    "content": ["x = 1\n", "y = 'Ċ'\r\n"],
    "avg_line_length": [5.0, 8.0],
}


@pytest.mark.parametrize(
    "columns",
    [
        {"repository": "max_stars_repo_name", "path": "max_stars_repo_path", "license": "max_stars_repo_licenses"},
        {"repo_name": "max_stars_repo_name", "filepath": "max_stars_repo_path", "licenses": "max_stars_repo_licenses"},
        {name: name for name in STACK},
    ],
)
def test_parquet_under_any_names(tmp_path, columns):
    table = {new: STACK[old] for new, old in columns.items()} | {"content": STACK["content"]}
    pq.write_table(pa.table(table), tmp_path / "a.parquet", row_group_size=1)
    source = ParquetSource(tmp_path)
    assert len(source.units()) == 2
    assert read(source) == [FILES[0], RawFile("bob/größe", "b.py", FILES[1].data, "MIT AND BSD-3-Clause")]


def test_parquet_without_licence_and_with_owner_and_name(tmp_path):
    pq.write_table(
        pa.table({"owner": ["a"], "name": ["b"], "path": ["c.py"], "content": ["x\n"]}), tmp_path / "a.parquet"
    )
    assert read(ParquetSource(tmp_path / "a.parquet")) == [RawFile("a/b", "c.py", b"x\n", "")]


def test_parquet_reads_only_the_columns_it_needs(tmp_path):
    pq.write_table(pa.table(STACK), tmp_path / "a.parquet")
    (unit,) = ParquetSource(tmp_path).units()
    assert set(unit.columns) == set(STACK) - {"avg_line_length"}


def test_parquet_rows_that_cannot_be_used_are_named(tmp_path):
    content = pa.array([b"x\n", None, b"\xff\n", b"y" * 30, b"z\n"], pa.binary())
    table = pa.table({"repository": ["a/b", "a/b", "a/b", "a/b", None], "path": list("12345"), "content": content})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    assert read(ParquetSource(tmp_path), 20) == [
        RawFile("a/b", "1", b"x\n"),
        Dropped("broken_row", "a.parquet:1"),
        RawFile("a/b", "3", b"\xff\n"),
        Dropped("too_large", "a.parquet:3"),
        Dropped("broken_row", "a.parquet:4"),
    ]


def test_parquet_without_content(tmp_path):
    pq.write_table(pa.table({"repository": ["a/b"], "path": ["c"], "text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(DataContractError, match=r"a\.parquet has no column for the content: expected one of content"):
        ParquetSource(tmp_path).units()


def test_damaged_parquet(tmp_path):
    pq.write_table(pa.table(STACK), tmp_path / "a.parquet", compression="none")
    data = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(data[:-30])
    with pytest.raises(DataContractError, match=r"a\.parquet is not a whole Parquet file"):
        ParquetSource(tmp_path).units()
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\xff" * (len(data) // 3) + data[4 + len(data) // 3 :])
    with pytest.raises(DataContractError, match=r"a\.parquet is damaged in row group 0"):
        read(ParquetSource(tmp_path))


def test_parquet_asked_for_as_jsonl(tmp_path):
    pq.write_table(pa.table(STACK), tmp_path / "rows")
    with pytest.raises(DataContractError, match=r"rows is a Parquet file: read those with --input_format=parquet"):
        JsonlSource(tmp_path)


def test_our_own_documents_can_be_read_again(tmp_path):
    """Both formats that `preprocessing.run` writes are exports like any other."""
    file = CodeFile.of("ann/tool", "a.py", "x = 1\n", license="MIT")
    rows = [[getattr(file, name)] for name in shards.SCHEMA.names[:-1]] + [[shards.NO_CLUSTER]]
    table = pa.table(rows, schema=shards.SCHEMA)
    for format, source in (("jsonl", JsonlSource), ("parquet", ParquetSource)):
        folder = tmp_path / format
        folder.mkdir()
        shards.write_shard(folder / shards.shard_name("train", 0, format=format), [table], format=format)
        (folder / shards.DROPPED_FILE).write_bytes(gzip.compress(b'{"reason": "empty", "where": "x"}\n'))
        assert read(source(folder)) == [RawFile("ann/tool", "a.py", b"x = 1\n", "MIT")]


def test_spdx_ids():
    assert github_export.SPDX_IDS["gpl-3.0"] == "GPL-3.0"
    assert raw_file({**BIGQUERY, "license": "of-my-own"}, max_bytes=9).license == "of-my-own"
    assert raw_file({**BIGQUERY, "license": None}, max_bytes=9).license == ""
