"""The command from its documents to its folder; its plots and its page have tests of their own."""

import collections
import json
import pathlib
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from preprocessing import output_folder, shards, statistics, statistics_plots, symbols, vocabulary
from preprocessing.contract import DataContractError
from preprocessing.prompt import Codec
from tests.preprocessing import small_documents

FILES = {
    *("drops.parquet", "imports.parquet", "libraries.parquet", "plots", "repositories.parquet", "statistics.html"),
    *("summary.json", "symbols.parquet"),
}


@pytest.fixture(scope="module")
def documents(tmp_path_factory) -> pathlib.Path:
    return small_documents.make(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def made(documents, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("made") / "statistics"
    statistics.make_statistics(documents, folder)
    return folder


@pytest.fixture
def without_plots(monkeypatch):
    """They take seconds, and have been drawn once for `made`."""
    monkeypatch.setattr(statistics_plots, "draw", lambda summary, folder: [])


def content(folder: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "preprocessing.statistics", *map(str, arguments)], capture_output=True, text=True
    )


def test_two_workers_make_the_same_bytes_as_one(documents, made, tmp_path):
    done = command("--documents", documents, "--output_dir", tmp_path / "again", "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "again") == content(made)
    assert {path.name for path in made.iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["again"]
    first, train, *_ = done.stdout.splitlines()
    assert first.split() == ["repositories", "files", "lines", "tokens", "unparsable", "MB", "symbols"]
    assert train.split() == ["train", "6", "16", "86", "237", "1", "0.0", "9"]


def test_sums_are_those_of_the_manifest(documents, made):
    manifest, summary = shards.read_manifest(documents), statistics.read_summary(made)
    assert summary["documents_digest"] == manifest.digest
    rows = pq.read_table(made / "repositories.parquet").to_pylist()
    for split, count in manifest.counts.items():
        here = [row for row in rows if row["split"] == split]
        licenses = [row for row in summary["licenses"] if row["split"] == split]
        for name in ("files", "bytes"):
            assert sum(row[name] for row in here) == sum(row[name] for row in licenses) == count[name]
            assert summary["splits"][split][name] == count[name]
        assert len(here) == count["repositories"] == summary["splits"][split]["repositories"]
        assert sum(summary["files_by_bytes"][split]) == sum(summary["files_by_lines"][split]) == count["files"]
    drops = collections.Counter()
    for row in pq.read_table(made / "drops.parquet").to_pylist():
        drops[row["reason"]] += row["files"]
    assert drops == {reason: files for reason, files in manifest.drops.items() if files}
    assert summary["drops"] == manifest.drops
    table = pq.read_table(made / "symbols.parquet").to_pylist()
    for split, totals in summary["symbols"].items():
        here = [row for row in table if row["split"] == split]
        assert totals == {"symbols": len(here), **{name: sum(r[name] for r in here) for name in ("uses", "calls")}}


def test_the_distribution_is_read_back(made):
    train = symbols.read_symbols(made, "train")
    assert train["os.path"] == {"join": 12}
    assert train["lib"] == {"other": 1, "two": 2}
    assert symbols.read_symbols(made, "validation") == {
        "os": {"path": 12}, "os.path": {"join": 12}, "numpy": {"array": 12}
    }  # fmt: skip


def test_the_same_again_is_not_made_again(documents, made, tmp_path):
    before = made.stat().st_mtime_ns
    done = command("--documents", documents, "--output_dir", made)
    assert (done.returncode, done.stdout) == (0, f"already made: {made / 'statistics.html'}\n")
    assert made.stat().st_mtime_ns == before


def test_tokens_of_a_vocabulary(documents, tmp_path, without_plots):
    folder = tmp_path / "vocabulary"
    folder.mkdir()
    texts = [file.content for file in shards.read_documents(documents, "train")]
    (folder / "code.model").write_bytes(vocabulary.train(iter(texts * 40), 440))
    summary = statistics.make_statistics(documents, tmp_path / "out", vocabulary=folder)
    codec = Codec.from_file(folder / "code.model")
    assert summary["splits"]["train"]["tokens"] == sum(len(codec.encode(text)) for text in texts)
    assert summary["parameters"]["tokens"] == "pieces of the vocabulary"
    with pytest.raises(DataContractError, match=r"holds statistics made otherwise: parameters .*'words'.* asked for"):
        statistics.make_statistics(documents, tmp_path / "out")


def test_a_missing_or_damaged_vocabulary_is_named(documents, tmp_path):
    done = command("--documents", documents, "--output_dir", tmp_path / "out", "--vocabulary", tmp_path / "none")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/none holds no vocabulary: there is no code.model. Make it with")
    (tmp_path / "code.model").write_bytes(b"no model")
    with pytest.raises(DataContractError, match=r"code\.model is damaged"):
        statistics.make_statistics(documents, tmp_path / "out", vocabulary=tmp_path)


def test_a_damaged_shard_is_named_and_nothing_is_left(documents, tmp_path):
    copy = tmp_path / "documents"
    copy.mkdir()
    for name, data in content(documents).items():
        (copy / name).write_bytes(data)
    shard = next(copy.glob("test-0000*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-7])
    done = command("--documents", copy, "--output_dir", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {shard} is damaged: {shard.stat().st_size} bytes, the manifest says")
    assert [path.name for path in tmp_path.iterdir()] == ["documents"]


def test_unfinished_documents_are_refused(tmp_path):
    with pytest.raises(DataContractError, match="holds no finished document dataset"):
        statistics.make_statistics(tmp_path, tmp_path / "out")


def test_something_else_stays_as_it_is(documents, tmp_path):
    (tmp_path / "thesis.txt").write_text("important")
    for overwrite in (False, True):
        with pytest.raises(DataContractError, match="holds no statistics .* so it stays as it is"):
            statistics.make_statistics(documents, tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "important"


def test_statistics_of_other_documents_are_replaced_when_asked(documents, made, tmp_path, without_plots):
    folder = tmp_path / "out"
    folder.mkdir()
    for path in made.rglob("*.json"):
        summary = {**json.loads(path.read_text()), "documents_digest": "of others"}
        (folder / path.name).write_text(json.dumps(summary))
    with pytest.raises(DataContractError, match="documents_digest of others there, .* or replace what is there with"):
        statistics.make_statistics(documents, folder)
    statistics.make_statistics(documents, folder, overwrite=True)
    assert (folder / "summary.json").read_bytes() == (made / "summary.json").read_bytes()
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_second_run_is_refused(documents, tmp_path):
    with output_folder.making(tmp_path / "out"):
        done = command("--documents", documents, "--output_dir", tmp_path / "out")
    assert done.returncode == 1
    assert "error: another process is making" in done.stderr


def test_killed_while_it_writes_it_is_made_anew(documents, made, tmp_path, without_plots):
    program = (
        "import os, sys; from preprocessing import statistics, statistics_tables\n"
        "statistics_tables.write_imports = lambda *_: os.kill(os.getpid(), 9)\n"
        "statistics.main(sys.argv[1:])"
    )
    arguments = ["--documents", documents, "--output_dir", tmp_path / "out", "--workers", "1"]
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True)
    assert done.returncode == -9
    assert [path.name for path in tmp_path.iterdir()] == ["out.incomplete"]
    statistics.make_statistics(documents, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "summary.json").read_bytes() == (made / "summary.json").read_bytes()


def test_without_matplotlib_one_line_says_what_to_do(documents, tmp_path):
    program = "import sys; sys.modules['matplotlib'] = None; from preprocessing import statistics; statistics.main()"
    arguments = ["--documents", documents, "--output_dir", tmp_path / "out"]
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: the plots need matplotlib: pip install 'code_t5[statistics]'\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "0"], "--workers 0: at least one"),
        (["--output_dir", "."], "--output_dir . holds the documents"),
    ],
)
def test_wrong_arguments(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        statistics.main(["--documents", "documents", "--output_dir", "out", *arguments])
    assert message in capsys.readouterr().err
