"""`run.json` and `FINISHED` in a model directory: what ran there, with all that is needed to repeat it."""

import datetime
import importlib.metadata
import itertools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gin
import tensorflow.compat.v1 as tf

import code_t5
from code_t5.training import configuration
from preprocessing import contract

RECORD, FINISHED, CONFIG = "run.json", "FINISHED", "operative_config.gin"
# In a model directory that `continue_training` made, until its record is written.
PARENT = "parent.json"
_LIBRARIES = ("t5", "mesh-tensorflow", "seqio", "tensorflow", "tensorflow-text", "tensorflow-datasets", "numpy")


class OtherRunError(ValueError):
    """The model directory holds another run."""


def describe(mixture_or_task_name: str, *, seed: int) -> dict[str, Any]:
    """What a run is: equal descriptions go on from each other's snapshots."""
    return {
        "gin": configuration.bindings(),
        "data": configuration.data(mixture_or_task_name),
        "vocabulary": configuration.vocabulary_digest(),
        "seed": seed,
    }


def digest(description: dict[str, Any]) -> str:
    """Of all that makes a run what it is; 64 hex digits."""
    return contract.canonical_digest(description)


def read(model_dir: str) -> dict[str, Any] | None:
    """The record of a model directory; None where there is none.

    Raises:
      ValueError: it is damaged.
    """
    path = os.path.join(model_dir, RECORD)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        text = file.read()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is damaged ({error}): delete it to go on without a record") from error


def check_same(model_dir: str, description: dict[str, Any]) -> None:
    """Refuses to train another run into a model directory.

    Raises:
      OtherRunError: its record is of another configuration, data or vocabulary; the differences are in the message.
    """
    before = read(model_dir)
    if before is None or before["run"] == description:
        return
    found = configuration.differences(before["run"], description)
    shown = "\n".join(f"  {line}" for line in found[:20]) + (f"\n  and {len(found) - 20} more" if found[20:] else "")
    raise OtherRunError(
        f"{model_dir} holds another run:\n{shown}\n"
        "Train into another --model_dir. Or, to begin anew in a folder beside it: "
        '--gin_param="code_t5.train_code_model.force = True"'
    )


def finished(model_dir: str) -> dict[str, Any] | None:
    """What `FINISHED` says; None where the run is not."""
    path = os.path.join(model_dir, FINISHED)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def free_name(model_dir: str, suffix: str) -> str:
    """A folder beside a model directory that is not there yet.

    Example: for "models/a" and "continue" it is "models/a_continue", or "models/a_continue_2" where that is taken.
    """
    return next(name for name in _names(model_dir, suffix) if not tf.io.gfile.exists(name))


def own_name(model_dir: str, suffix: str, description: dict[str, Any]) -> str:
    """A folder beside a model directory that holds the described run, or else the first that is not there yet."""
    for found in _names(model_dir, suffix):
        record = read(found)
        if not tf.io.gfile.exists(found) or (record and record["run"] == description):
            return found


def _names(model_dir: str, suffix: str) -> Iterator[str]:
    base = f"{model_dir.rstrip('/')}_{suffix}"
    yield base
    yield from (f"{base}_{number}" for number in itertools.count(2))


def begin(model_dir: str, description: dict[str, Any], *, from_step: int) -> dict[str, Any]:
    """Writes the record of a run that begins, or goes on, with its configuration.

    Returns:
      The record, to be given to `update`.
    """
    tf.io.gfile.makedirs(model_dir)
    before = read(model_dir) or {"parent": _parent(model_dir), "starts": []}
    start = {"date": _now(), "from_step": from_step, "command": [sys.executable, *sys.orig_argv[1:]]}
    start |= {"code": _code(), "environment": _environment()}
    record = {
        "status": "running",
        "digest": digest(description),
        "run": description,
        "parent": before["parent"],
        "starts": [*before["starts"], start],
        "figures": before.get("figures", {}),
    }
    path = os.path.join(model_dir, FINISHED)
    if tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
    write(model_dir, RECORD, json.dumps(record, indent=1))
    write(model_dir, CONFIG, gin.operative_config_str())
    return record


def update(model_dir: str, record: dict[str, Any], **more: Any) -> None:
    """Writes the record with some entries changed."""
    record |= {**more, "updated": _now()}
    write(model_dir, RECORD, json.dumps(record, indent=1))


def finish(model_dir: str, record: dict[str, Any], *, step: int, seconds: float, why: str) -> None:
    """Says that the run is finished: the record, and `FINISHED` last."""
    update(model_dir, record, status="finished", step=step, seconds=seconds, ended_by=why)
    keys = ("digest", "step", "ended_by")
    content = {key: record[key] for key in keys} | {key: record["run"][key] for key in ("data", "vocabulary")}
    write(model_dir, FINISHED, json.dumps(content, indent=1) + "\n")


def write(model_dir: str, name: str, content: str) -> None:
    """Writes a file whole, or not at all."""
    path = os.path.join(model_dir, name)
    with tf.io.gfile.GFile(path + ".incomplete", "w") as file:
        file.write(content)
    tf.io.gfile.rename(path + ".incomplete", path, overwrite=True)


def _parent(model_dir: str) -> dict[str, Any] | None:
    """The run that this one goes on from, where `code_t5.main.continue_training` put its snapshot here."""
    path = os.path.join(model_dir, PARENT)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return json.loads(file.read())


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _environment() -> dict[str, Any]:
    return {
        "host": platform.node(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _code() -> dict[str, Any]:
    """Version, and where it runs from a git checkout its revision and what was changed since."""
    found: dict[str, Any] = {"version": code_t5.__version__}
    git = ["git", "-C", os.path.dirname(os.path.abspath(code_t5.__file__))]
    try:
        revision = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        diff = subprocess.run([*git, "diff", "HEAD"], capture_output=True, text=True, check=True, errors="replace")
    except (OSError, subprocess.CalledProcessError):
        return found
    return {**found, "revision": revision.stdout.strip(), "uncommitted": diff.stdout}
