"""Makes the small dev dataset of an FLCC tree: the repositories whose owner matches a pattern, or a share of each.

`scripts/dev_dataset.sh` is the command; it hands its arguments to this module. Standard library only.
"""

import argparse
import fnmatch
import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from preprocessing.archive import DEFAULT_URL, fetch
from preprocessing.contract import DataContractError
from preprocessing.file_sample import FileSample
from preprocessing.flcc import ABOUT_FOLDERS, FILES_FOLDER, FlccSource, Repository
from preprocessing.flcc_names import printable
from preprocessing.output_folder import written_beside

RECORD_FILE = "dev_dataset.json"
INSTEAD = """Make a tree of your own instead, from your repositories or from the installed packages, and take that:
  python -m preprocessing.build_flcc --output_dir FLCC --source DIR
  python -m preprocessing.build_flcc --output_dir FLCC --installed_packages
  scripts/dev_dataset.sh --input_dir FLCC --output_dir DEV --pattern '*'"""


def choose(
    repositories: Iterable[Repository], *, pattern: str, max_bytes: float = float("inf"), seed: int = 0
) -> list[Repository]:
    """The repositories whose owner matches a shell pattern, and of these no more than so many bytes.

    Repositories are taken whole, in an order that depends on the seed and on their names only; one that does not fit
    any more is passed over.

    Returns:
      The chosen ones, in the order in which they came.

    Raises:
      DataContractError: no owner matches, or no repository that does is small enough.
    """
    repositories = list(repositories)
    matching = [repository for repository in repositories if fnmatch.fnmatchcase(_owner(repository), pattern)]
    if not matching:
        owners = sorted({_owner(repository) for repository in repositories})
        raise DataContractError(
            f"no owner matches {pattern!r}; there are {len(owners)}, such as {', '.join(owners[:5])}"
        )
    room = max_bytes
    chosen = set()
    for repository in sorted(matching, key=lambda repository: _rank(repository.name, seed)):
        if repository.size <= room:
            chosen.add(repository.name)
            room -= repository.size
    if not chosen:
        smallest = min(repository.size for repository in matching)
        raise DataContractError(f"the smallest matching repository has {smallest / 1e6:.3f} MB, more than --max_mb")
    return [repository for repository in matching if repository.name in chosen]


def copy(root: pathlib.Path, target: pathlib.Path, repositories: Iterable[Repository]) -> int:
    """Copies repositories from both trees of an FLCC root, links as links.

    Returns:
      How many files and folders could not be read and are missing in the copy.
    """
    unreadable = 0
    for repository in repositories:
        for folder in (FILES_FOLDER, *ABOUT_FOLDERS):
            if (root / folder / repository.name).is_dir():
                unreadable += _copy_folder(f"{root}/{folder}/{repository.name}", f"{target}/{folder}/{repository.name}")
    return unreadable


def _copy_folder(source: str, target: str) -> int:
    unreadable = 0
    pathlib.Path(target).mkdir(parents=True)
    try:
        with os.scandir(source) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError:
        return 1
    for entry in entries:
        copied = pathlib.Path(target, entry.name)
        if entry.is_symlink():
            copied.symlink_to(pathlib.Path(entry.path).readlink())
        elif entry.is_dir():
            unreadable += _copy_folder(entry.path, str(copied))
        elif entry.is_file():
            try:
                opened = pathlib.Path(entry.path).open("rb")  # noqa: SIM115 (closed below; an error while writing must not be caught here)
            except OSError:
                unreadable += 1
                continue
            with opened, copied.open("wb") as writing:
                shutil.copyfileobj(opened, writing)
        else:
            unreadable += 1
    return unreadable


def _owner(repository: Repository) -> str:
    return repository.name.split("/")[0]


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "backslashreplace")).hexdigest()


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.input_dir and (arguments.url != DEFAULT_URL or arguments.sha256 or arguments.download_dir):
        parser.error("--url, --sha256 and --download_dir are for the archive: leave them out with --input_dir")
    try:
        return _make(arguments)
    except ConnectionError as error:
        print(f"error: {printable(str(error))}\n{INSTEAD}", file=sys.stderr)
    except (OSError, DataContractError) as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
    return 2


