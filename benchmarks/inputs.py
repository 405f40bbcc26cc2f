"""What is measured on: the tree of installed packages, a part of it, and its documents."""

import dataclasses
import functools
import json
import os
import pathlib
import shutil
import sys

from benchmarks import measure
from preprocessing import contract, shards


@dataclasses.dataclass(frozen=True)
class Work:
    """The work folder, and how much is done in it.

    Attributes:
      folder: the tree and the baselines' environment stay there and are used again; what runs leave there goes.
      runs: of each contestant.
      workers: processes of each contestant.
    """

    folder: pathlib.Path
    runs: int = 5
    workers: int = 2

    @property
    def fewer_runs(self) -> int:
        """For what takes long."""
        return max(self.runs // 2, 1)

    def said(self, *, fewer: bool = False) -> str:
        """How often, in words: "medians of 5 runs in turns"."""
        runs = self.fewer_runs if fewer else self.runs
        return "one run" if runs == 1 else f"medians of {runs} runs in turns"

    def empty(self, name: str) -> pathlib.Path:
        """The path of a folder that is not there, for a run to make; what stood there goes."""
        target = self.folder / "runs" / name
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    @functools.cached_property
    def tree(self) -> pathlib.Path:
        """The installed packages as an FLCC tree."""
        target = self.folder / "tree"
        if not target.exists():
            measure.run([*module("preprocessing.build_flcc"), "--installed_packages", "--output_dir", target])
        read_all(target)
        return target

    def part(self, max_mb: int) -> pathlib.Path:
        """Whole repositories of the tree, chosen by a hash of their names, up to so many megabytes together."""
        target = self.folder / f"part_{max_mb}"
        if not target.exists():
            command = [*module("preprocessing.dev_tree"), "--input_dir", self.tree, "--output_dir", target]
            measure.run([*command, "--pattern", "*", "--max_mb", str(max_mb)])
        read_all(target)
        return target

    def documents(self, tree: pathlib.Path) -> pathlib.Path:
        """The documents of a tree, near duplicates and all; made anew."""
        target = self.empty(f"documents_of_{tree.name}")
        measure.run(run_command(tree, target, workers=self.workers, near_jaccard=0))
        return target


def module(name: str) -> list[str]:
    """The words that run a module of ours."""
    return [sys.executable, "-m", name]


def run_command(
    tree: pathlib.Path, output_dir: pathlib.Path, *, workers: int, near_jaccard: float
) -> list[str | os.PathLike]:
    """`python -m preprocessing.run` on an FLCC tree; a `near_jaccard` of 0 keeps near duplicates."""
    command = [*module("preprocessing.run"), "--input_dir", tree, "--output_dir", output_dir]
    return [*command, "--workers", str(workers), "--near_jaccard", str(near_jaccard)]


def read_all(folder: pathlib.Path) -> int:
    """Reads every file below a folder once, so that the system has them in its page cache; returns their bytes."""
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with pathlib.Path(path, name).open("rb") as file:
                while block := file.read(1 << 20):
                    size += len(block)
    return size


def kept(documents: pathlib.Path) -> tuple[int, int]:
    """Files and bytes in a document dataset."""
    counts = shards.read_manifest(documents).counts.values()
    return sum(count["files"] for count in counts), sum(count["bytes"] for count in counts)


def source_bytes(documents: pathlib.Path) -> int:
    """The bytes of all files of the tree that a dataset was made of."""
    return shards.read_manifest(documents).source["bytes"]


def write_jsonl(documents: pathlib.Path, output_dir: pathlib.Path, *, parts: int) -> int:
    """Writes documents as JSON lines of `text` and `id`, in `parts` files of about equal bytes.

    Returns:
      The bytes of all texts, in UTF-8.
    """
    output_dir.mkdir(parents=True)
    sizes = [0] * parts
    files = [(output_dir / f"{number:02d}.jsonl").open("w", encoding="utf-8") for number in range(parts)]
    for split in contract.SPLITS:
        for document in shards.read_documents(documents, split, verify=False):
            number = sizes.index(min(sizes))
            row = {"text": document.content, "id": f"{document.repository}/{document.path}"}
            files[number].write(json.dumps(row) + "\n")
            sizes[number] += document.size
    for file in files:
        file.close()
    return sum(sizes)
