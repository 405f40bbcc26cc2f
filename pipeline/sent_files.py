"""The files that an upload takes: of a folder, of one file, or those that one checkpoint of a model needs."""

import dataclasses
import hashlib
import os
import pathlib
import re
import stat

from pipeline.transfer import PART_BYTES

_CONFIG, _RECORD, _VOCABULARY = "operative_config.gin", "run.json", "vocabulary"
_NOT_STORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # the last are bytes that are no UTF-8
_CHECKPOINT = re.compile(r"model\.ckpt-(\d+)\.(?:index|meta|data-\d{5}-of-(\d{5}))")


@dataclasses.dataclass(frozen=True)
class File:
    """A file that is sent.

    Attributes:
      path: where it is.
      size: bytes.
      sha256: 64 hex digits.
      md5s: what S3 and Google may call the same bytes: their MD5, and the ETag of an object sent in parts.
    """

    path: pathlib.Path
    size: int
    sha256: str
    md5s: frozenset[str]


def digested(path: pathlib.Path) -> File:
    """Reads a file once."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts, size = [], 0
    with path.open("rb") as file:
        while block := file.read(PART_BYTES):
            sha256.update(block)
            md5.update(block)
            parts.append(hashlib.md5(block, usedforsecurity=False).digest())
            size += len(block)
    in_parts = hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest() + f"-{len(parts)}"
    return File(path, size, sha256.hexdigest(), frozenset({md5.hexdigest(), in_parts}))


def of_path(path: pathlib.Path) -> dict[str, pathlib.Path]:
    """All files of a folder by their names in it, or one file by its own; folders without files do not count.

    Raises:
      FileNotFoundError: it is not there.
      ValueError: nothing is in it, or what cannot be stored: a link to a folder, a socket, a name that is not UTF-8.
    """
    if path.is_file():
        return {path.name: path}
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not there")
    found = {}
    for folder, folders, names in os.walk(path):
        for name in [*folders, *names]:
            one = pathlib.Path(folder, name)
            if name in folders and not one.is_symlink():
                continue
            if not one.exists() or not stat.S_ISREG(one.stat().st_mode):
                raise ValueError(f"{one} is no file (a link to a folder, a broken link, a socket): remove it")
            relative = one.relative_to(path).as_posix()
            if _NOT_STORABLE.search(relative):
                raise ValueError(f"{path} holds a file of a name that cannot be stored: {relative!r}; rename it")
            found[relative] = one
    if not found:
        raise ValueError(f"{path} is empty: there is nothing to send")
    return found


def of_checkpoint(model_dir: pathlib.Path, step: int, scratch: pathlib.Path) -> dict[str, pathlib.Path]:
    """What one checkpoint of a model needs to be loaded, trained on from its weights, or exported.

    Args:
      scratch: a folder for the file `checkpoint`, which names this one alone.

    Returns:
      The files of "model.ckpt-STEP", "checkpoint", "operative_config.gin", "vocabulary/...", and "run.json" where there
      is one ("best/" of a model directory has none).

    Raises:
      ValueError: one of them is missing.
    """
    steps: dict[int, list[pathlib.Path]] = {}
    shards: dict[int, int] = {}
    for path in sorted(model_dir.glob("model.ckpt-*")):
        if match := _CHECKPOINT.fullmatch(path.name):
            steps.setdefault(int(match[1]), []).append(path)
            shards[int(match[1])] = int(match[2] or shards.get(int(match[1]), 0))
    if step not in steps:
        there = ", ".join(str(one) for one in sorted(steps)) or "none"
        raise ValueError(f"{model_dir} has no checkpoint of step {step}; it has {there}")
    wanted = [f"model.ckpt-{step}.data-{number:05}-of-{shards[step]:05}" for number in range(shards[step])]
    wanted += [f"model.ckpt-{step}.index", _CONFIG, f"{_VOCABULARY}/code.model", f"{_VOCABULARY}/vocabulary.json"]
    missing = [name for name in wanted if not (model_dir / name).is_file()]
    if missing or not shards[step]:
        names = ", ".join(missing) or f"model.ckpt-{step}.data-*"
        raise ValueError(f"the checkpoint of step {step} in {model_dir} cannot be loaded: it lacks {names}")
    found = {path.name: path for path in [*steps[step], model_dir / _CONFIG]}
    found |= {f"{_VOCABULARY}/{name}": path for name, path in of_path(model_dir / _VOCABULARY).items()}
    if (model_dir / _RECORD).exists():
        found[_RECORD] = model_dir / _RECORD
    named = scratch / "checkpoint"
    name = f'"model.ckpt-{step}"'
    named.write_text(f"model_checkpoint_path: {name}\nall_model_checkpoint_paths: {name}\n", encoding="utf-8")
    return {**found, "checkpoint": named}
