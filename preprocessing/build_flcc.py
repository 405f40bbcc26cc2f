"""Makes an FLCC tree of any folders of repositories, or of the Python packages installed in this environment.

    python -m preprocessing.build_flcc --output_dir FLCC --source ~/repositories ~/one_more_repository
    python -m preprocessing.build_flcc --output_dir FLCC --installed_packages

A folder given with --source is one repository, or a folder of repositories; which of the two is told by the rule in
`preprocessing/folders.py`, and said for each folder. Of two checkouts of the same repository the first is taken.
"""

import argparse
import collections
import dataclasses
import pathlib
import sys
from collections.abc import Iterator, Sequence

import tqdm

from preprocessing.contract import DataContractError
from preprocessing.flcc import FILES_FOLDER
from preprocessing.flcc_names import is_utf8, printable
from preprocessing.flcc_writer import FlccWriter
from preprocessing.folders import FolderWalk
from preprocessing.installed import InstalledPackages
from preprocessing.license import license_of_folder
from preprocessing.output_folder import incomplete_folder, written_beside

Found = tuple[str, list[tuple[str, pathlib.Path]], str]


@dataclasses.dataclass
class Built:
    """What a tree is made of; `skipped` counts, in words, what was left out."""

    repositories: int = 0
    files: int = 0
    bytes: int = 0
    licenses_known: int = 0
    skipped: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)


def build(found: Iterator[Found] | Sequence[Found], output_dir: pathlib.Path, *, overwrite: bool = False) -> Built:
    """Writes repositories as an FLCC tree.

    Args:
      found: (name, [(path, file), ...], licence) of each repository.
      output_dir: the folder to make.
      overwrite: replace a tree that is there.

    Raises:
      FileExistsError: `output_dir` is there, and either `overwrite` is not set or it is not an FLCC tree.
      DataContractError: there is no Python file at all.
    """
    check_output(output_dir, overwrite=overwrite)
    built = Built()
    with written_beside(output_dir, replace=overwrite) as folder:
        writer = FlccWriter(folder)
        with tqdm.tqdm(unit=" files", desc="copied", disable=None) as bar:
            for name, files, license in found:
                written = writer.write(name, files, license=license)
                built.repositories += 1
                built.files += written.files
                built.bytes += written.bytes
                built.licenses_known += bool(license)
                built.skipped["files that cannot be read"] += len(written.unreadable)
                bar.update(written.files)
        if not built.files:
            raise DataContractError("no Python file was found, so no tree was made")
    return built


def check_output(output_dir: pathlib.Path, *, overwrite: bool) -> None:
    """Refuses early what `build` could not finish; see there."""
    if not output_dir.exists() or (output_dir.is_dir() and not any(output_dir.iterdir())):
        return
    if not (output_dir / FILES_FOLDER).is_dir():
        raise FileExistsError(f"{output_dir} is there and is not an FLCC tree: choose another --output_dir")
    if not overwrite:
        raise FileExistsError(f"{output_dir} is there and finished: give --overwrite to make it again")


def from_folders(sources: Sequence[pathlib.Path], walk: FolderWalk) -> Iterator[Found]:
    """Yields the repositories of some folders, and prints which shape each folder has."""
    names: set[str] = set()
    repositories = []
    for source in sources:
        found, shape = walk.repositories(source)
        print(f"{printable(str(source))}: {printable(shape)}")
        repositories += found
    for name, folder in repositories:
        number = 2
        unique = name
        # Two folders of one name are two repositories; two checkouts of one repository are one.
        while unique in names and name.startswith("local/"):
            unique, number = f"{name}-{number}", number + 1
        if unique in names:
            walk.skipped["second checkouts of a repository"] += 1
        elif not is_utf8(unique):
            walk.skipped["names that are not UTF-8"] += 1
        elif files := walk.python_files(folder):
            names.add(unique)
            yield unique, files, license_of_folder(folder)
        else:
            walk.skipped["repositories without Python files"] += 1


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    arguments = _parser().parse_args(argv)
    output_dir = arguments.output_dir
    try:
        check_output(output_dir, overwrite=arguments.overwrite)
        if arguments.installed_packages:
            packages = InstalledPackages()
            found, skipped = packages.repositories(), packages.skipped
        else:
            walk = FolderWalk(leave_out=(output_dir, incomplete_folder(output_dir)))
            found, skipped = from_folders(arguments.source, walk), walk.skipped
        built = build(found, output_dir, overwrite=arguments.overwrite)
    except (OSError, DataContractError) as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2
    print(
        f"{printable(str(output_dir))}: {built.repositories:,} repositories, {built.files:,} files, "
        f"{built.bytes / 1e6:,.1f} MB; the licence of {built.licenses_known:,} repositories is known"
    )
    left_out = [f"{number:,} {what}" for what, number in sorted((skipped + built.skipped).items()) if number]
    print(f"left out: {', '.join(left_out) or 'nothing'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m preprocessing.build_flcc",
        description="Copies Python source into a tree in the FLCC layout, which preprocessing reads.",
        epilog="Example: python -m preprocessing.build_flcc --output_dir FLCC --source ~/repositories",
    )
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, metavar="DIR", help="the tree to make")
    sources = parser.add_mutually_exclusive_group(required=True)
    sources.add_argument(
        "--source",
        type=pathlib.Path,
        nargs="+",
        metavar="DIR",
        help="folders that hold owner/repository folders or repositories, or are repositories themselves",
    )
    sources.add_argument(
        "--installed_packages",
        action="store_true",
        help="take the Python packages installed in this environment, each as <distribution>/<distribution>",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a tree that is there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
