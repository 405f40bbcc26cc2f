"""Files of usage: exact counts, and nothing lost where several servers write, or a file is not what it should be."""

import contextlib
import datetime
import json
import sqlite3
import subprocess
import sys
import threading

import pytest

from completion import usage
from completion.usage import Usage, UsageError
from completion.usage_summary import Counts

WRITER = """
import sys
from completion.usage import Usage
usage = Usage(sys.argv[1])
for _ in range(int(sys.argv[2])):
    one = usage.shown(characters=3, lines=1, source="tabby", milliseconds=1)
    assert usage.accepted(one)
    usage.typed(2, source="tabby")
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a new folder" / "usage.sqlite"


@pytest.fixture
def file(path):
    with contextlib.closing(Usage(path)) as opened:
        yield opened


def show(file: Usage, characters: int = 10, source: str = "lsp", milliseconds: float = 20.0) -> str:
    return file.shown(characters=characters, lines=1, source=source, milliseconds=milliseconds)


def test_what_is_noted_is_counted_by_source(file):
    first, second, _, other = (
        *(show(file, milliseconds=wait) for wait in (10, 30, 50)),
        show(file, 100, source="tabby", milliseconds=1000),
    )
    assert file.accepted(first)
    assert file.dismissed(second)
    assert file.accepted(other)
    file.typed(25, source="lsp")
    file.typed(5, source="lsp")
    found = file.summary()
    assert found.sources == {
        "lsp": Counts(3, 1, 1, 1 / 3, 10, 30, 0.25, 30.0),
        "tabby": Counts(1, 1, 0, 1.0, 100, 0, None, 1000.0),
    }
    # The 100 characters of a source that does not see what is typed would make the ratio look better than it is.
    assert found.total == Counts(4, 2, 1, 0.5, 110, 30, 0.25, 40.0)


def test_ids_are_of_32_letters_and_each_another(file):
    ids = {show(file) for _ in range(20)}
    assert len(ids) == 20
    assert {len(one) for one in ids} == {32}


def test_a_second_accept_does_not_count_twice(file):
    one = show(file)
    assert file.accepted(one)
    assert file.accepted(one)
    assert (file.summary().total.accepted, file.summary().total.accepted_characters) == (1, 10)


def test_parts_that_are_accepted_count_once_with_the_largest(file):
    one, other = show(file), show(file)
    for part in (4, 7, 2):
        assert file.accepted(one, characters=part)
    assert file.summary().total.accepted_characters == 7
    assert file.accepted(one)
    assert file.accepted(other, characters=99), "more than was shown"
    assert file.summary().total.accepted_characters == 20


def test_accepted_after_dismissed_is_accepted_and_not_the_other_way_round(file):
    one, other = show(file), show(file)
    assert file.dismissed(one)
    assert file.accepted(one)
    assert file.accepted(other)
    assert file.dismissed(other)
    assert (file.summary().total.accepted, file.summary().total.dismissed) == (2, 0)


def test_unknown_ids_are_told(file):
    assert not file.accepted("0" * 32)
    assert not file.dismissed("")
    assert file.summary().sources == {}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda file: show(file, source="emacs"), "no source 'emacs': it is one of lsp, tabby, page"),
        (lambda file: show(file, characters=-1), "0 or more, got -1"),
        (lambda file: file.typed(-2, source="lsp"), "0 or more, got -2"),
        (lambda file: file.accepted("x", characters=-3), "0 or more, got -3"),
    ],
)
def test_wrong_use_is_refused(file, call, message):
    with pytest.raises(ValueError, match=message):
        call(file)
    assert file.summary().sources == {}


def test_since_leaves_out_what_was_before(file, path):
    show(file)
    file.typed(7, source="lsp")
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE suggestions SET shown_at = shown_at - 7200")
        database.execute("UPDATE typed SET minute = minute - 120")
    show(file, 3)
    file.typed(5, source="lsp")
    hour_ago = datetime.datetime.now() - datetime.timedelta(hours=1)
    for since in (hour_ago, hour_ago.astimezone(datetime.UTC)):
        assert file.summary(since).total == Counts(1, 0, 0, 0.0, 0, 5, 0.0, 20.0)
    assert file.summary().total.typed_characters == 12
    assert file.summary().total.shown == 2


def test_two_processes_and_two_threads_that_write_at_once_lose_nothing(path):
    """They open the file at once, too, which is not there yet."""
    each = 100
    command = [sys.executable, "-c", WRITER, str(path), str(each)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.wait(timeout=300) == 0, process.stderr.read()
        process.stderr.close()
    with contextlib.closing(Usage(path)) as file:
        threads = [threading.Thread(target=lambda: [show(file, source="page") for _ in range(each)]) for _ in "12"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = file.summary().sources
    assert found["tabby"] == Counts(3 * each, 3 * each, 0, 1.0, 9 * each, 6 * each, 0.6, 1.0)
    assert found["page"].shown == 2 * each


def test_a_file_that_many_make_at_the_same_moment_is_made_once(tmp_path):
    """None of them takes what another has half made for the database of another program, or finds it locked."""
    failed = []

    def use(path, together):
        together.wait()
        try:
            with contextlib.closing(Usage(path)) as file:
                show(file)
        except UsageError as error:
            failed.append(error)

    for number in range(20):
        path, together = tmp_path / str(number), threading.Barrier(6)
        threads = [threading.Thread(target=use, args=(path, together)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with contextlib.closing(Usage(path)) as file:
            assert (file.summary().total.shown, failed) == (6, [])


def test_what_a_killed_server_noted_is_there(path):
    program = WRITER + "\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", program, str(path), "5"], timeout=300, check=False)
    assert done.returncode == -9
    with contextlib.closing(Usage(path)) as file:
        assert file.summary().total.accepted == 5


def newer(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {usage.SCHEMA + 1}")


def others(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (address TEXT)")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"not a database, and long enough to be none" * 30), "is damaged, or no file"),
        (newer, "is of version 2, this program reads 1: update it, or name another file"),
        (others, "is the database of another program: name another file"),
        (lambda path: path.mkdir(), "cannot be used: unable to open database file"),
    ],
)
def test_a_file_that_is_none_is_named_and_left_as_it_is(tmp_path, capsys, make, message):
    path = tmp_path / "usage.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UsageError, match=f"{path}.*{message}"):
        Usage(path)
    assert usage.main(["--path", str(path)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: ")
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_file_that_is_damaged_later_is_named(file, path):
    for _ in range(200):
        show(file)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with contextlib.closing(Usage(path)) as again, pytest.raises(UsageError, match="is damaged, or no file of usage"):
        again.summary()


def test_no_text_is_stored(file, path):
    """A table that gets a column of text is one to think about."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        columns = {
            (table, column[1])
            for table in ("suggestions", "typed")
            for column in database.execute(f"PRAGMA table_info({table})")
            if column[2] == "TEXT"
        }
    assert columns == {
        ("suggestions", "id"),
        ("suggestions", "source"),
        ("suggestions", "outcome"),
        ("typed", "source"),
    }


