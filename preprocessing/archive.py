"""Downloads and unpacks the public archive of an FLCC tree, trusting neither the line nor the archive."""

import gzip
import hashlib
import os
import pathlib
import subprocess
import sys
import tarfile
import time
import urllib.parse
import zlib
from collections.abc import Iterator

from preprocessing.contract import DataContractError
from preprocessing.flcc import FILES_FOLDER
from preprocessing.flcc_names import printable
from preprocessing.output_folder import written_beside

DEFAULT_URL = "https://5k-dataset.s3.amazonaws.com/v3/dataset-normalized-5000-with-imports.tar.gz"

_ATTEMPTS = 5
RETRY_WAIT_S = 1.0
_CURL = ("curl", "--globoff", "--location", "--fail", "--show-error", "--connect-timeout", "20")
# Fewer than 1,000 bytes a second for a minute is a dead line.
_STALLED = ("--speed-limit", "1000", "--speed-time", "60")
_HTTP_ERROR, _NO_RANGES = 22, 33


def fetch(url: str, folder: pathlib.Path, *, sha256: str = "") -> pathlib.Path:
    """Downloads, checks and unpacks an archive, or finds what an earlier call did of this.

    Args:
      url: https://, http:// or file://, of a `.tar.gz`.
      folder: where the archive and the unpacked tree are kept; both have a hash of the address in their names.
      sha256: what the archive's SHA-256 must be; "" where it is not known.

    Returns:
      The root of the FLCC tree: the folder that holds `v3`.

    Raises:
      ConnectionError: it cannot be had, or not all of it; what has come is kept, and the next call goes on from there.
      DataContractError: another SHA-256, a damaged archive, a member that would leave the folder, no FLCC tree.
    """
    name = pathlib.PurePosixPath(urllib.parse.urlsplit(url).path).name.removesuffix(".tar.gz") or "archive"
    name = f"{name[:100]}.{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    archive, tree = folder / f"{name}.tar.gz", folder / name
    if tree.is_dir() and not (sha256 or archive.exists()):
        return _root(tree)
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{name}.tar.gz.part"
        download(url, part)
        part.rename(archive)
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    print(f"{printable(str(archive))}: {archive.stat().st_size:,} bytes, SHA-256 {digest}")
    if sha256 and digest != sha256.lower():
        raise DataContractError(f"{archive} has the SHA-256 {digest}, not {sha256}: delete it to download it again")
    if not tree.is_dir():
        unpack(archive, tree)
    return _root(tree)


def download(url: str, part: pathlib.Path) -> None:
    """Downloads into a file, going on where an earlier download ended; see `fetch`."""
    length = _length(url)
    for attempt in range(1, _ATTEMPTS + 1):
        have = part.stat().st_size if part.exists() else 0
        if length is not None and have > length:
            part.unlink()
            have = 0
        if have and have == length:
            return
        quiet = () if sys.stderr.isatty() else ("--silent",)
        status, error = _curl(*quiet, *_STALLED, "--continue-at", "-", "--output", str(part), url)
        now = part.stat().st_size if part.exists() else 0
        if status == 0 and now == (length or now):
            return
        if have and status in (_NO_RANGES, _HTTP_ERROR):
            # This server cannot go on in the middle: from the start then.
            part.unlink(missing_ok=True)
        elif now <= have:
            raise ConnectionError(f"{url} could not be downloaded: {error or f'curl ended with status {status}'}")
        time.sleep(RETRY_WAIT_S * attempt)
    now = part.stat().st_size if part.exists() else 0
    wanted = "an unknown number of" if length is None else f"{length:,}"
    raise ConnectionError(
        f"{url} could not be downloaded whole: {now:,} of {wanted} bytes came; run this again to go on"
    )


def unpack(archive: pathlib.Path, target: pathlib.Path) -> None:
    """Unpacks a `.tar.gz` into a new folder, after every member was looked at.

    Raises:
      DataContractError: the archive is damaged, or a member is absolute, has `..` in its path, is a link that leaves
        the folder or is written through one, or is neither file, folder nor link.
    """
    try:
        links: set[str] = set()
        for _, member in _members(archive):
            reason = refusal(member, links)
            if reason:
                raise DataContractError(f"{archive} is refused: {reason}")
        with written_beside(target) as folder:
            for opened, member in _members(archive):
                # Not the archive's owners and times; the filter is the standard library's own check on top of ours.
                filtered = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                opened.extract(member, folder, set_attrs=False, **filtered)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataContractError(f"{archive} is damaged ({error}): delete it to download it again") from error


def refusal(member: tarfile.TarInfo, links: set[str]) -> str:
    """Why a member must not be unpacked, or "".

    Args:
      member: the next member.
      links: the links so far; a link is added to them.
    """
    path = pathlib.PurePosixPath(member.name)
    where = printable(repr(member.name))
    if path.is_absolute() or ".." in path.parts:
        return f"its member {where} lies outside"
    if any(str(parent) in links for parent in (path, *path.parents)):
        return f"its member {where} goes through a link"
    if member.issym() or member.islnk():
        base = path.parent if member.issym() else pathlib.PurePosixPath()
        target = os.path.normpath(base / member.linkname)
        if target.startswith(("/", "../")) or target == "..":
            return f"its member {where} is a link to {printable(repr(member.linkname))}, outside"
        links.add(str(path))
    elif not (member.isreg() or member.isdir()):
        return f"its member {where} is a device or a pipe"
    return ""


def _members(archive: pathlib.Path) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Every member, and then the rest of the file, so that gzip's checksum at the very end is checked."""
    with gzip.open(archive) as unzipped:
        with tarfile.open(fileobj=unzipped, mode="r|") as opened:
            for member in opened:
                yield opened, member
                # Kept by tarfile for seeking back: 300 MB for the public archive.
                opened.members = []
        while unzipped.read(1 << 20):
            pass


def _root(tree: pathlib.Path) -> pathlib.Path:
    for folder in (tree, *sorted(tree.iterdir())):
        if (folder / FILES_FOLDER).is_dir():
            return folder
    raise DataContractError(f"{tree}, unpacked from the archive, has no folder {FILES_FOLDER} nor */{FILES_FOLDER}")


def _length(url: str) -> int | None:
    """How many bytes there are to come; None where the server does not say."""
    status, text = _curl("--silent", "--head", url)
    if status not in (0, _HTTP_ERROR):
        raise ConnectionError(f"{url} could not be downloaded: {text}")
    lengths = [line.split(":")[1] for line in text.splitlines() if line.lower().startswith("content-length:")]
    # After a redirection the last one counts.
    return int(lengths[-1]) if status == 0 and lengths else None


def _curl(*arguments: str) -> tuple[int, str]:
    """Exit status, and curl's output, or its error where it failed."""
    progress = "--silent" not in arguments
    try:
        done = subprocess.run([*_CURL, *arguments], stdout=-1, stderr=None if progress else -1, check=False)
    except FileNotFoundError as error:
        raise ConnectionError("curl is not installed, and it is what downloads the archive") from error
    text = done.stderr if done.returncode else done.stdout
    return done.returncode, (text or b"").decode("utf-8", "replace").strip()
