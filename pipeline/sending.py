"""Folders that go to a host and come back, each told by a digest of what is in it.

A listing is what `sha256sum --zero` prints of all files of a folder, sorted by path: the digest of a folder is the
SHA-256 of its listing. What is there already under its digest is not sent again, and what arrived is hashed again.
"""

import hashlib
import os
import pathlib
import subprocess
import threading
from collections.abc import Sequence

from pipeline.ssh import Connection, RemoteError

# Prints the listing of the folder it runs in.
LISTING = "find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum --zero --"
_ARRIVED = f"""
cd "$1.incomplete"
[ "$({LISTING} | sha256sum | cut -d' ' -f1)" = "$2" ] || {{ echo different; exit 0; }}
cd ..
mv -T "$1.incomplete" "$1" 2> /dev/null || [ -e "$1" ]
echo arrived
"""
_one_at_a_time: dict[tuple[str, str], threading.Lock] = {}
_guard = threading.Lock()


class DamagedError(RemoteError):
    """What arrived is not what was sent."""


def send_code(connection: Connection, root: pathlib.Path, folder: str) -> str:
    """Sends the files of a git repository, tracked or not, but none that git ignores.

    Returns:
      Their folder there, `FOLDER/code/DIGEST`.

    Raises:
      ValueError: not a git repository, or a submodule or a link to a folder in it.
      DamagedError, HostUnreachableError, HostRefusedError, RemoteError: as in `ssh` and here.
    """
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        raise ValueError(f"{root} is not a git repository: {listed.stderr.decode(errors='replace').strip()}")
    names = sorted({os.fsdecode(name) for name in listed.stdout.split(b"\0") if name})
    # A file that was deleted and not yet committed is still listed.
    names = [name for name in names if os.path.lexists(root / name)]
    for name in names:
        if not (root / name).is_file():
            raise ValueError(f"{root / name} is a submodule, or a link to a folder or to nothing: it cannot be sent")
    return _send(connection, root, names, f"{folder}/code")


def send_input(connection: Connection, path: pathlib.Path, folder: str) -> str:
    """Sends a file or a folder, links as what they lead to.

    Returns:
      Its path there, `FOLDER/inputs/DIGEST/NAME`.

    Raises:
      FileNotFoundError: it is not here.
      DamagedError, HostUnreachableError, HostRefusedError, RemoteError: as in `ssh` and here.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is to be sent to host {connection.host.name}, and is not there")
    names = [path.name] if path.is_file() else [f"{path.name}/{name}" for name in _files(path, links=True)]
    if path.is_dir() and not names:
        raise FileNotFoundError(f"{path} is to be sent to host {connection.host.name}, and has no file")
    return f"{_send(connection, path.parent, names, f'{folder}/inputs')}/{path.name}"


def bring(connection: Connection, there: str, listing_file: str, output: pathlib.Path) -> None:
    """Brings a folder here by way of `OUTPUT.incomplete`, which is renamed when each file is what the listing says.

    Raises:
      DamagedError: a file is another one after two transfers; `OUTPUT.incomplete` is left.
      HostUnreachableError, HostRefusedError, RemoteError: as in `ssh`.
    """
    beside = pathlib.Path(f"{output}.incomplete")
    beside.mkdir(parents=True, exist_ok=True)
    expected = pathlib.Path(f"{output}.listing")
    connection.rsync("-t", connection.there(listing_file), str(expected))
    wanted = _parse(expected.read_bytes())
    found: dict[str, str] = {}
    # The first transfer trusts size and time of what an earlier one left here; the second trusts nothing.
    for trust in ((), ("--checksum",)):
        connection.rsync(
            "-a", "--no-owner", "--no-group", "--delete", *trust, connection.there(f"{there}/"), f"{beside}/"
        )
        found = _parse(_listing(beside, _files(beside, links=False)))
        if found == wanted:
            expected.unlink()
            beside.rename(output)
            return
    names = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    expected.unlink()
    raise DamagedError(
        f"{len(names)} of {len(wanted)} files in {beside} are not what host {connection.host.name} had when its "
        f"command ended, as {names[0]}: SHA-256 {found.get(names[0], 'of no file')}, expected "
        f"{wanted.get(names[0], 'no such file')}. Something changes {there} there, or a disk is failing"
    )


def _send(connection: Connection, root: pathlib.Path, names: Sequence[str], folder: str) -> str:
    digest = hashlib.sha256(_listing(root, names)).hexdigest()
    there = f"{folder}/{digest[:16]}"
    with _lock(connection.host.name, there):
        for _ in range(2):
            if connection.shell('if [ -e "$1" ]; then echo there; else mkdir -p "$1.incomplete"; fi', there).strip():
                return there
            connection.rsync(
                # No --delete with a list: what does not belong there shows in the digest.
                *("-a", "--copy-links", "--checksum", "--no-owner", "--no-group", "--from0", "--files-from=-"),
                f"{root}/",
                connection.there(f"{there}.incomplete/"),
                text=b"\0".join(os.fsencode(name) for name in names),
            )
            if connection.shell(_ARRIVED, there, digest).strip() == "arrived":
                return there
            connection.shell('rm -rf "$1.incomplete"', there)
    raise DamagedError(
        f"{root} did not arrive on host {connection.host.name} as it is here, twice: was something in it changed "
        "at the same time? Wait until nothing writes there, and run it again"
    )


def _lock(host: str, there: str) -> threading.Lock:
    with _guard:
        return _one_at_a_time.setdefault((host, there), threading.Lock())


def _files(folder: pathlib.Path, *, links: bool) -> list[str]:
    found = []
    for here, _, names in os.walk(folder, followlinks=links):
        paths = [pathlib.Path(here, name) for name in names]
        found += [str(path.relative_to(folder)) for path in paths if links or not path.is_symlink()]
    return found


def _listing(root: pathlib.Path, names: Sequence[str]) -> bytes:
    rows = []
    for name in sorted(names, key=lambda name: os.fsencode(f"./{name}")):
        with (root / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        rows.append(f"{digest}  ./".encode() + os.fsencode(name) + b"\0")
    return b"".join(rows)


def _parse(listing: bytes) -> dict[str, str]:
    rows = (row.split(b"  ./", 1) for row in listing.split(b"\0") if row)
    return {os.fsdecode(name): digest.decode() for digest, name in rows}
