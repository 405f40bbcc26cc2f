"""Results, and any folder or file, to and from an address that fsspec knows: whole, checked, and found again.

URL/<Stage>-<digest>-<YYYYmmddTHHMMSSZ>/
  upload.json      what is being sent, written first
  files/...        the files, by their names in the folder
  manifest.json    the same as upload.json, written last: without it the rest does not count
"""

import contextlib
import dataclasses
import datetime
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from pipeline import records, sent_files, transfer
from pipeline.sent_files import File
from pipeline.transfer import Place, Progress, StorageError

SCHEMA = 1
MANIFEST, BEGUN, FILES = "manifest.json", "upload.json", "files"
_NAME = re.compile(r"(?P<stage>[A-Za-z0-9._-]+)-(?P<digest>[0-9a-f]{6,64})-(?P<time>\d{8}T\d{6}Z)")
_DIGEST = re.compile("[0-9a-f]{6,64}")
_DOWNLOAD = "download"


class DamagedError(StorageError):
    """A manifest cannot be read."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is stored under one name.

    Attributes:
      name: "TrainedModel-a1b2c3d4e5-20240501T102030Z".
      whole: whether its manifest is there.
      files: how many it has, or is to have.
      size: of all of them, in bytes.
    """

    name: str
    whole: bool
    files: int
    size: int


def upload(path: str | os.PathLike, url: str, *, checkpoint: int | None = None) -> str:
    """Sends a folder or a file; one that was begun and not finished is gone on with.

    A result (RESULTS/<Stage>/<digest>) goes with its record. What has no digest of its own gets that of its files.

    Args:
      url: where to, "s3://bucket/prefix"; several people's things may be there.
      checkpoint: of a model directory only this step, with what it needs to be loaded.

    Returns:
      The address of what is stored there now: a new one, or an earlier one of the same files.

    Raises:
      FileNotFoundError: the path is not there.
      ValueError: it cannot be sent as it is (empty, not finished, no such checkpoint), or the address is no plain one.
      StorageError: sending failed, in words that say why.
    """
    path = pathlib.Path(path).absolute()
    place = Place(url)
    with tempfile.TemporaryDirectory() as scratch:
        if checkpoint is None:
            paths = sent_files.of_path(path)
        else:
            paths = sent_files.of_checkpoint(path, checkpoint, pathlib.Path(scratch))
        files = dict(zip(paths, transfer.at_once(sent_files.digested, paths.values()), strict=True))
        manifest = _describe(path, files, checkpoint)
        name = _name_for(place, manifest)
        _send(place / name, {**manifest, "name": name}, files)
    return f"{place.url}/{name}"


def download(url: str, target: str | os.PathLike) -> None:
    """Fetches what `upload` stored into a folder or file that is not there yet; goes on where it was interrupted.

    It comes into TARGET.incomplete, and is renamed when every checksum is right. A result that is fetched to its place
    (RESULTS/<Stage>/<digest>) gets its record, too.

    Args:
      url: of one entry, as `upload` returned it and `python -m pipeline list` shows it.

    Raises:
      FileExistsError: `target` is there, and differs.
      ValueError: the address is no plain one.
      StorageError: it is not there as a whole, a checksum differs, or fetching failed, in words that say why.
    """
    target = pathlib.Path(target).absolute()
    place = Place(url)
    manifest = _read(place, MANIFEST)
    if manifest is None:
        if _read(place, BEGUN) is not None:
            raise StorageError(f"{place.url} is incomplete: its upload did not end; start that again, it will go on")
        above = place.url.rpartition("/")[0]
        raise StorageError(f"{place.url} is not there (no {MANIFEST}): see `python -m pipeline list {above}`")
    files = manifest["files"]
    with _alone(pathlib.Path(f"{target}.incomplete")) as beside:
        if target.is_file() or (target.is_dir() and any(target.iterdir())):
            folder = target.parent if manifest["single_file"] else target
            if all(_is_right(folder / (target.name if folder != target else name), files[name]) for name in files):
                return
            raise FileExistsError(f"{target} is there already, and is not what {place.url} has: give another path")
        record = _record_for(target, manifest)
        made = beside / _DOWNLOAD
        made.mkdir(exist_ok=True)
        _fetch(place / FILES, files, made)
        if record:
            records.write(target.with_name(f"{target.name}.json"), record)
        (made / next(iter(files)) if manifest["single_file"] else made).rename(target)


