"""Reads a cache again and names every file that is not as it was written."""

import os
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from code_t5.data import cache_manifest
from code_t5.data.cache_manifest import COMPLETED_FILE, MANIFEST_FILE, CacheManifest
from preprocessing.contract import DataContractError


def problems(folder: str, *, progress: Callable[[int], Any] = lambda num_bytes: None) -> list[str]:
    """Compares a Task's cache with its manifest; every file is read.

    Args:
      folder: of one Task.
      progress: called with the bytes of each file that was read.

    Returns:
      A line for each file that is damaged, missing or foreign, which begins with its address; empty if all is well.
    """
    if not tf.io.gfile.isdir(folder):
        return [f"{folder} is missing"]
    try:
        manifest = CacheManifest.read(folder)
    except DataContractError as error:
        return [str(error)]
    if manifest is None:
        return [f"{folder} has no {MANIFEST_FILE}: it was not made by code_t5.main.cache, or not even begun"]
    found = [f"{os.path.join(folder, name)} {what}" for name, what in _unfinished(folder, manifest)]
    wrong = cache_manifest.damages(folder, manifest.files, progress=progress)
    found += [f"{os.path.join(folder, name)} {what}" for name, what in wrong.items()]
    for name in cache_manifest.file_names(folder):
        if name not in (*manifest.files, MANIFEST_FILE, COMPLETED_FILE):
            found.append(f"{os.path.join(folder, name)} is foreign: the manifest does not name it")
    return found


def _unfinished(folder: str, manifest: CacheManifest) -> list[tuple[str, str]]:
    path = os.path.join(folder, COMPLETED_FILE)
    if not tf.io.gfile.exists(path):
        shards = sum("examples" in entry for entry in manifest.files.values())
        promised = sum(value for key, value in manifest.made_of.items() if key.endswith(": shards"))
        return [(COMPLETED_FILE, f"is missing: {shards} of {promised} shards were made; run the same command to go on")]
    return [(COMPLETED_FILE, "is damaged: it is not empty")] if tf.io.gfile.stat(path).length else []