def test_the_path_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CODE_T5_USAGE", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert usage.default_path() == tmp_path / ".local" / "share" / "code_t5" / "usage.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert usage.default_path() == tmp_path / "data" / "code_t5" / "usage.sqlite"
    monkeypatch.setenv("CODE_T5_USAGE", str(tmp_path / "here.sqlite"))
    assert usage.default_path() == tmp_path / "here.sqlite"


def test_the_command_prints_a_table(file, path, capsys):
    file.accepted(show(file, 1200))
    file.typed(400, source="lsp")
    show(file, source="tabby", milliseconds=1000)
    assert usage.main(["--path", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "       shown  accepted  dismissed    rate  characters  typed  completed  median ms",
        "  lsp      1         1          0  100.0%       1,200    400      75.0%         20",
        "tabby      1         0          0    0.0%           0      0          -       1000",
        "total      2         1          0   50.0%       1,200    400      75.0%        510",
    ]


def test_the_command_prints_json(file, path, capsys):
    show(file)
    assert usage.main(["--path", str(path), "--days", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"] == found["sources"]["lsp"]
    assert found["total"]["milliseconds"] == 20.0


def test_the_command_says_that_nothing_was_recorded(path, capsys):
    assert usage.main(["--path", str(path)]) == 0
    assert capsys.readouterr().out == f"nothing was recorded yet in {path}\n"
    assert not path.exists(), "looking makes no file"
    assert usage.main(["--path", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["shown"] == 0
    Usage(path).close()
    assert usage.main(["--path", str(path), "--since", "2026-01-31"]) == 0
    assert capsys.readouterr().out == f"nothing was recorded since 2026-01-31 00:00 in {path}\n"
