"""What a gin configuration determines, read from the parsed configuration, not from the text of its files.

`python -m code_t5.main.config_digest` parses it, in about 15 s; the answer is kept, and costs nothing until one of the
files that were read, or code_t5, changes:

RESULTS/.gin/<SHA-256 of what was asked and of the code>.json
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import subprocess
from collections.abc import Sequence

from preprocessing import contract

FOLDER = ".gin"
_CODE = pathlib.Path(__file__).parents[1] / "code_t5"


class GinError(ValueError):
    """A gin configuration could not be parsed."""


@dataclasses.dataclass(frozen=True)
class Determined:
    """What a gin configuration determines; comments, order, layers and ways to write a value make no difference.

    Attributes:
      bindings: what a run learns: "configurable.parameter" -> value, as in the run's run.json.
      until: what ends it, and which checkpoint is its best.
      examples: those of the bindings that decide the training examples; not the model's, nor the learning rate.
      files: that were read, with those that they include; absolute. Where it stands makes no difference.
      digest: of `bindings` and `until`, 64 hex digits.
    """

    bindings: dict[str, str]
    until: dict[str, str]
    examples: dict[str, str]
    files: tuple[str, ...] = dataclasses.field(compare=False)
    digest: str


def determined(
    results: pathlib.Path,
    python: pathlib.Path,
    *,
    gin_files: Sequence[str],
    gin_params: Sequence[str] = (),
    location_prefixes: Sequence[str] = (),
) -> Determined:
    """What a configuration determines.

    Args:
      results: the folder of all results.
      python: the interpreter of the training environment.
      gin_files: as --gin_file takes them, the later ones over the earlier.
      gin_params: as --gin_param takes them, over the files.
      location_prefixes: the folders in which the files are looked for.

    Raises:
      GinError: a file is not there, or something in it is not known; with the last lines of what gin said.
    """
    words = [f"--gin_location_prefix={','.join(location_prefixes)}"] if location_prefixes else []
    words += [f"--gin_file={name}" for name in gin_files] + [f"--gin_param={text}" for text in gin_params]
    asked = {"python": os.fspath(python), "in": os.fspath(pathlib.Path.cwd()), "flags": words, "code": _code_digest()}
    path = results / FOLDER / f"{contract.canonical_digest(asked)}.json"
    found = _kept(path)
    if found is None:
        found = _parsed(python, words)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may write the same answer.
        beside = path.with_name(f"{path.name}.{os.getpid()}.incomplete")
        beside.write_text(json.dumps(found, indent=1), encoding="utf-8")
        beside.replace(path)
    examples = {name: found["bindings"][name] for name in found["examples"]}
    return Determined(found["bindings"], found["until"], examples, tuple(found["files"]), found["digest"])


def _kept(path: pathlib.Path) -> dict | None:
    """The answer that is there, where each file that was read is still what it was."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        same = all(
            contract.bytes_digest(pathlib.Path(name).read_bytes()) == digest for name, digest in found["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return None
    return found if same else None


def _parsed(python: pathlib.Path, words: Sequence[str]) -> dict:
    command = [os.fspath(python), "-m", "code_t5.main.config_digest", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    try:
        if done.returncode == 0:
            return json.loads(done.stdout[done.stdout.index("{") :])
    except ValueError:
        pass
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-20:]
    raise GinError("\n  ".join([f"the gin configuration {' '.join(words)} cannot be parsed:", *said]))


def _code_digest() -> str:
    """Of the code that parses: it knows which bindings there are, and which of them count."""
    found = hashlib.sha256()
    for path in sorted(_CODE.rglob("*.py")):
        found.update(f"{path.relative_to(_CODE)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
