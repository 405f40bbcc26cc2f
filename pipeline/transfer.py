"""Files to and from any place that fsspec knows (s3://, gs://, file://, memory://), and in words what went wrong.

Secrets come from the environment alone, where the libraries look for them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_PROFILE, AWS_ENDPOINT_URL of a server that is not Amazon's, GOOGLE_APPLICATION_CREDENTIALS.
"""

import base64
import concurrent.futures
import contextlib
import dataclasses
import errno
import hashlib
import os
import pathlib
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

import fsspec

# Files at a time, and the bytes of a part of a large one: S3 takes 10,000 parts, so a file may have 160 GB.
THREADS, PART_BYTES = 8, 16 * 2**20
PART_OF_A_FILE = ".part"
_BLOCK_BYTES = 2**20
_LINE_SECONDS, _BAR_SECONDS = 30, 0.2
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
_PERSON_IN_URL = re.compile(r"[^@/]*@|[^@]*:[^@]*@")


class StorageError(RuntimeError):
    """A transfer failed, or what is stored is not what it should be."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """What a place says of a file without sending it: the size in bytes, and an MD5 (of S3: an ETag), or ""."""

    size: int
    md5: str


class Place:
    """A folder at an address; names of files in it are relative, with "/" between their parts.

    Attributes:
      url: its address.
    """

    def __init__(self, url: str):
        """Nothing is asked of the place yet.

        Raises:
          ValueError: the address holds a name and a password, or is of no known kind.
          StorageError: the library for such addresses is not installed.
        """
        protocol, separator, rest = url.partition("://")
        if "::" in url or (separator and _PERSON_IN_URL.match(rest)):
            # The address itself is not repeated: that would put the password into a log.
            raise ValueError(
                f"an address of {protocol}:// must be plain, without 'user:password@' or '::': keys are taken from the "
                "environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or GOOGLE_APPLICATION_CREDENTIALS)"
            )
        self.url = url.rstrip("/")
        try:
            # Listings are never remembered: others write there, too.
            options = {} if protocol in ("file", "local") or not separator else {"use_listings_cache": False}
            self._files, root = fsspec.core.url_to_fs(url, **options)
        except ImportError as error:
            package = _PACKAGES.get(protocol, "the library that is named here")
            raise StorageError(f"{protocol}:// needs {package}: pip install {package} ({error})") from error
        except ValueError as error:
            raise ValueError(f"{url} is no address of a known kind: s3://, gs://, file:// ({error})") from error
        self._root = root.rstrip("/")
        self._local = bool(getattr(self._files, "local_file", False))

    def __truediv__(self, name: str) -> "Place":
        """The place of a folder in this one."""
        inner = object.__new__(Place)
        inner.url, inner._files, inner._local = f"{self.url}/{name}", self._files, self._local
        inner._root = f"{self._root}/{name}"
        return inner

    def folders(self) -> list[str]:
        """Names of the folders there; none where the place is not there."""
        with self._explained():
            try:
                found = self._files.ls(self._root, detail=True)
            except FileNotFoundError as error:
                if _no_bucket(error):
                    raise
                return []
        return sorted(pathlib.PurePosixPath(one["name"]).name for one in found if one["type"] == "directory")

    def files(self) -> dict[str, Stored]:
        """All files there, those of folders in it, too."""
        with self._explained():
            found = self._files.find(self._root, detail=True)
        start = len(self._root.lstrip("/")) + 1
        return {name.lstrip("/")[start:]: Stored(info["size"], _md5(info)) for name, info in found.items()}

    def read(self, name: str) -> bytes | None:
        """A small file; None where it is not there."""
        with self._explained():
            try:
                return self._files.cat_file(self._path(name))
            except FileNotFoundError as error:
                if _no_bucket(error):
                    raise
                return None

    def sha256(self, name: str) -> str:
        """Of a file, which is read for it."""
        with self._explained(), self._files.open(self._path(name), "rb") as file:
            found = hashlib.sha256()
            while block := file.read(_BLOCK_BYTES):
                found.update(block)
            return found.hexdigest()

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file whole, or not at all."""
        with self._explained(), self._whole(name) as path:
            self._files.pipe_file(path, data)

    def put(self, path: pathlib.Path, name: str, say: Callable[[int], None]) -> None:
        """Sends a file, whole or not at all; `say` is told the bytes as they go."""
        parts = {"chunksize": PART_BYTES} if "s3" in self._files.protocol or "gs" in self._files.protocol else {}
        with self._explained(), self._whole(name) as target, _telling(say, path.stat().st_size) as callback:
            self._files.put_file(os.fspath(path), target, callback=callback, **parts)

    def get(self, name: str, path: pathlib.Path, size: int, say: Callable[[int], None]) -> None:
        """Fetches a file; one that was cut off stays, and is for the caller to check."""
        with self._explained(writes_to=path), _telling(say, size) as callback:
            self._files.get_file(self._path(name), os.fspath(path), callback=callback)

    def remove(self, name: str) -> None:
        with self._explained(), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _whole(self, name: str) -> Iterator[str]:
        """Where to write: an object is there at the end or not at all, but a file on a disk must be renamed."""
        path = self._path(name)
        if not self._local:
            yield path
            return
        beside = f"{path}.{uuid.uuid4().hex[:8]}{PART_OF_A_FILE}"
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            # Another upload of the same files that is done already may have cleared it away.
            with contextlib.suppress(FileNotFoundError):
                pathlib.Path(beside).replace(path)
        finally:
            pathlib.Path(beside).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self, *, writes_to: pathlib.Path | None = None) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except Exception as error:
            # Each library has exceptions of its own, which cannot be named where it is not installed.
            raise StorageError(without_secrets(_words(error, self.url, writes_to))) from error


