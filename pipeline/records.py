"""The record of a result: what it is, what it was made of, who makes it, and how that ended.

RESULTS/<Stage>/<digest>/             the result, there only when it is whole
RESULTS/<Stage>/<digest>.incomplete/  being made, or left by a stage that failed or was killed
RESULTS/<Stage>/<digest>.log          what its command said
RESULTS/<Stage>/<digest>.json         its record
"""

import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import pathlib
import platform
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

SCHEMA = 1
RUNNING, FINISHED, FAILED, KILLED = STATUSES = ("running", "finished", "failed", "killed")
# A process says that it lives every 10 seconds; on another host, that is all there is to go by.
BEAT_SECONDS, MOST_BEAT_SECONDS = 10, 60
_LOCK = ".lock"


class RecordError(ValueError):
    """A record cannot be read, or is not of the result whose name it has."""


@dataclasses.dataclass
class Record:
    """What is known of a result; the fields stand in its JSON file by the same names.

    Attributes:
      stage: "TrainedModel".
      digest: of all that determines the result.
      version: of the stage.
      parameters: all that determines the result beside what it requires.
      requires: stage -> digest; of several of one stage the others are called "Documents:1", "Documents:2".
      experiments: the names of those that asked for it.
      tags: what people call it.
      status: "running", "finished" or "failed", as it was written last; see `status` for what is so now.
      started, ended: ISO 8601, with the zone; `ended` is None while it is being made.
      process: who makes it, see `this_process`.
      place: "here", or the name of the host that does the work.
      environment: "", or the name of another one that the command runs in.
      command: its words.
      code: {"revision", "changed"} of the git checkout.
      error: None, or {"reason": one line, "last_lines": of its log}.
      more: what else stands in the file; it is written back.
    """

    stage: str
    digest: str
    version: int = 1
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    requires: dict[str, str] = dataclasses.field(default_factory=dict)
    experiments: list[str] = dataclasses.field(default_factory=list)
    tags: list[str] = dataclasses.field(default_factory=list)
    status: str = RUNNING
    started: str | None = None
    ended: str | None = None
    process: dict[str, Any] = dataclasses.field(default_factory=dict)
    place: str = "here"
    environment: str = ""
    command: list[str] = dataclasses.field(default_factory=list)
    code: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: dict[str, Any] | None = None
    more: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Example: "TrainedModel/a1b2c3d4e5"."""
        return f"{self.stage}/{self.digest}"

    def to_json(self) -> dict[str, Any]:
        fields = dataclasses.asdict(self)
        return {"schema": SCHEMA, **fields.pop("more"), **fields}


def path_of(results: pathlib.Path, stage: str, digest: str) -> pathlib.Path:
    """Where the record of a result stands; the result's own folder is `folder_of`."""
    return pathlib.Path(results) / stage / f"{digest}.json"


def folder_of(results: pathlib.Path, record: Record) -> pathlib.Path:
    """Where the result is, when it is whole."""
    return pathlib.Path(results) / record.stage / record.digest


def now() -> str:
    """Example: "2024-05-01T10:20:30+00:00"."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def this_process() -> dict[str, Any]:
    """Who writes: host, number of the process, when it began (seconds since 1970), and that it lives now."""
    pid = os.getpid()
    return {"host": platform.node(), "pid": pid, "process_started": _process_started(pid), "beat": now()}


def read(path: str | os.PathLike) -> Record:
    """Reads a record.

    Raises:
      FileNotFoundError: there is none.
      RecordError: it is damaged, of another schema, or of another result than its path says.
    """
    path = pathlib.Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        schema = content.pop("schema")
        if schema != SCHEMA:
            raise RecordError(f"{path} has schema {schema!r}, this code reads {SCHEMA}: update code_t5")
        fields = {field.name for field in dataclasses.fields(Record)} - {"more"}
        known = {name: content.pop(name) for name in fields & content.keys()}
        record = Record(**known, more=content)
    except RecordError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path} is not a record of a result ({error!r}): delete it to go on without") from error
    if (record.stage, record.digest) != (path.parent.name, path.stem):
        raise RecordError(f"{path} is the record of {record.name}: it was moved or copied here; delete it")
    return record


def write(path: str | os.PathLike, record: Record) -> None:
    """Writes a record whole, or not at all, whoever else writes or reads it.

    What is read first and written back belongs into `changing`: here the last one to write wins.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: two processes may write the same record.
    handle, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(record.to_json(), indent=1) + "\n")
        pathlib.Path(beside).chmod(0o644)  # mkstemp's are for its owner alone
        pathlib.Path(beside).replace(path)
    except BaseException:
        pathlib.Path(beside).unlink(missing_ok=True)
        raise


