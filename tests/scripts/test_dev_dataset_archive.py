"""`scripts/dev_dataset.sh` as a user runs it without a tree: from an archive on a server that may misbehave."""

import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from preprocessing import archive as archive_module
from preprocessing import dev_tree
from tests.archives import archive_of, member, serve
from tests.flcc_tree import flcc_about, write_flcc
from tests.scripts.dev_dataset_command import TREE, run


@pytest.fixture
def archive(tmp_path):
    """The archive of a tree with some text in it that does not compress away."""
    noise = "".join(hashlib.sha256(bytes([i])).hexdigest() for i in range(200))
    return archive_of(write_flcc(tmp_path / "tree", {**TREE, "Ann/noise": {"n.py": noise}}, extra_level=True))


def make(tmp_path, url, *more):
    return run("--output_dir", tmp_path / "DEV", "--url", url, *more)


def test_an_archive_is_downloaded_checked_unpacked_and_kept(tmp_path, archive):
    digest = hashlib.sha256(archive).hexdigest()
    with serve(archive) as (url, handler):
        status, out, err = make(tmp_path, url, "--sha256", digest.upper())
        assert (status, err) == (0, "")
        kept, made = out.splitlines()
        assert kept.endswith(f".tar.gz: {len(archive):,} bytes, SHA-256 {digest}")
        assert made == f"{tmp_path}/DEV: 2 owners, 4 repositories, 5 files, 0.0 MB"
        assert handler.asked == (0,)
        arguments = ("--url", url, "--download_dir", tmp_path / "DEV.download", "--pattern", "bob")
        assert run("--output_dir", tmp_path / "BOB", *arguments)[0] == 0
        assert handler.asked == (0,)
    assert flcc_about(tmp_path / "DEV", "Ann/tool", extra_level=True).is_dir()
    # Without the server: what was made is found.
    assert "was there already" in make(tmp_path, url)[1]


def test_a_file_address_works_too(tmp_path, archive):
    (tmp_path / "my archive.tar.gz").write_bytes(archive)
    status, out, err = make(tmp_path, f"file://{tmp_path}/my%20archive.tar.gz")
    assert (status, err) == (0, "")
    assert " 4 repositories, " in out


@pytest.fixture
def make_at_once(tmp_path, monkeypatch, capsys):
    """`make` without the waits between attempts."""
    monkeypatch.setattr(archive_module, "RETRY_WAIT_S", 0)

    def make(url):
        status = dev_tree.main(["--output_dir", str(tmp_path / "DEV"), "--url", url])
        return status, *capsys.readouterr()

    return make


def test_a_cut_connection_is_taken_up_where_it_ended(tmp_path, archive):
    half = len(archive) // 2 + 1
    with serve(archive, cut=half) as (url, handler):
        assert make(tmp_path, url)[0] == 0
        assert handler.asked == (0, half)


def test_a_later_run_goes_on_where_an_earlier_one_ended(tmp_path, archive, make_at_once):
    with serve(archive, cut=10) as (url, handler):
        status, out, err = make_at_once(url)
        assert (status, out) == (2, "")
        assert f"could not be downloaded whole: 50 of {len(archive):,} bytes came; run this again to go on" in err
        assert "python -m preprocessing.build_flcc --output_dir FLCC --installed_packages" in err
        assert not (tmp_path / "DEV").exists()
        handler.cut = 0
        assert make_at_once(url)[0] == 0
        assert handler.asked == (0, 10, 20, 30, 40, 50)


def test_a_server_that_cannot_go_on_is_asked_from_the_start(archive, make_at_once):
    with serve(archive, cut=1000) as (url, handler):
        assert make_at_once(url)[0] == 2
        handler.cut, handler.ranges = 0, False
        assert make_at_once(url)[0] == 0


def test_a_server_that_does_not_tell_the_length(tmp_path, archive):
    with serve(archive, length=False) as (url, _):
        assert make(tmp_path, url)[0] == 0


def test_another_sha256_is_refused(tmp_path, archive):
    with serve(archive) as (url, _):
        status, out, err = make(tmp_path, url, "--sha256", "0" * 64)
    assert status == 2
    digest = hashlib.sha256(archive).hexdigest()
    assert f"has the SHA-256 {digest}, not {'0' * 64}: delete it to download it again\n" in err
    assert digest in out
    assert not (tmp_path / "DEV").exists()


def damaged(archive):
    yield archive[:-1000]
    yield archive[:-4]
    middle = len(archive) // 2
    yield archive[:middle] + bytes([archive[middle] ^ 1]) + archive[middle + 1 :]
    yield b"<html>Not here any more</html>"
    yield b""


@pytest.mark.parametrize("kind", range(5))
def test_a_damaged_archive_is_refused_and_leaves_nothing(tmp_path, archive, kind):
    with serve(list(damaged(archive))[kind]) as (url, _):
        status, _, err = make(tmp_path, url)
    assert status == 2
    assert "Traceback" not in err
    assert " is damaged (" in err
    assert "delete it to download it again" in err
    assert [path.name for path in tmp_path.iterdir() if path.name != "tree"] == ["DEV.download"]
    assert [path.suffix for path in (tmp_path / "DEV.download").iterdir()] == [".gz"]


def test_an_address_that_cannot_be_reached_says_what_to_do_instead(tmp_path, archive):
    with serve(archive) as (url, _):
        pass
    for address, why in (
        (url, "curl: (7)"),
        (f"file://{tmp_path}/no.tar.gz", "curl: (37)"),
        ("nonsense://x", "curl: (1)"),
    ):
        status, out, err = make(tmp_path, address)
        assert (status, out) == (2, "")
        first, *rest = err.splitlines()
        assert first.startswith(f"error: {address} could not be downloaded: {why}")
        assert rest == [
            "Make a tree of your own instead, from your repositories or from the installed packages, and take that:",
            "  python -m preprocessing.build_flcc --output_dir FLCC --source DIR",
            "  python -m preprocessing.build_flcc --output_dir FLCC --installed_packages",
            "  scripts/dev_dataset.sh --input_dir FLCC --output_dir DEV --pattern '*'",
        ]
        assert not (tmp_path / "DEV").exists()


def test_an_address_that_is_gone(tmp_path):
    class Gone(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gone) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        status, _, err = make(tmp_path, f"http://127.0.0.1:{server.server_port}/no/such.tar.gz")
        server.shutdown()
    assert status == 2
    assert "could not be downloaded: curl: (22) The requested URL returned error: 404" in err


def test_an_archive_of_something_else(tmp_path, archive):
    (tmp_path / "other").mkdir()
    with serve(archive_of(tmp_path / "other")) as (url, _):
        status, _, err = make(tmp_path, url)
    assert status == 2
    assert "unpacked from the archive, has no folder v3/languages/Python/.py nor */v3/languages/Python/.py" in err


def test_the_command_refuses_a_member_outside(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        opened.addfile(member("dataset/../../escaped"))
    with serve(buffer.getvalue()) as (url, _):
        status, _, err = make(tmp_path, url)
    assert status == 2
    assert "is refused: its member 'dataset/../../escaped' lies outside\n" in err
    assert not list(tmp_path.rglob("escaped"))
