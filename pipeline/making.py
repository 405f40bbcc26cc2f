"""Makes one result: its command runs here or elsewhere, and the result appears when it is whole.

RESULTS/<Stage>/<digest>.incomplete/  while it is being made; a stage that can, goes on from there
RESULTS/<Stage>/<digest>.lock         held by whoever makes it, and by its command
"""

import contextlib
import fcntl
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

from pipeline import command, dividing, environments, records, remote, salt
from pipeline.plan import Planned

ROOT = pathlib.Path(__file__).parents[1]
# The libraries' own words are in the log; warnings and above stay.
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2"}


class StageError(RuntimeError):
    """A result could not be made.

    Attributes:
      planned: which.
      reason: in one line.
      last_lines: of its log.
    """

    def __init__(self, planned: Planned, reason: str, last_lines: list[str]):
        self.planned, self.reason, self.last_lines = planned, reason, last_lines
        shown = "".join(f"\n  {line}" for line in last_lines)
        super().__init__(
            f"{planned.name} failed: {reason}; its log is {planned.log}{', which ends:' if shown else ''}{shown}"
        )


def make(
    planned: Planned,
    results: pathlib.Path,
    *,
    say: Callable[[str], None] = lambda line: None,
    waits: Callable[[Planned], None] = lambda planned: None,
) -> bool:
    """Makes a result, or waits for another process that does.

    Args:
      results: the folder of all results.
      say: is told the last line of what the command says, whenever there is another one.
      waits: is called where another process makes it.

    Returns:
      Whether it was made now; not, where it was there.

    Raises:
      StageError: its command failed; with the last lines of its log.
      salt.SaltError: another result has its digest.
      KeyboardInterrupt: it was told to stop; what it has so far stays.
    """
    path = records.path_of(results, planned.stage.name, planned.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(planned.path.with_name(f"{planned.digest}.lock"), lambda: waits(planned)) as held:
        _check(planned, path)
        if planned.is_there():
            asked_for(planned)
            return False
        _begin(planned, path)
        try:
            with records.beating(path):
                _run(planned, results, path, held, say)
        except (command.CommandError, remote.CommandFailedError) as error:
            # A remote one names its log, too.
            reason = str(getattr(error, "reason", error)).partition("\n")[0].partition("; the last lines of")[0]
            raise _failed(planned, path, reason, error.last_lines) from error
        except (OSError, ValueError, RuntimeError) as error:
            first, *more = str(error).splitlines() or [type(error).__name__]
            raise _failed(planned, path, first, more) from error
        if not planned.incomplete.exists():
            raise _failed(planned, path, f"its command ended well and made no {planned.incomplete}", [])
        planned.incomplete.rename(planned.path)
        with records.changing(path) as record:
            record.status, record.ended = records.FINISHED, records.now()
    return True


def _run(planned: Planned, results: pathlib.Path, path: pathlib.Path, held: int, say: Callable[[str], None]) -> None:
    place, output = planned.place, planned.incomplete
    taken_up = place.host is not None and remote.run_file(output).exists()
    if not planned.stage.resumes and not taken_up:
        if output.exists():
            shutil.rmtree(output)
        planned.log.unlink(missing_ok=True)
    python = pathlib.Path(sys.executable)
    if place.environment is not None:
        python = environments.python_of(place.environment, results, progress=say)
    words = [str(python), *planned.words]
    with records.changing(path) as record:
        record.command = words
    if place.hosts:
        dividing.run(planned, code=ROOT, say=say)
    elif place.host is not None:
        remote.run(
            place.host, words, inputs=planned.inputs, output=output, log=planned.log, code=ROOT,
            resumes=planned.stage.resumes, say=say,
        )  # fmt: skip
    else:
        command.run(words, planned.log, progress=say, environment=_QUIET, hold=[held])


def _begin(planned: Planned, path: pathlib.Path) -> None:
    with records.locked(path.parent):
        record = records.read(path) if path.exists() else records.Record(planned.stage.name, planned.digest)
        content = planned.record
        record.version, record.parameters = content["version"], content["parameters"]
        record.requires = content["requires"]
        record.experiments = sorted({*record.experiments, planned.experiment})
        record.status, record.started, record.ended, record.error = records.RUNNING, records.now(), None, None
        record.process, record.code = records.this_process(), _code()
        record.place = str(planned.place)
        record.environment = planned.place.environment.name if planned.place.environment else ""
        records.write(path, record)


def asked_for(planned: Planned) -> None:
    """Adds the experiment to a result that another one had made, and ends the record of one that was cut off there."""
    if not planned.is_there():
        return
    path = planned.path.with_name(f"{planned.digest}.json")
    _check(planned, path)
    with records.locked(path.parent):
        if not path.exists():
            records.write(path, records.Record(**planned.record, status=records.FINISHED))
        record = records.read(path)
        names = sorted({*record.experiments, planned.experiment})
        if (record.experiments, record.status) != (names, records.FINISHED):
            record.experiments, record.status = names, records.FINISHED
            record.ended = record.ended or records.now()
            records.write(path, record)


def _check(planned: Planned, path: pathlib.Path) -> None:
    if path.exists():
        before = records.read(path).to_json()
        salt.check_no_collision(before, planned.record)


def _failed(planned: Planned, path: pathlib.Path, reason: str, last_lines: list[str]) -> StageError:
    with records.changing(path) as record:
        record.status, record.ended = records.FAILED, records.now()
        record.error = {"reason": reason, "last_lines": list(last_lines)}
    return StageError(planned, reason, list(last_lines))


def _code() -> dict:
    """The revision of the code, and whether it was changed since; {} where it is no git repository."""
    words = ["git", "-C", str(ROOT)]
    revision = subprocess.run([*words, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if revision.returncode:
        return {}
    status = subprocess.run([*words, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return {"revision": revision.stdout.strip(), "changed": bool(status.stdout.strip())}


@contextlib.contextmanager
def _alone(path: pathlib.Path, waits: Callable[[], None]) -> Iterator[int]:
    """Holds the lock of a result; the command holds it, too, so that it is nobody else's before that has ended."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
