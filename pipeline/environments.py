"""Other virtual environments for stages, made from a lock where they are missing.

RESULTS/.environments/NAME-DIGEST/        the virtual environment; its STAMP is written last
RESULTS/.environments/NAME-DIGEST.log     what making it said
RESULTS/.environments/NAME-DIGEST.lock    held while it is made
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import pathlib
import shutil
from collections.abc import Callable, Iterator

from pipeline import command

FOLDER, STAMP = ".environments", "made_from.lock"


class SetUpError(RuntimeError):
    """An environment could not be made."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """Where a stage runs.

    Attributes:
      name: as "new"; a part of the folder's name.
      python: the interpreter that it is made with, or, without a lock, that it is.
      lock: a file for `pip install --no-deps -r`, every package with its version; None: `python` is used as it is.
    """

    name: str
    python: pathlib.Path
    lock: pathlib.Path | None = None


def python_of(
    environment: Environment, results: pathlib.Path, *, progress: Callable[[str], None] = lambda line: None
) -> pathlib.Path:
    """The interpreter of an environment, which is made first where it is missing.

    A process that asks while another one makes it waits. What a killed one left is made anew.

    Args:
      results: the folder of all results.
      progress: is told the last line of what making it says.

    Raises:
      SetUpError: there is no such interpreter or lock, or making it failed, with the last lines of its log.
    """
    for path in (environment.python, environment.lock):
        if path is not None and not path.is_file():
            raise SetUpError(f"the environment {environment.name} wants {path}, which is not there")
    if environment.lock is None:
        return environment.python
    lock = environment.lock.read_bytes()
    folder = results.absolute() / FOLDER / f"{environment.name}-{_digest(environment.python, lock)}"
    python = folder / "bin" / "python"
    if (folder / STAMP).exists():
        return python
    with _locked(folder.with_name(folder.name + ".lock")) as held:
        if not (folder / STAMP).exists():
            _make(environment, folder, held, progress)
            beside = folder / f"{STAMP}.incomplete"
            beside.write_bytes(lock)
            beside.replace(folder / STAMP)
    return python


def _make(environment: Environment, folder: pathlib.Path, held: int, progress: Callable[[str], None]) -> None:
    # A virtual environment cannot be renamed: its scripts name its folder. So it is made in its place.
    if folder.exists():
        shutil.rmtree(folder)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--no-deps", "-r"]
    log = folder.with_name(folder.name + ".log")
    log.unlink(missing_ok=True)
    for words in (
        [environment.python, "-m", "venv", folder],
        # Relative paths in a lock are relative to its folder.
        [python, *install, environment.lock.absolute()],
    ):
        try:
            command.run(words, log, progress=progress, folder=environment.lock.absolute().parent, hold=[held])
        except command.CommandError as error:
            raise SetUpError(
                f"the environment {environment.name} could not be made from {environment.lock}: {error}"
            ) from error


def _digest(python: pathlib.Path, lock: bytes) -> str:
    """10 hex digits of what an environment is made from."""
    return hashlib.sha256(bytes(python.absolute()) + b"\0" + lock).hexdigest()[:10]


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[int]:
    """Holds a lock, after those who have it: processes, and what commands of a killed one still run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()
