"""Snapshots: everything that a run needs to go on as if it had not stopped, in the model directory.

model.ckpt-N.*           weights, optimizer and step, as t5 and Mesh TensorFlow write and read them
snapshots/N/             where the input stands, and state.json, written last: without it the snapshot does not count
checkpoint               TensorFlow's list of the checkpoints that are whole
"""

import dataclasses
import json
import os
import re
from collections.abc import Callable
from typing import Any

import gin
import tensorflow.compat.v1 as tf

from code_t5.training import callbacks

_FOLDER, _STATE = "snapshots", "state.json"
_CHECKPOINT = re.compile(r"model\.ckpt-(\d+)\.")


class SnapshotError(RuntimeError):
    """A snapshot could not be written, or none could be read."""


def prefix(model_dir: str, step: int) -> str:
    """The path of a checkpoint, as TensorFlow names it."""
    return os.path.join(model_dir, f"model.ckpt-{step}")


def folder(model_dir: str, step: int) -> str:
    """Where the rest of a snapshot is."""
    return os.path.join(model_dir, _FOLDER, str(step))


def steps(model_dir: str) -> list[int]:
    """The steps of all whole snapshots, in order."""
    found = []
    for name in _listed(os.path.join(model_dir, _FOLDER)):
        name = name.rstrip("/")
        if name.isdigit() and tf.io.gfile.exists(os.path.join(folder(model_dir, int(name)), _STATE)):
            found.append(int(name))
    return sorted(found)


def write(
    model_dir: str, step: int, *, save_model: Callable[[str], None], save_input: Callable[[str], None], state: dict
) -> None:
    """Writes a snapshot; a process that is killed meanwhile leaves the earlier ones as they were.

    Args:
      save_model: writes the checkpoint of this path.
      save_input: writes the input's position into this folder.
      state: JSON-like, see `read_state`.

    Raises:
      SnapshotError: the disk is full, or something else went wrong; what was written is removed again.
    """
    place = folder(model_dir, step)
    try:
        remove(model_dir, step)
        tf.io.gfile.makedirs(place)
        save_input(place)
        save_model(prefix(model_dir, step))
        content = json.dumps({**state, "step": step, "files": _sizes(model_dir, step)}, indent=1)
        _write_whole(os.path.join(place, _STATE), content)
        list_checkpoints(model_dir)
    except (tf.errors.OpError, OSError) as error:
        try:
            remove(model_dir, step)
            list_checkpoints(model_dir)
        except (tf.errors.OpError, OSError):
            pass  # the disk is still full; without state.json the snapshot does not count
        message = error.message if isinstance(error, tf.errors.OpError) else error
        raise SnapshotError(f"the snapshot of step {step} in {model_dir} could not be written: {message}") from error


def read_state(model_dir: str, step: int) -> dict[str, Any]:
    """What `write` was given as `state`.

    Raises:
      SnapshotError: a file of the snapshot is missing, or has another size than when it was written.
    """
    path = os.path.join(folder(model_dir, step), _STATE)
    try:
        with tf.io.gfile.GFile(path) as file:
            state = json.loads(file.read())
        expected = state["files"]
    except (tf.errors.OpError, OSError, ValueError, KeyError) as error:
        raise SnapshotError(f"{path} cannot be read: {error}") from error
    found = _sizes(model_dir, step)
    for name, size in expected.items():
        if found.get(name) != size:
            now = f"{found[name]:,} bytes" if name in found else "missing"
            raise SnapshotError(f"{os.path.join(model_dir, name)} was {size:,} bytes when it was saved, and is {now}")
    return state


def copy(model_dir: str, target: str, step: int) -> None:
    """Copies a snapshot into another model directory, which is made."""
    tf.io.gfile.makedirs(folder(target, step))
    state = os.path.join(_FOLDER, str(step), _STATE)
    for name in [*_files(model_dir, step), state]:  # what makes it count last
        tf.io.gfile.copy(os.path.join(model_dir, name), os.path.join(target, name), overwrite=True)
    list_checkpoints(target)


def set_aside(model_dir: str, step: int) -> None:
    """Renames a damaged snapshot's files, so that nothing takes them for a checkpoint and nothing is lost."""
    state = os.path.join(_FOLDER, str(step), _STATE)
    for name in [state, *_files(model_dir, step)]:
        head, tail = os.path.split(os.path.join(model_dir, name))
        tf.io.gfile.rename(os.path.join(head, tail), os.path.join(head, f"damaged-{tail}"), overwrite=True)
    list_checkpoints(model_dir)


def remove(model_dir: str, step: int) -> None:
    """Deletes a snapshot, that which makes it count first."""
    place = folder(model_dir, step)
    if tf.io.gfile.exists(os.path.join(place, _STATE)):
        tf.io.gfile.remove(os.path.join(place, _STATE))
    for name in _files(model_dir, step):
        if tf.io.gfile.exists(os.path.join(model_dir, name)):
            tf.io.gfile.remove(os.path.join(model_dir, name))
    if tf.io.gfile.exists(place):
        tf.io.gfile.rmtree(place)


