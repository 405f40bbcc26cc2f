"""Tokenises a Task once and for all, into the layout that seqio reads with `use_cached`.

What is written is what `seqio.scripts.cache_tasks_main` writes, example by example, and the same `info.<split>.json`
and `stats.<split>.json`. Examples stand in the order of the input (the datasets of this package are in random order
since they were built), where seqio shuffles them anew in each run, so that equal input gives equal bytes here.

An interrupted run leaves finished shards and `manifest.json`; the next one checks and keeps them, and makes the rest.
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import seqio
import tensorflow as tf
import tensorflow_datasets as tfds
import tqdm

from code_t5.data import cache_lock, cache_manifest, cache_plan, cache_shards
from code_t5.data.cache_manifest import CacheManifest
from code_t5.data.cache_plan import SplitPlan
from preprocessing.contract import DataContractError

_OVERWRITE = "Choose another --cache_dir, or make it again with --overwrite"


@dataclasses.dataclass(frozen=True)
class Cached:
    """A Task's cache.

    Attributes:
      folder: where it is.
      stats: split -> what seqio writes into `stats.<split>.json`: {"examples", "targets_tokens", "targets_max_tokens"}.
      shards: split -> number of files.
      num_bytes: of all shards.
      made: number of shards that this run made; the others were there.
    """

    folder: str
    stats: dict[str, dict[str, int]]
    shards: dict[str, int]
    num_bytes: int
    made: int


def cache_folder(task: str, cache_dir: str) -> str:
    """Where a Task's cache is inside of a cache directory."""
    return os.path.join(cache_dir, seqio.get_task_dir_from_name(task))


def cache_task(
    task: seqio.Task,
    cache_dir: str,
    *,
    splits: list[str] | None = None,
    overwrite: bool = False,
    say: Callable[[str], Any] = print,
) -> Cached:
    """Writes what the Task's preprocessors make before its cache placeholder, or what is missing of it.

    Args:
      task: a Task that supports caching.
      cache_dir: the folder to give to `--additional_task_cache_dirs`; the Task gets a folder of its own in it.
      splits: all of the Task's that have data, where None. A cache that is there keeps its other splits.
      overwrite: whether a cache that is there is removed first.
      say: told what is kept, dropped or made again, a line each.

    Raises:
      ValueError: the Task cannot be cached, or has no such split.
      DataContractError: something else stands there, or the input is damaged.
      AlreadyRunningError: another process is making it.
      OSError: the disk is full.
    """
    if not task.supports_caching:
        raise ValueError(f"Task {task.name} is not cached: it makes its examples from text, not from tokens")
    available = available_splits(task)
    if unknown := sorted(set(splits or []) - set(available)):
        raise ValueError(f"Task {task.name} has no data for the split {unknown[0]}: it has {', '.join(available)}")
    folder = cache_folder(task.name, cache_dir)
    tf.io.gfile.makedirs(cache_dir)
    try:
        with cache_lock.locked(cache_dir, task.name), _without_copy_in_memory():
            tf.io.gfile.makedirs(folder)
            if overwrite:
                _clear(folder)
            return _cache(task, folder, splits or available, say)
    except (tf.errors.ResourceExhaustedError, OSError) as error:
        if "No space left" not in str(error):
            raise
        raise OSError(
            f"no space left on the disk of {folder}: the finished shards stay, free some and run the same command again"
        ) from error


def available_splits(task: seqio.Task) -> list[str]:
    """The Task's splits that have data.

    Raises:
      ValueError: none has.
    """
    if not isinstance(task.source, seqio.TfdsDataSource):
        return list(task.splits)
    available, reasons = [], []
    for split in task.splits:
        try:
            task.num_input_examples(split)
        except (KeyError, ValueError) as error:  # what TFDS raises where there is no such split, or dataset
            reasons.append(str(error))
        else:
            available.append(split)
    if not available:
        raise ValueError(f"Task {task.name} has no data: {reasons[0]}")
    return available


def _cache(task: seqio.Task, folder: str, wanted: list[str], say: Callable[[str], Any]) -> Cached:
    manifest = _read(folder, say)
    there = {key.partition(": ")[0] for key in manifest.made_of if key.endswith(": shards")} if manifest else set()
    plans = [cache_plan.plan_split(task, split) for split in available_splits(task) if split in {*wanted, *there}]
    made_of = {**cache_plan.made_of(task), **{key: value for plan in plans for key, value in plan.made_of.items()}}
    if manifest and (differences := _differences(manifest.made_of, made_of)):
        if cache_manifest.is_completed(folder):
            raise DataContractError(f"{folder} holds a cache made otherwise:\n{differences}\n{_OVERWRITE}")
        say(f"{folder} holds the beginning of a cache made otherwise, which is not gone on with:\n{differences}")
        _clear(folder)
        manifest = None
    manifest = manifest or CacheManifest(task.name, {}, {})
    if _is_whole(folder, manifest, made_of):
        return _cached(folder, plans, manifest, made=0)
    _reopen(folder, manifest, say)
    manifest.made_of = made_of
    manifest.write(folder)
    made = sum(_make_split(task, plan, folder, manifest) for plan in plans)
    manifest.write(folder)
    cache_manifest.write_file(os.path.join(folder, cache_manifest.COMPLETED_FILE), "")
    return _cached(folder, plans, manifest, made=made)