def at_once(function: Callable, items: Iterable) -> list:
    """Calls a function for each item, several at a time; the first error ends it, when those under way are done."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(function, item) for item in items]
        try:
            return [one.result() for one in running]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class Progress:
    """One line that says how far it is: renewed on a terminal, every 30 s elsewhere."""

    def __init__(self, verb: str, size: int, stream: TextIO | None = None):
        """Args: verb: "sent"; size: bytes in all."""
        self._verb, self._size, self._stream = verb, size, stream or sys.stderr
        self._done, self._began, self._lock = 0, time.monotonic(), threading.Lock()
        self._bar = self._stream.isatty()
        self._said = self._began if not self._bar else 0.0

    def add(self, size: int) -> None:
        """Counts bytes that went; from any thread."""
        with self._lock:
            self._done += size
            now = time.monotonic()
            if now - self._said >= (_BAR_SECONDS if self._bar else _LINE_SECONDS):
                self._said = now
                self._stream.write(f"\r{self.line():70}" if self._bar else self.line() + "\n")
                self._stream.flush()

    def line(self) -> str:
        """Example: "sent 1.2 of 3.4 GB, 45.0 MB/s, 0:48 left"."""
        speed = self._done / max(time.monotonic() - self._began, 1e-3)
        minutes, seconds = divmod(round((self._size - self._done) / speed) if speed else 0, 60)
        of = f"{self._done / 1e9:.1f} of {self._size / 1e9:.1f} GB"
        if self._size < 1e9:
            of = f"{self._done / 1e6:.1f} of {self._size / 1e6:.1f} MB"
        return f"{self._verb} {of}, {speed / 1e6:.1f} MB/s, {minutes}:{seconds:02} left"

    def end(self) -> None:
        """Clears the terminal's line."""
        if self._bar:
            self._stream.write(f"\r{'':70}\r")
            self._stream.flush()


def without_secrets(text: str) -> str:
    """Takes passwords in addresses, and the values of the environment's secrets, out of a text."""
    text = re.sub(r"://[^/\s'\"]*@", "://***@", text)
    for name, value in os.environ.items():
        if re.search("SECRET|TOKEN|PASSWORD|ACCESS_KEY", name) and len(value) >= 8:
            text = text.replace(value, "***")
    return text


@contextlib.contextmanager
def _telling(say: Callable[[int], None], size: int) -> Iterator[fsspec.Callback]:
    told = _Told(say)
    yield told
    say(size - told.told)  # not every file system tells how far it is


class _Told(fsspec.Callback):
    def __init__(self, say: Callable[[int], None]):
        super().__init__()
        self._say, self.told = say, 0

    def relative_update(self, inc: int = 1) -> None:
        self.told += inc
        self._say(inc)


def _md5(info: dict) -> str:
    if info.get("md5Hash"):  # Google's
        return base64.b64decode(info["md5Hash"]).hex()
    return info.get("ETag", "").strip('"')


def _no_bucket(error: Exception) -> bool:
    return "bucket does not exist" in str(error)


def _words(error: Exception, url: str, writes_to: pathlib.Path | None) -> str:
    kinds = {kind.__name__ for one in (error, error.__cause__) if one for kind in type(one).__mro__}
    if _no_bucket(error):
        bucket = "/".join(url.split("/")[:3])
        return f"no bucket {bucket}: create it, or correct its name (of another server: AWS_ENDPOINT_URL)"
    if kinds & {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ProfileNotFound"}:
        return (
            f"no credentials for {url}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE "
            f"(gs://: GOOGLE_APPLICATION_CREDENTIALS, the path of a key file) in the environment ({error})"
        )
    if isinstance(error, PermissionError):
        return f"{writes_to or url} is not permitted: may these credentials read and write there? ({error})"
    if kinds & {"EndpointConnectionError", "ConnectTimeoutError", "ConnectionError", "ClientConnectionError"}:
        return f"{url} cannot be reached: is there a network, and is AWS_ENDPOINT_URL right, if it is set? ({error})"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left for {writes_to or url}: what is there is kept; free some and run it again to go on"
    if isinstance(error, FileNotFoundError):
        return f"{url}: {error} is not there"
    return f"{url}: {type(error).__name__}: {error}"
