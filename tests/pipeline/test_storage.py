"""What is sent comes back byte for byte, whoever is killed meanwhile; against a real S3 server on loopback."""

import argparse
import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import fsspec
import pytest
import s3fs
from moto.server import ThreadedMotoServer

from pipeline import records, sent_files, storage, storage_commands, transfer

_SECRET = "0penSesame+and/more"
_FILES = {
    "a.txt": b"one\r\n",
    "empty": b"",
    "inner/b b.bin": bytes(range(256)),
    "inner/deep/\u00e9#?%20.txt": b"\xff\x00",
}


class Requests(logging.Handler):
    """What the server was asked, as it logs it."""

    def __init__(self):
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in self.lines)


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(server, monkeypatch, request):
    """An empty bucket; the server is found as the users' is, through the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", _SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    name = re.sub("[^a-z0-9]", "-", request.node.name.lower())[:60].strip("-")
    s3fs.S3FileSystem.clear_instance_cache()  # the last test's may have had another environment
    fsspec.filesystem("s3").mkdir(name)
    return f"s3://{name}"


@pytest.fixture
def asked():
    requests, log = Requests(), logging.getLogger("werkzeug")
    level = log.level
    log.addHandler(requests)
    log.setLevel(logging.INFO)
    yield requests
    log.removeHandler(requests)
    log.setLevel(level)


@pytest.fixture(params=["s3", "file", "memory"])
def url(request, bucket, tmp_path):
    yield {"s3": f"{bucket}/some/prefix", "file": f"file://{tmp_path}/far", "memory": "memory://far"}[request.param]
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def _write(folder: pathlib.Path, files: dict[str, bytes]) -> pathlib.Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def _content(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _result(results: pathlib.Path, *, status: str = records.FINISHED) -> pathlib.Path:
    folder = _write(results / "Documents" / "0123456789", {"manifest.json": b"{}", "train-0.parquet": b"rows"})
    record = records.Record("Documents", "0123456789", status=status, tags=["good"], process=records.this_process())
    records.write(records.path_of(results, "Documents", "0123456789"), record)
    return folder


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    storage_commands.add_commands(parser.add_subparsers(required=True))
    given = parser.parse_args(words)
    return given.run(given)


def test_a_folder_comes_back_byte_for_byte(url, tmp_path):
    folder = _write(tmp_path / "notes", _FILES)
    there = storage.upload(folder, url)
    assert re.fullmatch(re.escape(url) + r"/notes-[0-9a-f]{10}-\d{8}T\d{6}Z", there)
    storage.download(there, tmp_path / "back")
    assert _content(tmp_path / "back") == _FILES
    assert not (tmp_path / "back.incomplete").exists()
    [entry] = storage.entries(url)
    assert entry == storage.Entry(there.rpartition("/")[2], True, 4, 5 + 256 + 2)


def test_a_file_comes_back_as_a_file(url, tmp_path):
    _write(tmp_path, {"report.html": b"<p>"})
    storage.download(storage.upload(tmp_path / "report.html", url), tmp_path / "back.html")
    assert (tmp_path / "back.html").read_bytes() == b"<p>"
    [entry] = storage.entries(url)
    storage.download(f"{url}/{entry.name}", tmp_path / "back.html")  # it is there already, and right


def test_a_result_keeps_its_digest_and_its_record(url, tmp_path):
    folder = _result(tmp_path / "here")
    there = storage.upload(folder, url)
    assert there.rpartition("/")[2].startswith("Documents-0123456789-")
    storage.download(there, tmp_path / "there" / "Documents" / "0123456789")
    assert _content(tmp_path / "there") == {
        name: data for name, data in _content(tmp_path / "here").items() if name != "Documents/.lock"
    }
    storage.download(there, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere.json").exists()


@pytest.mark.parametrize("status", [records.RUNNING, records.FAILED])
def test_a_result_that_is_not_finished_is_not_sent(status, bucket, tmp_path):
    with pytest.raises(ValueError, match="not finished"):
        storage.upload(_result(tmp_path, status=status), bucket)


def test_the_same_files_are_not_sent_again(bucket, asked, tmp_path):
    large = os.urandom(2 * transfer.PART_BYTES + 5)
    folder = _write(tmp_path / "model", {**_FILES, "large": large})
    there = storage.upload(folder, bucket)
    assert asked.count("PUT .*partNumber=") == 3
    asked.lines.clear()
    assert storage.upload(folder, bucket) == there
    assert (asked.count('"PUT|"POST'), asked.count("GET /[^?]*/files/")) == (0, 0)
    storage.download(there, tmp_path / "back")
    assert (tmp_path / "back" / "large").read_bytes() == large


def test_a_killed_upload_goes_on_with_what_is_missing(bucket, asked, tmp_path):
    files = {f"{number:03}": f"{number}".encode() * 1000 for number in range(300)}
    folder = _write(tmp_path / "many", files)
    program = f"from pipeline import storage; storage.upload({str(folder)!r}, {bucket!r})"
    process = subprocess.Popen([sys.executable, "-c", program])
    until = time.monotonic() + 60
    while asked.count("PUT .*/files/") < 20 and time.monotonic() < until:
        time.sleep(0.005)
    process.kill()
    process.wait()
    time.sleep(0.5)  # the server ends what it had begun
    [entry] = storage.entries(bucket)
    assert (entry.whole, entry.files) == (False, 300)
    name = f"{bucket}/{entry.name}"
    with pytest.raises(storage.StorageError, match="is incomplete: its upload did not end"):
        storage.download(name, tmp_path / "back")
    already = len(transfer.Place(name).files()) - 1
    assert 20 <= already < 300
    asked.lines.clear()
    assert storage.upload(folder, bucket) == name
    assert asked.count("PUT .*/files/") == 300 - already
    storage.download(name, tmp_path / "back")
    assert _content(tmp_path / "back") == files


def test_an_interrupted_download_goes_on(bucket, asked, tmp_path):
    there = storage.upload(_write(tmp_path / "notes", _FILES), bucket)
    _write(tmp_path / "back.incomplete" / "download", {"a.txt": b"one\r\n", "empty": b"not", "foreign": b"?"})
    asked.lines.clear()
    storage.download(there, tmp_path / "back")
    assert _content(tmp_path / "back") == _FILES
    assert asked.count("GET /[^?]*/files/") == 3


def test_a_damaged_file_is_found_and_mended(url, tmp_path):
    folder = _write(tmp_path / "notes", _FILES)
    there = storage.upload(folder, url)
    (transfer.Place(there) / "files").write("a.txt", b"One\r\n")
    with pytest.raises(storage.StorageError, match=r"files/a.txt is damaged: expected 5 bytes of SHA-256 5259"):
        storage.download(there, tmp_path / "back")
    assert not (tmp_path / "back").exists()
    assert storage.upload(folder, url) == there
    storage.download(there, tmp_path / "back")
    assert _content(tmp_path / "back") == _FILES


def test_a_missing_file_is_named(url, tmp_path):
    there = storage.upload(_write(tmp_path / "notes", _FILES), url)
    (transfer.Place(there) / "files").remove("empty")
    with pytest.raises(storage.StorageError, match="files/empty is not there, but stands in manifest.json"):
        storage.download(there, tmp_path / "back")


def test_two_uploads_at_once(url, tmp_path):
    folders = [_write(tmp_path / f"{number}" / "same", {"n": b"%d" % (number // 2), "m": b"."}) for number in range(4)]
    found = {}

    def send(folder: pathlib.Path) -> None:
        found[folder] = storage.upload(folder, url)

    threads = [threading.Thread(target=send, args=[folder]) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, folder in enumerate(folders):
        storage.download(found[folder], tmp_path / f"back{number}")
        assert _content(tmp_path / f"back{number}") == _content(folder)


def test_nothing_that_is_there_is_written_over(bucket, tmp_path):
    there = storage.upload(_write(tmp_path / "notes", _FILES), bucket)
    _write(tmp_path / "back", {"mine": b"1"})
    with pytest.raises(FileExistsError, match="give another path"):
        storage.download(there, tmp_path / "back")
    _write(tmp_path / "other.incomplete", {"of a stage": b"1"})
    with pytest.raises(FileExistsError, match="not of a download"):
        storage.download(there, tmp_path / "other")
    assert _content(tmp_path / "back") == {"mine": b"1"}
    assert _content(tmp_path / "other.incomplete") == {"of a stage": b"1"}
    assert not (tmp_path / "back.incomplete").exists()


def test_a_manifest_cannot_lead_out_of_the_folder(bucket, tmp_path):
    there = storage.upload(_write(tmp_path / "notes", _FILES), bucket)
    manifest = json.loads(transfer.Place(there).read("manifest.json"))
    manifest["files"] = {"../out": manifest["files"]["empty"]}
    transfer.Place(there).write("manifest.json", json.dumps(manifest).encode())
    with pytest.raises(storage.StorageError, match="is damaged"):
        storage.download(there, tmp_path / "back")
    assert storage.upload(tmp_path / "notes", bucket) != there


def _model(tmp_path: pathlib.Path) -> pathlib.Path:
    names = [f"model.ckpt-{step}.{end}" for step in (100, 1400) for end in ("index", "meta", "data-00000-of-00001")]
    names += ["operative_config.gin", "run.json", "vocabulary/code.model", "vocabulary/vocabulary.json"]
    names += ["checkpoint", "events.out", "snapshots/1400/state.json", "model.ckpt-14000.index"]
    return _write(tmp_path / "model", {name: name.encode() for name in names})


def test_a_checkpoint_has_what_it_needs(bucket, tmp_path):
    there = storage.upload(_model(tmp_path), bucket, checkpoint=1400)
    assert there.startswith(f"{bucket}/model.step1400-")
    storage.download(there, tmp_path / "back")
    found = _content(tmp_path / "back")
    own = 'model_checkpoint_path: "model.ckpt-1400"\nall_model_checkpoint_paths: "model.ckpt-1400"\n'
    assert found.pop("checkpoint").decode() == own
    kept = ["model.ckpt-1400.data-00000-of-00001", "model.ckpt-1400.index", "model.ckpt-1400.meta"]
    kept += ["operative_config.gin", "run.json", "vocabulary/code.model", "vocabulary/vocabulary.json"]
    assert found == {name: name.encode() for name in kept}


def test_a_checkpoint_that_cannot_be_loaded_is_refused(bucket, tmp_path):
    model = _model(tmp_path)
    with pytest.raises(ValueError, match="no checkpoint of step 7; it has 100, 1400"):
        storage.upload(model, bucket, checkpoint=7)
    (model / "vocabulary" / "code.model").unlink()
    with pytest.raises(ValueError, match="lacks vocabulary/code.model"):
        storage.upload(model, bucket, checkpoint=1400)


def test_errors_say_what_to_do(bucket, tmp_path, monkeypatch):
    folder = _write(tmp_path / "notes", _FILES)
    for call in (lambda: storage.upload(folder, "s3://nowhere/x"), lambda: storage.entries("s3://nowhere")):
        with pytest.raises(storage.StorageError, match="no bucket s3://nowhere: create it"):
            call()
    with pytest.raises(storage.StorageError, match="is not there .no manifest.json.: see .* list s3://"):
        storage.download(f"{bucket}/x", tmp_path / "back")
    none = tmp_path / "none"
    none.mkdir()
    with pytest.raises(ValueError, match="is empty"):
        storage.upload(none, bucket)
    with pytest.raises(ValueError, match="no address of a known kind"):
        storage.entries("nix://a")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(storage.StorageError, match="no credentials .*set AWS_ACCESS_KEY_ID"):
        storage.entries(bucket)


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(storage.StorageError, match="pip install gcsfs"):
        storage.entries("gs://bucket")


def test_a_link_to_a_folder_is_not_left_out_silently(bucket, tmp_path):
    folder = _write(tmp_path / "notes", _FILES)
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="notes/link is no file"):
        storage.upload(folder, bucket)


def test_a_full_disk_is_said_before_anything_is_fetched(bucket, asked, tmp_path):
    there = storage.upload(_write(tmp_path / "notes", _FILES), bucket)
    manifest = json.loads(transfer.Place(there).read("manifest.json"))
    manifest["files"]["a.txt"]["size"] = 10**18
    transfer.Place(there).write("manifest.json", json.dumps(manifest).encode())
    asked.lines.clear()
    with pytest.raises(storage.StorageError, match="needs 1,000,000,000,000.0 MB"):
        storage.download(there, tmp_path / "back")
    assert asked.count("GET /[^?]*/files/") == 0


@pytest.mark.parametrize(
    "url",
    [f"s3://somebody:{_SECRET}@bucket/x", f"s3://some/body:{_SECRET}@bucket", f"https://{_SECRET[:10]}@host/x"],
)
def test_no_secret_is_ever_said(url, bucket, tmp_path, capfd, monkeypatch):
    folder = _write(tmp_path / "notes", _FILES)
    assert _run("upload", str(folder), url) == _run("list", url) == _run("download", url, str(tmp_path / "back")) == 1
    output = capfd.readouterr()
    assert output.err.count("keys are taken from the environment (AWS_ACCESS_KEY_ID") == 3
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://somebody:{_SECRET.replace('/', '')}@127.0.0.1:9")
    assert transfer.without_secrets(f"{os.environ['AWS_ENDPOINT_URL']} {_SECRET}") == "http://***@127.0.0.1:9 ***"
    assert _SECRET not in output.out + output.err


def test_the_commands(bucket, tmp_path, capsys):
    folder = _write(tmp_path / "notes", _FILES)
    assert _run("list", bucket) == 0
    assert capsys.readouterr().out == f"nothing is stored at {bucket}\n"
    assert _run("upload", str(folder), bucket) == 0
    there = capsys.readouterr().out.strip()
    assert _run("list", bucket) == 0
    assert capsys.readouterr().out == f"{there}  4 files, 0.0 MB\n"
    assert _run("download", there, str(tmp_path / "back")) == 0
    assert _content(tmp_path / "back") == _FILES
    transfer.Place(there).remove("manifest.json")
    assert _run("list", bucket) == 0
    assert capsys.readouterr().out.endswith("4 files, 0.0 MB  incomplete\n")
    assert _run("download", there, str(tmp_path / "again")) == 1
    assert _SECRET not in capsys.readouterr().err


def test_a_file_is_read_in_the_parts_that_it_is_sent_in(tmp_path):
    file = sent_files.digested(_write(tmp_path, {"a": b"one"}) / "a")
    assert file.sha256 == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert "f97c5d29941bfb1b2fdab0874906ab82" in file.md5s
