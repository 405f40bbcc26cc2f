"""What a cache says of itself: what it was made of, and the checksum of each of its files.

`manifest.json` stands in a Task's cache beside seqio's own files. It is written again after each shard, so that it is
also the record from which an interrupted run goes on; `COMPLETED`, which seqio looks for, is written after it.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from preprocessing import contract
from preprocessing.contract import DataContractError

MANIFEST_FILE = "manifest.json"
COMPLETED_FILE = "COMPLETED"
SCHEMA_VERSION = 1
INCOMPLETE = ".incomplete"
_OURS = re.compile(r"(.+\.tfrecord-\d{5,}-of-\d{5,}|(info|stats)\..+\.json|manifest\.json|COMPLETED)(\.incomplete)?")
_BLOCK = 1 << 20


@dataclasses.dataclass
class CacheManifest:
    """The manifest of one Task's cache.

    Attributes:
      task: its name.
      made_of: all that determines the content: "seqio" -> "0.0.18", "train: input files" -> a digest, ...
      files: file name -> {"sha256", "bytes"}, and of a shard also "examples" and "tokens", feature -> {"sum", "max"}.
    """

    task: str
    made_of: dict[str, str | int]
    files: dict[str, dict[str, Any]]
    schema_version: int = SCHEMA_VERSION

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return contract.canonical_digest(dataclasses.asdict(self))

    def to_json(self) -> str:
        return json.dumps({**dataclasses.asdict(self), "digest": self.digest}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str) -> "CacheManifest":
        """Reads a manifest back.

        Raises:
          DataContractError: not JSON, a field missing, another schema version, or a single character changed.
        """
        try:
            fields = json.loads(text)
            del fields["digest"]
            manifest = cls(**fields)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataContractError(f"{where} is damaged, or not the manifest of a cache: {error!r}") from error
        if manifest.schema_version != SCHEMA_VERSION:
            raise DataContractError(
                f"{where} has schema version {manifest.schema_version}, this code reads {SCHEMA_VERSION}"
            )
        if manifest.to_json() != text:
            raise DataContractError(f"{where} is damaged: it is not as it was written")
        return manifest

    def write(self, folder: str) -> None:
        write_file(os.path.join(folder, MANIFEST_FILE), self.to_json())

    @classmethod
    def read(cls, folder: str) -> "CacheManifest | None":
        """The manifest of a folder, None where there is none; raises as `from_json`."""
        path = os.path.join(folder, MANIFEST_FILE)
        if not tf.io.gfile.exists(path):
            return None
        with tf.io.gfile.GFile(path, "rb") as file:
            data = file.read()
        try:
            return cls.from_json(data.decode("utf-8"), where=path)
        except UnicodeDecodeError as error:
            raise DataContractError(f"{path} is damaged: {error}") from error


def is_completed(folder: str) -> bool:
    """Whether seqio would read the cache in this folder."""
    return tf.io.gfile.exists(os.path.join(folder, COMPLETED_FILE))


def file_names(folder: str) -> list[str]:
    """The files of a folder, sorted; folders in it are left out, since the Task `a:b` has its cache in that of `a`."""
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(folder)]
    return sorted(name for name in names if not tf.io.gfile.isdir(os.path.join(folder, name)))


def is_ours(name: str) -> bool:
    """Whether a cache has, or while it is made had, files of this name.

    Example: True for `train.tfrecord-00000-of-00016` and `info.train.json.incomplete`, False for `notes.txt`.
    """
    return _OURS.fullmatch(name) is not None


def write_file(path: str, text: str) -> None:
    """Writes a file that is either there as a whole or not at all."""
    with tf.io.gfile.GFile(path + INCOMPLETE, "w") as file:
        file.write(text)
    tf.io.gfile.rename(path + INCOMPLETE, path, overwrite=True)


def checksum(path: str) -> dict[str, str | int]:
    """Reads a file: `sha256` in hex and `bytes`."""
    digest, size = hashlib.sha256(), 0
    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return {"sha256": digest.hexdigest(), "bytes": size}


def damages(
    folder: str,
    files: dict[str, dict[str, Any]],
    *,
    read: bool = True,
    progress: Callable[[int], Any] = lambda num_bytes: None,
) -> dict[str, str]:
    """Compares files with their entries in a manifest, several at a time.

    Args:
      files: as in `CacheManifest`.
      read: compare the SHA-256 too, not only the size.
      progress: called with the bytes of each file when it has been looked at.

    Returns:
      The name of each file that is not as it was written -> what is wrong with it.
    """

    def look(name: str) -> str | None:
        wrong = _damage(os.path.join(folder, name), files[name], read)
        progress(files[name]["bytes"])
        return wrong

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        wrong = dict(zip(sorted(files), pool.map(look, sorted(files)), strict=True))
    return {name: what for name, what in wrong.items() if what}


def _damage(path: str, entry: dict[str, Any], read: bool) -> str | None:
    if not tf.io.gfile.exists(path):
        return "is missing"
    size = tf.io.gfile.stat(path).length
    if size != entry["bytes"]:
        return f"is damaged: {size:,} bytes, the manifest says {entry['bytes']:,}"
    if read and checksum(path)["sha256"] != entry["sha256"]:
        return "is damaged: its SHA-256 is not the manifest's"
    return None