def find(results: str | os.PathLike, stage: str, digest: str) -> dict[str, Any] | None:
    """A record as `salt` compares it; None where there is none.

    Raises:
      RecordError: as in `read`.
    """
    try:
        return read(path_of(pathlib.Path(results), stage, digest)).to_json()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def changing(path: str | os.PathLike) -> Iterator[Record]:
    """Gives a record to change, and writes it back when the block ends well; others who change it wait.

    Example: `with changing(path) as record: record.tags.append("best")` keeps another tag that came in the meantime.
    """
    path = pathlib.Path(path)
    with locked(path.parent):
        record = read(path)
        yield record
        write(path, record)


@contextlib.contextmanager
def beating(path: str | os.PathLike) -> Iterator[None]:
    """Says every ten seconds in a record, as long as the block lasts, that its process lives.

    A beat that cannot be written is left out: what is being made is worth more than the news of it.
    """
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError, RecordError), changing(path) as record:
                record.process["beat"] = now()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def locked(stage_folder: pathlib.Path) -> Iterator[None]:
    """Nobody else changes a record of this stage within the block; keep it short."""
    stage_folder.mkdir(parents=True, exist_ok=True)
    with (stage_folder / _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def all_records(results: str | os.PathLike, *, bad: list[str] | None = None) -> list[Record]:
    """The records of all results, the one that began last at the end.

    Args:
      bad: takes what is wrong with records that cannot be read; without it, the first of them is raised.

    Raises:
      RecordError: as in `read`.
    """
    found = []
    for path in sorted(pathlib.Path(results).glob("[!.]*/*.json")):
        if path.name.startswith("."):
            continue  # being written
        try:
            found.append(read(path))
        except FileNotFoundError:
            continue  # removed in between
        except RecordError as error:
            if bad is None:
                raise
            bad.append(str(error))
    return sorted(found, key=lambda record: (moment(record.started) or 0.0, record.name))


def status(results: str | os.PathLike, record: Record) -> str:
    """One of `STATUSES`, as it is now: a running one whose process is gone was killed, or has just been finished."""
    if record.status != RUNNING or _lives(record.process):
        return record.status
    return FINISHED if folder_of(pathlib.Path(results), record).exists() else KILLED


def moment(text: str | None) -> float | None:
    """Seconds since 1970; None of no time, and of what is none."""
    try:
        return datetime.datetime.fromisoformat(text).timestamp() if text else None
    except (ValueError, TypeError):
        return None


def _lives(process: dict[str, Any]) -> bool:
    here = process.get("host") == platform.node() and pathlib.Path("/proc/stat").exists()
    if here and isinstance(process.get("pid"), int):
        began = _process_started(process["pid"])
        said = process.get("process_started")
        # The kernel's clock may have been set between two readings; a number is not given again within a second.
        return began is not None and (said is None or abs(began - said) < 2)
    beat = moment(process.get("beat"))
    return beat is not None and datetime.datetime.now().timestamp() - beat <= MOST_BEAT_SECONDS


def _process_started(pid: int) -> float | None:
    """Seconds since 1970; None where there is no such process, or it is dead and only not yet waited for."""
    try:
        # The name in parentheses may hold anything.
        fields = (
            pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        lines = pathlib.Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    boot = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    return boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