def entries(url: str) -> list[Entry]:
    """What is stored at an address, by name; whatever else is there is left out.

    Raises:
      ValueError: the address is no plain one.
      StorageError: it cannot be asked, or a manifest is damaged.
    """
    place = Place(url)

    def entry(name: str) -> Entry:
        whole = _read(place / name, MANIFEST)
        content = whole or _read(place / name, BEGUN) or {"files": {}}
        return Entry(name, whole is not None, len(content["files"]), _size(content["files"]))

    return transfer.at_once(entry, filter(_NAME.fullmatch, place.folders()))


def _describe(path: pathlib.Path, files: dict[str, File], checkpoint: int | None) -> dict[str, Any]:
    """The manifest, but for the name."""
    rows = {name: {"size": file.size, "sha256": file.sha256} for name, file in sorted(files.items())}
    record, record_path = None, path.with_name(f"{path.name}.json")
    if _DIGEST.fullmatch(path.name) and record_path.exists():
        record = records.read(record_path)
        status = records.status(path.parent.parent, record)
        if status != records.FINISHED and checkpoint is None:
            raise ValueError(f"{path} is {status}, not finished: only finished results are sent")
    content = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:10]
    stage, digest = (record.stage, record.digest) if record else (path.name, content)
    if checkpoint is not None:
        # A part of the model, which must not be taken for the whole.
        stage, record = f"{stage}.step{checkpoint}", None
    return {
        "schema": SCHEMA,
        "stage": re.sub("[^A-Za-z0-9._-]", "_", stage),
        "digest": digest,
        "checkpoint": checkpoint,
        "single_file": path.is_file(),
        "files": rows,
        "record": record.to_json() if record else None,
    }


def _name_for(place: Place, manifest: dict[str, Any]) -> str:
    """The name of an earlier upload of the same files, finished or not, or else a new one."""
    prefix = f"{manifest['stage']}-{manifest['digest']}-"
    names = place.folders()
    for name in sorted((one for one in names if one.startswith(prefix) and _NAME.fullmatch(one)), reverse=True):
        try:
            earlier = _read(place / name, MANIFEST) or _read(place / name, BEGUN)
        except DamagedError:
            continue  # nothing can go on from there
        if earlier and all(earlier[key] == manifest[key] for key in ("files", "single_file", "checkpoint")):
            return name
    moment = datetime.datetime.now(datetime.UTC)
    while (name := f"{prefix}{moment:%Y%m%dT%H%M%SZ}") in names:
        moment += datetime.timedelta(seconds=1)
    return name


def _send(place: Place, manifest: dict[str, Any], files: dict[str, File]) -> None:
    whole = _read(place, MANIFEST)
    text = json.dumps(manifest, indent=1).encode()
    if whole is None and _read(place, BEGUN) is None:
        place.write(BEGUN, text)
    there = place / FILES
    stored = there.files()

    def is_wrong(name: str) -> bool:
        return not _is_stored(there, name, files[name], stored)

    missing = [name for name, wrong in zip(files, transfer.at_once(is_wrong, files), strict=True) if wrong]
    progress = Progress("sent", sum(files[name].size for name in missing))
    try:
        transfer.at_once(lambda name: there.put(files[name].path, name, progress.add), missing)
    finally:
        progress.end()
    if missing:
        stored = there.files()
        wrong = [name for name, bad in zip(missing, transfer.at_once(is_wrong, missing), strict=True) if bad]
        if wrong:
            raise StorageError(
                f"{there.url}/{wrong[0]} is not what was sent: {files[wrong[0]].path} changed meanwhile, or it was "
                "damaged on its way; run it again"
            )
    begun = _read(place, BEGUN)
    if begun and begun["files"] != manifest["files"]:
        raise StorageError(f"another upload took the name {place.url} in the same second: run it again")
    if whole is None:
        place.write(MANIFEST, text)
    for name in stored.keys() - files.keys():
        if name.endswith(transfer.PART_OF_A_FILE):  # of an upload that was killed
            there.remove(name)


