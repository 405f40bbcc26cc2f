"""How suggestions fare: how many are shown, accepted and dismissed. Kept on this machine: numbers, never any text.

python -m completion.usage
python -m completion.usage --days 7
python -m completion.usage --since 2026-01-31 --json
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Iterator

from completion.usage_summary import Summary, summarize, table

# Who shows suggestions.
SOURCES = ("lsp", "tabby", "page")
SCHEMA = 1
# Seconds that one process waits for the other's writing, which takes a few milliseconds.
_PATIENCE = 30.0
# Times are seconds since 1970. What is typed is added up by the minute: when each key was struck is nobody's business.
_TABLES = (
    "CREATE TABLE suggestions (id TEXT PRIMARY KEY, shown_at REAL NOT NULL, source TEXT NOT NULL, "
    "characters INTEGER NOT NULL, lines INTEGER NOT NULL, milliseconds REAL NOT NULL, "
    "outcome TEXT CHECK (outcome IN ('accepted', 'dismissed')), accepted_characters INTEGER NOT NULL DEFAULT 0)",
    "CREATE INDEX suggestions_shown_at ON suggestions (shown_at)",
    "CREATE TABLE typed (minute INTEGER NOT NULL, source TEXT NOT NULL, characters INTEGER NOT NULL, "
    "PRIMARY KEY (minute, source))",
    f"PRAGMA user_version = {SCHEMA}",
)


class UsageError(ValueError):
    """A file of usage that cannot be read or written."""


class Usage:
    """A file of usage, SQLite, that several threads and several servers may use at the same time.

    Example: after `one = usage.shown(characters=8, lines=1, source="lsp", milliseconds=21.5)`, `usage.accepted(one)`
      and `usage.typed(24, source="lsp")` the total of `usage.summary()` has an `acceptance_rate` of 1.0 and a
      `completed_ratio` of 0.25.
    """

    def __init__(self, path: str | os.PathLike):
        """Opens the file, or makes it and its folder.

        Raises:
          UsageError: it is damaged, of a newer program, of another one, or cannot be opened. All methods raise it, too.
        """
        self.path = pathlib.Path(path)
        self._lock = threading.Lock()
        with self._errors_named():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        self._check_version()
        with self._errors_named():
            # Others read while one writes, and a write waits for no disk.
            self._write_ahead()
            self._database.execute("PRAGMA synchronous = NORMAL")
        with self._transaction("IMMEDIATE") as database:
            if self._check_version() == 0:
                for statement in _TABLES:
                    database.execute(statement)

    def _write_ahead(self) -> None:
        """Changes the journal's mode: SQLite does that when nobody else uses the file, and does not wait for it."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def _check_version(self) -> int:
        """The version of the file, 0 of a new one."""
        with self._errors_named():
            # One statement, for another server may make the tables between two.
            version, tables = self._database.execute(
                "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
            ).fetchone()
        if version > SCHEMA:
            raise UsageError(
                f"{self.path} is of version {version}, this program reads {SCHEMA}: update it, or name another file"
            )
        if version == 0 and tables:
            raise UsageError(f"{self.path} is the database of another program: name another file")
        return version

    def shown(self, *, characters: int, lines: int, source: str, milliseconds: float) -> str:
        """Notes that a suggestion is shown.

        Args:
          characters, lines: of its text; a part of a line is one line.
          source: one of `SOURCES`.
          milliseconds: from the request to the suggestion.

        Returns:
          An id for `accepted` and `dismissed`.
        """
        _check(source, characters, lines, milliseconds)
        shown_id = uuid.uuid4().hex
        self._write(
            "INSERT INTO suggestions (id, shown_at, source, characters, lines, milliseconds) VALUES (?, ?, ?, ?, ?, ?)",
            (shown_id, time.time(), source, characters, lines, milliseconds),
        )
        return shown_id

    def accepted(self, shown_id: str, *, characters: int | None = None) -> bool:
        """Notes that a suggestion is accepted, whatever was noted before; twice, and it counts once.

        Args:
          characters: of the part that was accepted, the largest one if there are several; None for all.

        Returns:
          False where nothing was shown by that id.
        """
        _check(None, characters or 0)
        return self._write(
            "UPDATE suggestions SET outcome = 'accepted', "
            "accepted_characters = max(accepted_characters, min(characters, ifnull(?, characters))) WHERE id = ?",
            (characters, shown_id),
        )

    def dismissed(self, shown_id: str) -> bool:
        """Notes that a suggestion is turned down, if it was not accepted.

        Returns:
          False where nothing was shown by that id.
        """
        return self._write("UPDATE suggestions SET outcome = ifnull(outcome, 'dismissed') WHERE id = ?", (shown_id,))

    def typed(self, characters: int, *, source: str) -> None:
        """Notes characters that were typed by hand."""
        _check(source, characters)
        if characters:
            self._write(
                "INSERT INTO typed VALUES (?, ?, ?) "
                "ON CONFLICT (minute, source) DO UPDATE SET characters = characters + excluded.characters",
                (int(time.time() // 60), source, characters),
            )

    def summary(self, since: datetime.datetime | None = None) -> Summary:
        """Counts what was noted.

        Args:
          since: leaves out what was shown, and what was typed in the minutes, before; local time if it has no zone.
            None takes all.
        """
        start = since.timestamp() if since else 0.0
        with self._transaction("DEFERRED") as database:
            rows = database.execute(
                "SELECT source, outcome, accepted_characters, milliseconds FROM suggestions WHERE shown_at >= ?",
                (start,),
            ).fetchall()
            typed = dict(
                database.execute(
                    "SELECT source, sum(characters) FROM typed WHERE minute >= ? GROUP BY source", (start // 60,)
                ).fetchall()
            )
        return summarize(rows, typed)

    def close(self) -> None:
        """Ends the use of the file by this object."""
        with self._lock:
            self._database.close()

    def _write(self, statement: str, values: tuple) -> bool:
        """Whether a row was written."""
        with self._transaction("IMMEDIATE") as database:
            return database.execute(statement, values).rowcount > 0

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        with self._errors_named(), self._lock, self._database:
            self._database.execute(f"BEGIN {kind}")
            yield self._database

    @contextlib.contextmanager
    def _errors_named(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if type(error) is sqlite3.DatabaseError:  # the others are of subclasses
                raise UsageError(
                    f"{self.path} is damaged, or no file of usage: {error}. Move it away, and a new one is begun"
                ) from error
            raise UsageError(f"the file of usage {self.path} cannot be used: {error}") from error


def _check(source: str | None, *numbers: float) -> None:
    if source is not None and source not in SOURCES:
        raise ValueError(f"no source {source!r}: it is one of {', '.join(SOURCES)}")
    if min(numbers) < 0:
        raise ValueError(f"numbers of usage are 0 or more, got {min(numbers)}")


def default_path() -> pathlib.Path:
    """`$CODE_T5_USAGE`, or usage.sqlite in the user's folder for data."""
    if named := os.environ.get("CODE_T5_USAGE"):
        return pathlib.Path(named)
    data = os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local" / "share"
    return pathlib.Path(data) / "code_t5" / "usage.sqlite"


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m completion.usage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--path", type=pathlib.Path, default=default_path(), metavar="FILE", help="(%(default)s)")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--since", type=datetime.datetime.fromisoformat, metavar="DATE", help="such as 2026-01-31")
    limit.add_argument("--days", type=float, metavar="N", help="the last N days")
    add("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    since, summary = arguments.since, summarize([], {})
    if arguments.days is not None:
        since = datetime.datetime.now() - datetime.timedelta(days=arguments.days)
    if arguments.path.exists():
        try:
            with contextlib.closing(Usage(arguments.path)) as usage:
                summary = usage.summary(since)
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if arguments.json:
        print(json.dumps(dataclasses.asdict(summary), indent=1))
    elif not summary.sources:
        when = "yet" if since is None else f"since {since:%Y-%m-%d %H:%M}"
        print(f"nothing was recorded {when} in {arguments.path}")
    else:
        print(table(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