def clear_remains(model_dir: str) -> None:
    """Deletes what a process that was killed while saving left: temporary files, and snapshots that do not count."""
    whole = set(steps(model_dir))
    for name in _listed(os.path.join(model_dir, _FOLDER)):
        name = name.rstrip("/")
        if name.isdigit() and int(name) not in whole and not _damaged(model_dir, int(name)):
            remove(model_dir, int(name))
    for name in _listed(model_dir):
        if ".tempstate" in name:
            tf.io.gfile.remove(os.path.join(model_dir, name))


def list_checkpoints(model_dir: str) -> None:
    """Writes TensorFlow's `checkpoint`, the list of what `t5` and `predict` may load."""
    _list(model_dir, steps(model_dir))


def list_one_checkpoint(model_dir: str, step: int) -> None:
    """The same for a folder with one checkpoint and no snapshots."""
    _list(model_dir, [step])


def _list(model_dir: str, found: list[int]) -> None:
    names = [os.path.basename(prefix(model_dir, step)) for step in found]
    if names:
        lines = [f'model_checkpoint_path: "{names[-1]}"', *(f'all_model_checkpoint_paths: "{name}"' for name in names)]
        _write_whole(os.path.join(model_dir, "checkpoint"), "\n".join(lines) + "\n")


def prune(model_dir: str, *, keep_last: int | None, keep_every_steps: int | None) -> None:
    """Deletes all snapshots but the last `keep_last`, and the first at or after each multiple of `keep_every_steps`.

    Example: of 90, 100, 110, 210 and 220, with `keep_last=1` and 100, these stay: 100, 210, 220.
    """
    if not keep_last:
        return
    found = steps(model_dir)
    for before, step in zip([0, *found], found[:-keep_last], strict=False):
        if not keep_every_steps or step // keep_every_steps == before // keep_every_steps:
            remove(model_dir, step)
    list_checkpoints(model_dir)


@gin.configurable(module="code_t5")
@dataclasses.dataclass
class Snapshots(callbacks.Callback):
    """Saves by time, by steps and at the end.

    Attributes:
      every_seconds: of training; None for not by time.
      keep_every_steps: also keep, for good, the first snapshot at or after every whole multiple; None for none.

    `utils.run.save_checkpoints_steps` and `utils.run.keep_checkpoint_max` are t5's own: save every so many steps, keep
    the last so many.
    """

    every_seconds: float | None = 600.0
    keep_every_steps: int | None = None

    def begin(self, run) -> None:
        self._run = run
        self._saved_step, self._saved_seconds = run.step, run.seconds
        self._every_steps = run.estimator.config.save_checkpoints_steps

    def after_chunk(self, step, estimator, chunk) -> None:
        by_steps = self._every_steps and step // self._every_steps > self._saved_step // self._every_steps
        by_time = self.every_seconds and self._run.seconds - self._saved_seconds >= self.every_seconds
        if by_steps or by_time:
            try:
                self._save()
            except SnapshotError as error:
                self._saved_step, self._saved_seconds = step, self._run.seconds  # tried; not again at every chunk
                self._run.say(f"WARNING: {error}. The training goes on, and will try again")

    def end(self, step, estimator) -> None:
        if step != self._saved_step or step not in steps(self._run.model_dir):
            self._save()

    def _save(self) -> None:
        self._run.save_snapshot(keep_every_steps=self.keep_every_steps)
        self._saved_step, self._saved_seconds = self._run.step, self._run.seconds


def _files(model_dir: str, step: int) -> list[str]:
    """The files of a snapshot, state.json excepted, relative to the model directory."""
    own = [name for name in _listed(model_dir) if (m := _CHECKPOINT.match(name)) and int(m.group(1)) == step]
    place = os.path.join(_FOLDER, str(step))
    return own + [os.path.join(place, name) for name in _listed(os.path.join(model_dir, place)) if name != _STATE]


def _sizes(model_dir: str, step: int) -> dict[str, int]:
    return {name: tf.io.gfile.stat(os.path.join(model_dir, name)).length for name in _files(model_dir, step)}


def _listed(path: str) -> list[str]:
    return tf.io.gfile.listdir(path) if tf.io.gfile.exists(path) else []


def _damaged(model_dir: str, step: int) -> bool:
    return any(name.startswith("damaged-") for name in _listed(folder(model_dir, step)))


def _write_whole(path: str, content: str) -> None:
    with tf.io.gfile.GFile(path + ".incomplete", "w") as file:
        file.write(content)
    tf.io.gfile.rename(path + ".incomplete", path, overwrite=True)