def _is_stored(place: Place, name: str, file: File, stored: dict[str, transfer.Stored]) -> bool:
    if name not in stored or stored[name].size != file.size:
        return False
    # An encrypted object's ETag is no MD5: then, as on a disk, only reading it tells.
    return stored[name].md5 in file.md5s or place.sha256(name) == file.sha256


def _fetch(place: Place, files: dict[str, dict[str, Any]], made: pathlib.Path) -> None:
    for path in sorted(made.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(made).as_posix() not in files:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    right = transfer.at_once(lambda name: _is_right(made / name, files[name]), files)
    missing = [name for name, is_right in zip(files, right, strict=True) if not is_right]
    needed, free = sum(files[name]["size"] for name in missing), shutil.disk_usage(made).free
    if needed > free:
        raise StorageError(f"no space left for {made}: it needs {needed / 1e6:,.1f} MB, {free / 1e6:,.1f} MB are free")
    stored = place.files()
    if absent := [name for name in missing if name not in stored]:
        raise StorageError(f"{place.url}/{absent[0]} is not there, but stands in {MANIFEST}: upload it again")
    progress = Progress("fetched", needed)

    def fetch(name: str) -> None:
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        place.get(name, path, files[name]["size"], progress.add)
        if not _is_right(path, files[name]):
            found = sent_files.digested(path)
            path.unlink()
            raise StorageError(
                f"{place.url}/{name} is damaged: expected {files[name]['size']:,} bytes of SHA-256 "
                f"{files[name]['sha256']}, found {found.size:,} of {found.sha256}; upload it again, that mends it"
            )

    try:
        transfer.at_once(fetch, missing)
    finally:
        progress.end()


def _is_right(path: pathlib.Path, row: dict[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == row["size"] and sent_files.digested(path).sha256 == row["sha256"]


def _record_for(target: pathlib.Path, manifest: dict[str, Any]) -> records.Record | None:
    """The record that belongs beside a result; None for a target that is not the place of one."""
    if not manifest["record"] or (target.parent.name, target.name) != (manifest["stage"], manifest["digest"]):
        return None
    path = target.with_name(f"{target.name}.json")
    if path.exists() and records.status(target.parent.parent, records.read(path)) == records.RUNNING:
        raise FileExistsError(f"{target} is being made at this moment: wait for it, or give another path")
    fields = {field.name for field in dataclasses.fields(records.Record)} - {"more"}
    content = {name: value for name, value in manifest["record"].items() if name != "schema"}
    more = {name: content.pop(name) for name in content.keys() - fields}
    return records.Record(**content, more=more)


@contextlib.contextmanager
def _alone(beside: pathlib.Path) -> Iterator[pathlib.Path]:
    """The folder beside a download's target, for one process; it goes at the end, and stays after an error."""
    beside.mkdir(parents=True, exist_ok=True)
    if others := sorted(path.name for path in beside.iterdir() if path.name != _DOWNLOAD):
        raise FileExistsError(f"{beside} is there, and not of a download (it has {others[0]}): delete it if useless")
    handle = os.open(beside, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"another process is downloading into {beside}: wait for it") from None
        yield beside
        shutil.rmtree(beside)
    finally:
        with contextlib.suppress(OSError):
            beside.rmdir()  # where nothing has come yet
        os.close(handle)


def _read(place: Place, name: str) -> dict[str, Any] | None:
    """A manifest; None where there is none."""
    data = place.read(name)
    if data is None:
        return None
    try:
        content = json.loads(data)
        if content["schema"] != SCHEMA:
            raise StorageError(f"{place.url}/{name} has schema {content['schema']!r}, this code reads {SCHEMA}")
        for file, row in content["files"].items():
            parts = pathlib.PurePosixPath(file).parts
            if not parts or parts[0] == "/" or ".." in parts or not {"size", "sha256"} <= row.keys():
                raise ValueError(f"a file {file!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{place.url}/{name} is damaged ({error}): upload it again, it gets a new name") from error
    return content


def _size(files: dict[str, dict[str, Any]]) -> int:
    return sum(row["size"] for row in files.values())