def _read(folder: str, say: Callable[[str], Any]) -> CacheManifest | None:
    """The manifest that is there, None where the cache is to be made from the start."""
    completed = cache_manifest.is_completed(folder)
    try:
        manifest = CacheManifest.read(folder)
    except DataContractError as error:
        if completed:
            raise DataContractError(f"{error}. {_OVERWRITE}") from error
        say(f"{error}; the cache is made from the start")
        return None
    if completed and manifest is None:
        raise DataContractError(
            f"{folder} holds a cache that another program made: it has no {cache_manifest.MANIFEST_FILE}. {_OVERWRITE}"
        )
    return manifest


def _differences(there: dict[str, Any], asked: dict[str, Any]) -> str:
    """What a cache was made of, and what it would be made of now, a line for each difference; splits may be added."""
    return "\n".join(
        f"  {key}: {_short(there[key])} there, {_short(asked.get(key, 'none'))} now"
        for key in sorted(there)
        if there[key] != asked.get(key)
    )


def _short(value: Any) -> str:
    return value[:12] if isinstance(value, str) else f"{value:,}"


def _is_whole(folder: str, manifest: CacheManifest, made_of: dict[str, Any]) -> bool:
    """Whether nothing is to be done, as far as the sizes of the files tell."""
    return (
        cache_manifest.is_completed(folder)
        and manifest.made_of == made_of
        and not cache_manifest.damages(folder, manifest.files, read=False)
    )


def _reopen(folder: str, manifest: CacheManifest, say: Callable[[str], Any]) -> None:
    """Makes an unfinished cache of a folder: what is good stays, what is damaged or half made goes."""
    others = [name for name in cache_manifest.file_names(folder) if name not in manifest.files]
    if foreign := [name for name in others if not cache_manifest.is_ours(name)]:
        raise DataContractError(
            f"{os.path.join(folder, foreign[0])} does not belong into a cache: move it away, or choose another "
            "--cache_dir"
        )
    for name in sorted(others, key=_completed_first):
        tf.io.gfile.remove(os.path.join(folder, name))
    for name, wrong in cache_manifest.damages(folder, manifest.files).items():
        say(f"{os.path.join(folder, name)} {wrong}; it is made again")
        del manifest.files[name]
    half_made = sum(".tfrecord-" in name for name in others)
    kept = sum("examples" in entry for entry in manifest.files.values())
    if kept or half_made:
        say(f"{folder}: {kept} finished shards of an earlier run are kept, {half_made} others are not")


def _make_split(task: seqio.Task, plan: SplitPlan, folder: str, manifest: CacheManifest) -> int:
    """Makes the missing shards of a split and its JSON files; gives the number of shards made."""
    missing = [unit for unit in plan.units if not set(unit.shards) <= set(manifest.files)]
    done = sum(manifest.files[name]["examples"] for name in plan.shards if name in manifest.files)
    total = None if plan.units[0].input_file is not None else plan.num_examples
    title = f"{task.name} {plan.split}"
    with tqdm.tqdm(desc=title, initial=done, total=total, unit=" examples", disable=None, leave=False) as bar:
        for entries in cache_shards.make_shards(task, plan, missing, folder=folder, progress=bar.update):
            manifest.files.update(entries)
            manifest.write(folder)
    info, stats = (get("", plan.split) for get in (seqio.utils.get_cached_info_path, seqio.utils.get_cached_stats_path))
    for name, value in ((info, plan.info()), (stats, _stats(plan, manifest))):
        path = os.path.join(folder, name)
        cache_manifest.write_file(path, json.dumps(value, sort_keys=True, indent=2) + "\n")
        manifest.files[name] = cache_manifest.checksum(path)
    return sum(len(unit.shards) for unit in missing)


def _stats(plan: SplitPlan, manifest: CacheManifest) -> dict[str, int]:
    entries = [manifest.files[name] for name in plan.shards]
    stats = {"examples": sum(entry["examples"] for entry in entries)}
    for feature in sorted({name for entry in entries for name in entry["tokens"]}):
        counts = [entry["tokens"][feature] for entry in entries if feature in entry["tokens"]]
        name = f"{feature}_tokens"
        stats[name] = sum(count["sum"] for count in counts)
        stats[name.replace("tokens", "max_tokens")] = max(count["max"] for count in counts)
    return stats


def _cached(folder: str, plans: list[SplitPlan], manifest: CacheManifest, *, made: int) -> Cached:
    return Cached(
        folder,
        {plan.split: _stats(plan, manifest) for plan in plans},
        {plan.split: len(plan.shards) for plan in plans},
        sum(manifest.files[name]["bytes"] for plan in plans for name in plan.shards),
        made,
    )


def _clear(folder: str) -> None:
    """Removes a cache; COMPLETED first, so that nobody takes the rest for one."""
    for name in sorted(filter(cache_manifest.is_ours, cache_manifest.file_names(folder)), key=_completed_first):
        tf.io.gfile.remove(os.path.join(folder, name))


def _completed_first(name: str) -> bool:
    return name != cache_manifest.COMPLETED_FILE


@contextlib.contextmanager
def _without_copy_in_memory() -> Iterator[None]:
    """Keeps TFDS from holding a dataset of up to 250 MB in memory for a second reading, which there is not."""
    before = seqio.utils._TFDS_DATA_READ_CONFIG_OVERRIDE
    seqio.utils.set_tfds_read_config_override(before or tfds.ReadConfig(try_autocache=False))
    try:
        yield
    finally:
        seqio.utils.set_tfds_read_config_override(before)
