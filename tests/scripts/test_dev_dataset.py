"""`scripts/dev_dataset.sh` as a user runs it: from a tree, and from an archive on a server that may misbehave."""

import contextlib
import hashlib
import http.server
import io
import json
import os
import pathlib
import subprocess
import tarfile
import threading

import pytest

from preprocessing import archive as archive_module
from preprocessing import dev_tree
from preprocessing.archive import refusal, unpack
from preprocessing.contract import DataContractError
from preprocessing.dev_tree import choose, copy
from preprocessing.flcc import FlccSource, Repository
from tests.flcc_tree import flcc_about, flcc_files, write_flcc

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "dev_dataset.sh"
FILES = "v3/languages/Python/.py"
TREE = {
    "Ann/tool": {"a.py": "a" * 100, "b.py": "b" * 100},
    "Ann/other": {"c.py": "c" * 300},
    "Ann B/é": {"x y.py": "d" * 50},
    "bob/tool": {"e.py": "e"},
}


def run(*arguments, cwd=None):
    """Status, output and error of the script."""
    done = subprocess.run([SCRIPT, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def snapshot(root):
    """{path: bytes} of every file of a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


# From a tree.


@pytest.mark.parametrize("extra_level", [False, True])
def test_every_matching_owner_is_copied_from_both_trees(tmp_path, extra_level):
    root = write_flcc(tmp_path / "my FLCC", TREE, licenses={"Ann/tool": "MIT"}, extra_level=extra_level)
    status, out, err = run("--input_dir", "my FLCC", "--output_dir", "a\nb é", cwd=tmp_path)
    assert (status, err) == (0, "")
    assert out == "a\nb é: 2 owners, 3 repositories, 4 files, 0.0 MB\n"
    made = tmp_path / "a\nb é"
    expected = {path: data for path, data in snapshot(root).items() if "/bob/" not in path}
    record = json.loads((made / "dev_dataset.json").read_text())
    assert record["made"] == {"owners": 2, "repositories": 3, "files": 4, "bytes": 550, "unreadable": 0}
    (made / "dev_dataset.json").unlink()
    assert snapshot(made) == expected
    assert len(expected) == 4 + 3 + 1
    assert not list(tmp_path.glob("*.incomplete"))


@pytest.mark.parametrize(
    "pattern, count", [("*", 4), ("bob", 1), ("[a-c]*", 1), ("Ann", 2), ("Ann ?", 1), ("*'$(x)\"*", 0)]
)
def test_the_pattern_is_a_shell_pattern_of_owners(tmp_path, pattern, count):
    write_flcc(tmp_path / "FLCC", TREE)
    status, out, err = run("--input_dir", tmp_path / "FLCC", "--output_dir", tmp_path / "DEV", "--pattern", pattern)
    if count:
        assert (status, err) == (0, "")
        assert f" {count} repositories, " in out
    else:
        assert (status, out) == (2, "")
        assert err == f"error: no owner matches {pattern!r}; there are 3, such as Ann, Ann B, bob\n"
        assert not (tmp_path / "DEV").exists()


def test_whole_repositories_up_to_a_size_chosen_by_the_seed():
    repositories = [Repository(f"o/{i:02}", files=1, size=10 + i) for i in range(20)]
    chosen = {}
    for seed in range(8):
        one = choose(repositories, pattern="*", max_bytes=60, seed=seed)
        assert one == choose(repositories[::-1], pattern="*", max_bytes=60, seed=seed)[::-1]
        assert one == sorted(one, key=lambda repository: repository.name)
        assert sum(repository.size for repository in one) <= 60
        # Nothing that was passed over would have fitted.
        left = [repository.size for repository in repositories if repository not in one]
        assert min(left) > 60 - sum(repository.size for repository in one)
        chosen[seed] = tuple(one)
    assert len(set(chosen.values())) == 8
    assert choose(repositories, pattern="*") == repositories
    assert [repository.name for repository in chosen[0]] == ["o/04", "o/05", "o/18"]
    with pytest.raises(DataContractError, match=r"the smallest matching repository has 0\.000 MB, more than --max_mb"):
        choose(repositories, pattern="*", max_bytes=9)


def test_a_size_is_kept_by_the_command(tmp_path):
    write_flcc(tmp_path / "FLCC", TREE)
    arguments = ("--input_dir", tmp_path / "FLCC", "--pattern", "*", "--max_mb", "0.0003", "--seed", "7")
    for name in ("one", "two"):
        assert run(*arguments, "--output_dir", tmp_path / name)[0] == 0
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    assert 0 < FlccSource(tmp_path / "one").describe()["bytes"] <= 300
    for wrong in ("0", "-1", "inf", "nan", "much"):
        status, _, err = run("--input_dir", "x", "--output_dir", "y", f"--max_mb={wrong}")
        assert (status, "argument --max_mb" in err) == (2, True)


def test_a_finished_one_is_found_and_other_arguments_are_refused(tmp_path):
    root = write_flcc(tmp_path / "FLCC", TREE)
    made = tmp_path / "DEV"
    arguments = ("--input_dir", root, "--output_dir", made)
    line = f"{made}: 2 owners, 3 repositories, 4 files, 0.0 MB"
    assert run(*arguments) == (0, f"{line}\n", "")
    before = snapshot(made)
    assert run(*arguments) == (0, f"{line} (was there already, made with the same arguments)\n", "")
    status, out, err = run(*arguments, "--pattern", "bob", "--seed", "1")
    assert (status, out) == (2, "")
    assert err == (
        f"error: {made} was made with other arguments (pattern was 'A*' and is now 'bob'; seed was 0 and is now 1): "
        "delete it, or choose another --output_dir\n"
    )
    write_flcc(root, {"Ann/new": {"n.py": "n"}})
    assert "made with other arguments (input was " in run(*arguments)[2]
    assert snapshot(made) == before
    (made / "dev_dataset.json").write_text("{}")
    assert run(*arguments)[2] == f"error: {made}/dev_dataset.json is broken: delete {made} to make it again\n"
    (made / "dev_dataset.json").unlink()
    assert run(*arguments)[2] == f"error: {made} is there and was not made by this command: choose another\n"


def test_what_a_killed_run_left_is_made_again(tmp_path):
    write_flcc(tmp_path / "FLCC", TREE)
    half = tmp_path / "DEV.incomplete" / "run-killed"
    half.mkdir(parents=True)
    (half / "dev_dataset.json").write_text("half")
    assert run("--input_dir", tmp_path / "FLCC", "--output_dir", tmp_path / "DEV")[0] == 0
    assert not half.parent.exists()
    assert FlccSource(tmp_path / "DEV").describe()["files"] == 4


def test_a_folder_that_is_no_tree_is_refused(tmp_path):
    status, out, err = run("--input_dir", tmp_path, "--output_dir", tmp_path / "DEV")
    assert (status, out) == (2, "")
    assert err.startswith(f"error: {tmp_path} is not an FLCC tree: it has no folder v3/languages/Python/.py.")
    assert "Traceback" not in err
    status, _, err = run("--input_dir", tmp_path, "--output_dir", tmp_path / "DEV", "--sha256", "00")
    assert (status, err.splitlines()[-1]) == (
        2,
        "scripts/dev_dataset.sh: error: --url, --sha256 and --download_dir are for the archive: "
        "leave them out with --input_dir",
    )


def test_damage_is_copied_as_it_is_and_what_cannot_be_read_is_counted(tmp_path, monkeypatch):
    root = write_flcc(tmp_path / "FLCC", {"Ann/tool": {"a.py": "a"}, "Ann/closed": {"b.py": "b"}})
    folder = flcc_files(root, "Ann/tool")
    (folder / "nowhere.py").symlink_to("nothing.py")
    os.mkfifo(folder / "pipe.py")
    (flcc_about(root, "Ann/tool") / "paths.json").write_text("broken")
    flcc_files(root, "Ann/tool", branch="other").mkdir()
    (flcc_files(root, "Ann/tool", branch="other") / "o.py").write_bytes(b"\xff\0")
    repositories = FlccSource(root).repositories()
    scan, opened = os.scandir, pathlib.Path.open

    def refuse_folder(path):
        if str(path).endswith(f"{FILES}/Ann/closed/master"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    def refuse_file(path, *arguments, **keywords):
        if path.name == "a_0.py":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **keywords)

    monkeypatch.setattr(os, "scandir", refuse_folder)
    monkeypatch.setattr(pathlib.Path, "open", refuse_file)
    # The pipe, the closed folder, the file without permission.
    assert copy(root, tmp_path / "DEV", repositories) == 3
    made = flcc_files(tmp_path / "DEV", "Ann/tool")
    assert os.readlink(made / "nowhere.py") == "nothing.py"  # noqa: PTH115
    assert (made.parent / "other" / "o.py").read_bytes() == b"\xff\0"
    assert (flcc_about(tmp_path / "DEV", "Ann/tool") / "paths.json").read_text() == "broken"


# From an archive.


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `data` at every path; what it does badly is set on the class."""

    data = b""
    ranges = True
    cut = 0
    length = True
    asked: tuple = ()

    def do_HEAD(self):  # noqa: N802 (the base class's name)
        self._head(200, len(self.data))

    def do_GET(self):  # noqa: N802 (the base class's name)
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-")) if self.ranges else 0
        type(self).asked += (start,)
        data = self.data[start:]
        if start:
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
        else:
            self._head(200, len(data))
        if self.cut:
            data = data[: self.cut]
            self.close_connection = True
        self.wfile.write(data)

    def _head(self, status, length):
        self.send_response(status)
        if self.length:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(data, **behaviour):
    """An address at which `data` can be had, and the handler, which notes at which byte each request began."""
    handler = type("Handler", (Server,), {"data": data, "asked": (), **behaviour})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/data%20[set].tar.gz", handler
    finally:
        server.shutdown()
        server.server_close()


def archive_of(root, top="dataset"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(root, top)
    return buffer.getvalue()


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


def member(name, *, link="", kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "bad, why",
    [
        ([member("/etc/x")], "its member '/etc/x' lies outside"),
        ([member("a/../../x")], "its member 'a/../../x' lies outside"),
        ([member("a/b", link="../../x", kind=tarfile.SYMTYPE)], "its member 'a/b' is a link to '../../x', outside"),
        ([member("a", link="/etc", kind=tarfile.SYMTYPE)], "its member 'a' is a link to '/etc', outside"),
        ([member("a", link="..", kind=tarfile.SYMTYPE)], "its member 'a' is a link to '..', outside"),
        ([member("d/a", link="../x", kind=tarfile.LNKTYPE)], "its member 'd/a' is a link to '../x', outside"),
        ([member("a", link="d", kind=tarfile.SYMTYPE), member("a/b")], "its member 'a/b' goes through a link"),
        ([member("a", link="d", kind=tarfile.SYMTYPE), member("./a")], "its member './a' goes through a link"),
        ([member("null", kind=tarfile.CHRTYPE)], "its member 'null' is a device or a pipe"),
        ([member("pipe", kind=tarfile.FIFOTYPE)], "its member 'pipe' is a device or a pipe"),
    ],
)
def test_members_that_would_leave_the_folder_are_refused_before_anything_is_unpacked(tmp_path, bad, why):
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        for info in (member("good"), *bad):
            opened.addfile(info)
    with pytest.raises(DataContractError) as error:
        unpack(path, tmp_path / "out")
    assert str(error.value) == f"{path} is refused: {why}"
    assert [file.name for file in tmp_path.iterdir()] == ["x.tar.gz"]


def test_the_command_refuses_a_member_outside(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        opened.addfile(member("dataset/../../escaped"))
    with serve(buffer.getvalue()) as (url, _):
        status, _, err = make(tmp_path, url)
    assert status == 2
    assert "is refused: its member 'dataset/../../escaped' lies outside\n" in err
    assert not list(tmp_path.rglob("escaped"))


def test_good_members_pass():
    links = set()
    good = [
        member("./a b/é.py"),
        member("d/", kind=tarfile.DIRTYPE),
        member("d/l", link="../a b", kind=tarfile.SYMTYPE),
    ]
    assert [refusal(info, links) for info in good] == ["", "", ""]
    assert links == {"d/l"}


def test_the_script_says_how_it_is_used():
    status, out, _ = run("--help")
    assert status == 0
    assert out.startswith("usage: scripts/dev_dataset.sh [-h]")
    status, _, err = run()
    assert (status, err.splitlines()[-1]) == (
        2,
        "scripts/dev_dataset.sh: error: the following arguments are required: --output_dir",
    )
