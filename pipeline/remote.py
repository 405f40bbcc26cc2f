"""A command on another host: sent there, started once, followed through dropped connections, its output brought back.

On the host:   FOLDER/code/DIGEST/  FOLDER/inputs/DIGEST/NAME  FOLDER/runs/ID/{output/, ATTEMPT/{log, pid, exit, ...}}
Here, beside OUTPUT:   OUTPUT.remote, which says where it runs, as long as it is not brought back
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import sys
import threading
import uuid
from collections.abc import Callable, Sequence

from pipeline import remote_scripts, sending
from pipeline.hosts import Host
from pipeline.ssh import Connection, HostUnreachableError, RemoteError, StoppedError

_FIRST_PATIENCE_S = 8.0
_LAST_LINES = 20


class CommandFailedError(RemoteError):
    """The command ended badly there.

    Attributes:
      exit_code: of the command; None if it was killed with the shell around it, or the host was started anew.
      last_lines: of its log.
    """

    def __init__(self, message: str, *, exit_code: int | None, last_lines: list[str]):
        super().__init__(message)
        self.exit_code = exit_code
        self.last_lines = last_lines


@dataclasses.dataclass
class _Run:
    """What OUTPUT.remote says.

    Attributes:
      host, address, port, folder: where it runs; the folder is absolute.
      id: of the run, new for each output.
      attempt: counts from 1.
      log_start: how many bytes the log here had when the attempt began.
      ended: whether the attempt's end was reported; the next call begins another one.
    """

    host: str
    address: str
    port: int
    folder: str
    id: str
    attempt: int
    log_start: int
    ended: bool = False

    @property
    def place(self) -> str:
        return f"{self.folder}/runs/{self.id}"

    @property
    def attempt_place(self) -> str:
        return f"{self.place}/{self.attempt}"

    def write(self, path: pathlib.Path) -> None:
        beside = path.with_name(path.name + ".incomplete")
        beside.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n", encoding="utf-8")
        beside.replace(path)


def run_file(output: pathlib.Path) -> pathlib.Path:
    """The file that says where the run of an output is."""
    return pathlib.Path(f"{output}.remote")


def host_of(output: pathlib.Path) -> str | None:
    """The name of the host on which an output is being made, or None."""
    path = run_file(output)
    return json.loads(path.read_text(encoding="utf-8"))["host"] if path.exists() else None


def run(
    host: Host,
    command: Sequence[str],
    *,
    inputs: Sequence[pathlib.Path],
    output: pathlib.Path,
    log: pathlib.Path,
    code: pathlib.Path,
    resumes: bool = False,
    patience_s: float = 3600.0,
    say: Callable[[str], None] = lambda line: None,
    stop: threading.Event | None = None,
) -> None:
    """Runs a command on a host and brings its output folder here.

    The command is written as it would run here. Paths of `inputs`, `output` and `code` in its words become those on the
    host, and this interpreter, or a first word `python`, becomes the host's. It runs in the folder of the code.

    A run goes on there when this process is killed or the connection drops: the same call takes it up again, and
    starts nothing twice. Ctrl-C, or `stop`, ends it there, too. After a failure the same call starts another attempt.

    Args:
      host: where.
      command: its words.
      inputs: files and folders that it reads; absolute.
      output: the folder that it makes; absolute. It is there at the end, whole, or not at all.
      log: what the command says is appended to this file, as it comes.
      code: the root of the git repository whose files are sent.
      resumes: whether another attempt finds in its output folder what a failed one left there.
      patience_s: how long a broken connection is tried again.
      say: takes a line about what happens: sent, started, broken, taken up again.
      stop: ends the run from another thread.

    Raises:
      FileExistsError: the output is there.
      CommandFailedError: the command failed; with the last lines of its log.
      HostUnreachableError: no connection for longer than the patience; the run may go on there.
      HostRefusedError: keys do not match.
      DamagedError: what arrived is not what was sent.
      StoppedError: `stop` was set.
      RemoteError: a run of this output is on another host, or a script failed.

    Example:
      `run(gpu, [sys.executable, "-m", "preprocessing.run", "--input_dir=/data/tree", "--output_dir=/data/documents"],
      inputs=[Path("/data/tree")], output=Path("/data/documents"), log=Path("/data/documents.log"), code=Path("."))`
    """
    for path in (*inputs, output):
        if not path.is_absolute():
            raise ValueError(f"{path} is not absolute: it could not be told from other words of the command")
    file = run_file(output)
    if output.exists():
        raise FileExistsError(f"{output} is there already")
    output.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    known = _read(file, host)
    taken_up = known is not None and not known.ended
    # A host that was never reached is more likely misspelt than resting.
    first = Connection(
        host, patience_s=patience_s if taken_up else min(patience_s, _FIRST_PATIENCE_S), say=say, stop=stop
    )
    folder = first.shell(remote_scripts.PREPARE, re.sub(r"^~/", "", host.folder)).strip()
    connection = Connection(host, patience_s=patience_s, say=say, stop=stop)
    try:
        if taken_up and connection.shell(remote_scripts.HAS_STARTED, known.attempt_place).strip():
            this = known
            say(f"run {this.id} on host {host.name} is taken up again")
        else:
            this = _begin(known, host, folder, file, log)
            script = _attempt(connection, this, command, inputs=inputs, output=output, code=code)
            left = "keep" if resumes else "remove"
            connection.shell(remote_scripts.START, this.attempt_place, script, f"{this.place}/output", left)
            say(f"started on host {host.name} as run {this.id}, attempt {this.attempt}")
        _follow(connection, this, log)
    except (KeyboardInterrupt, StoppedError):
        _end_there(host, file, say)
        raise
    state = connection.shell(remote_scripts.STATE, this.attempt_place).strip()
    if state != "0":
        dataclasses.replace(this, ended=True).write(file)
        raise _failure(host, state, log, this.log_start)
    sending.bring(connection, f"{this.place}/output", f"{this.attempt_place}/listing", output)
    file.unlink()
    # The result is here and whole: what is left there does not matter to it.
    with contextlib.suppress(RemoteError):
        Connection(host, patience_s=0, stop=stop).shell(remote_scripts.REMOVE, this.place)


def _read(file: pathlib.Path, host: Host) -> _Run | None:
    if not file.exists():
        return None
    found = _Run(**json.loads(file.read_text(encoding="utf-8")))
    if (found.address, found.port) != (host.address, host.port) and not found.ended:
        raise RemoteError(
            f"{file}: this output is being made on host {found.host} ({found.address}), not {host.name}: run it there "
            "to take it up again, or delete the file to begin anew"
        )
    return found if (found.address, found.port) == (host.address, host.port) else None


def _begin(known: _Run | None, host: Host, folder: str, file: pathlib.Path, log: pathlib.Path) -> _Run:
    name, attempt = (known.id, known.attempt + known.ended) if known else (uuid.uuid4().hex[:16], 1)
    size = log.stat().st_size if log.exists() else 0
    this = _Run(host.name, host.address, host.port, folder, name, attempt, size)
    this.write(file)
    return this


def _attempt(
    connection: Connection,
    this: _Run,
    command: Sequence[str],
    *,
    inputs: Sequence[pathlib.Path],
    output: pathlib.Path,
    code: pathlib.Path,
) -> str:
    """The script of an attempt, after everything it needs has been sent."""
    host = connection.host
    there = {str(output): f"{this.place}/output"}
    code_there = sending.send_code(connection, code, this.folder)
    there[str(code.absolute())] = code_there
    for path in inputs:
        there[str(path)] = sending.send_input(connection, path, this.folder)
    # An interpreter in the folder of the code is not sent with it.
    words = [
        host.python if word == sys.executable or (n == 0 and word == "python") else _translated(word, there)
        for n, word in enumerate(command)
    ]
    log = f"{this.attempt_place}/log"
    prefix = [word.replace("{log}", log) for word in host.prefix]
    if prefix and prefix[-1] == "--wrap":
        words = [shlex.join(words)]
    return remote_scripts.ATTEMPT.format(
        attempt=shlex.quote(this.attempt_place),
        code=shlex.quote(code_there),
        command=shlex.join(prefix + words),
        output=shlex.quote(f"{this.place}/output"),
        listing=sending.LISTING,
    )


def _translated(word: str, there: dict[str, str]) -> str:
    # The longest first: a path may lie under another. A path ends where its last name ends: /a/b is not in /a/bc.
    paths = "|".join(re.escape(path) for path in sorted(there, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])({paths})(?![\w.-])", lambda match: there[match[1]], word)


def _follow(connection: Connection, this: _Run, log: pathlib.Path) -> None:
    """Appends what the command says to the log here until it has ended and all of it is here."""

    def once() -> None:
        if file.tell() < this.log_start:  # somebody emptied it
            raise RemoteError(f"{log} has become shorter: leave it alone while {this.id} runs")
        for data in connection.stream(remote_scripts.FOLLOW, this.attempt_place, str(file.tell() - this.log_start)):
            file.write(data)
            reached.append(True)

    # Unbuffered: its size is where the next connection goes on.
    with log.open("ab", buffering=0) as file:
        file.seek(0, os.SEEK_END)
        while True:
            reached: list[bool] = []
            try:
                return connection.trying(once)
            except HostUnreachableError:
                # Patience is for one interruption, not for all of a long run.
                if not reached:
                    raise


def _end_there(host: Host, file: pathlib.Path, say: Callable[[str], None]) -> None:
    if not file.exists():
        return
    this = _Run(**json.loads(file.read_text(encoding="utf-8")))
    try:
        Connection(host, patience_s=_FIRST_PATIENCE_S).shell(remote_scripts.KILL, this.attempt_place)
    except RemoteError as error:
        say(f"the run may go on on host {host.name}, in {this.attempt_place}: {error}")
        return
    dataclasses.replace(this, ended=True).write(file)
    say(f"ended on host {host.name}")


def _failure(host: Host, state: str, log: pathlib.Path, log_start: int) -> CommandFailedError:
    with log.open("rb") as file:
        file.seek(max(log_start, log.stat().st_size - (1 << 16)))
        lines = file.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
    code = int(state) if state.isdecimal() else None
    how = f"exit code {code}" if code is not None else "no exit code: it was killed there, or the host was started anew"
    said = "\n  ".join(lines) if lines else "(it said nothing)"
    return CommandFailedError(
        f"the command failed on host {host.name}, {how}; the last lines of {log}:\n  {said}",
        exit_code=code,
        last_lines=lines,
    )