def _make(arguments: argparse.Namespace) -> int:
    target = arguments.output_dir
    asked: dict[str, Any] = {name: getattr(arguments, name) for name in ("pattern", "max_mb", "seed", "share")}
    if arguments.input_dir:
        root = arguments.input_dir
        asked["input"] = FlccSource(root).describe()["digest"]
    else:
        asked["input"] = arguments.url
    made = _made(target, asked)
    if made:
        print(f"{_line(target, made)} (was there already, made with the same arguments)")
        return 0
    if not arguments.input_dir:
        folder = arguments.download_dir or pathlib.Path(f"{target.absolute()}.download")
        root = fetch(arguments.url, folder, sha256=arguments.sha256)
    repositories = FlccSource(root).repositories()
    sample = FileSample(root, share=arguments.share, seed=arguments.seed) if arguments.share < 1 else None
    if sample:
        repositories = [sample.repository(repository.name) for repository in repositories]
    chosen = choose(
        repositories,
        pattern=arguments.pattern,
        max_bytes=arguments.max_mb * 1e6 if arguments.max_mb else float("inf"),
        seed=arguments.seed,
    )
    with written_beside(target) as folder:
        unreadable = sample.copy(folder, chosen) if sample else copy(root, folder, chosen)
        made = {
            "owners": len({_owner(repository) for repository in chosen}),
            "repositories": len(chosen),
            "files": sum(repository.files for repository in chosen),
            "bytes": sum(repository.size for repository in chosen),
            "unreadable": unreadable,
        }
        record = {"arguments": asked, "made": made}
        (folder / RECORD_FILE).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(_line(target, made))
    return 0


def _made(target: pathlib.Path, asked: dict[str, Any]) -> dict[str, int] | None:
    """What a finished dev dataset holds; None where there is none yet.

    Raises:
      FileExistsError: there is one, made with other arguments, or there is something else.
    """
    try:
        record = json.loads((target / RECORD_FILE).read_text("utf-8"))
        # Those made before there was a --share do not tell it.
        before, made = {"share": 1.0, **record["arguments"]}, record["made"]
        _line(target, made)
    except FileNotFoundError:
        if target.is_dir() and any(target.iterdir()):
            raise FileExistsError(f"{target} is there and was not made by this command: choose another") from None
        return None
    except (ValueError, KeyError, TypeError):
        raise DataContractError(f"{target / RECORD_FILE} is broken: delete {target} to make it again") from None
    other = [
        f"{name} was {before.get(name)!r} and is now {asked[name]!r}"
        for name in asked
        if before.get(name) != asked[name]
    ]
    if other:
        raise FileExistsError(
            f"{target} was made with other arguments ({'; '.join(other)}): delete it, or choose another --output_dir"
        )
    return made


def _line(target: pathlib.Path, made: dict[str, int]) -> str:
    unreadable = f", {made['unreadable']:,} unreadable left out" if made["unreadable"] else ""
    return (
        f"{printable(str(target))}: {made['owners']:,} owners, {made['repositories']:,} repositories, "
        f"{made['files']:,} files, {made['bytes'] / 1e6:,.1f} MB{unreadable}"
    )


def _megabytes(text: str) -> float:
    if not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of megabytes")
    return float(text)


def _share(text: str) -> float:
    if not 0 < float(text) <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share: above 0 and at most 1")
    return float(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/dev_dataset.sh",
        description="Makes a small dev dataset out of an FLCC tree, or out of the public archive of one.",
        epilog="Example: scripts/dev_dataset.sh --input_dir FLCC --output_dir DEV --pattern 'A*' --max_mb 40",
    )
    add = parser.add_argument
    add("--input_dir", type=pathlib.Path, metavar="FLCC", help="an FLCC tree; without it the archive is downloaded")
    add("--output_dir", type=pathlib.Path, metavar="DEV", required=True, help="the dev dataset to make")
    add("--pattern", default="A*", help="take every owner that matches this shell pattern (default: %(default)s)")
    add("--max_mb", type=_megabytes, metavar="MB", help="take whole repositories up to so many megabytes together")
    add(
        "--share",
        type=_share,
        default=1.0,
        metavar="S",
        help="take a random share of each repository's files, at least one, say 0.1; --max_mb then goes by the files "
        "that are taken (default: all)",
    )
    add("--seed", type=int, default=0, help="which repositories, and which files, these are (default: %(default)s)")
    add("--url", default=DEFAULT_URL, help="the archive's address; https://, http:// or file://")
    add("--sha256", default="", help="what the archive's SHA-256 must be")
    add("--download_dir", type=pathlib.Path, metavar="DIR", help="keeps the archive (default: DEV.download)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
