"""Files that a model did not learn from: of a document dataset, or any files of source."""

import dataclasses
import pathlib
import random
from collections.abc import Sequence

from preprocessing import contract


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A file.

    Attributes:
      name: what it is called in reports: "repository/path", or its address.
      path: inside its repository, where that is known.
      text: newlines as they are.
    """

    name: str
    path: str
    text: str

    @property
    def repository(self) -> str:
        """What it is drawn together with for intervals; a file that says nothing of its repository stands for itself.

        Example: of "ann/web/src/a.py", whose path is "src/a.py", it is "ann/web".
        """
        return self.name.removesuffix(self.path).rstrip("/") or self.name


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What was taken of what is there.

    Attributes:
      files: in the order in which they are there.
      left_out: name and reason, a key of `contract.DROP_REASONS`, of files that were drawn and cannot be used.
      available: how many there are in all.
    """

    files: list[HeldOut]
    left_out: list[tuple[str, str]]
    available: int


def of_files(paths: Sequence[pathlib.Path], *, num_files: int | None = None, seed: int = 0) -> Drawn:
    """Takes files of source, all or some of them at random.

    Raises:
      OSError: one cannot be read.
    """
    files, left_out = [], []
    for index in _draw(len(paths), num_files, seed):
        path = paths[index]
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            left_out.append((str(path), "not_utf8"))
            continue
        # What is in the address of a file that is not given relatively says nothing of its repository.
        files.append(HeldOut(str(path), path.name if path.is_absolute() else path.as_posix(), text))
    return Drawn(files, left_out, len(paths))


def of_documents(folder: pathlib.Path, split: str, *, num_files: int | None = None, seed: int = 0) -> Drawn:
    """Takes files of a document dataset, made by `preprocessing.run`: all or some of them at random.

    Of the files that are not drawn only the names are read, and texts a row group (8 MB) at a time.

    Raises:
      ImportError: pyarrow is absent.
      contract.DataContractError: it is no finished dataset, a shard is missing or damaged, or was not made to be read.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "a document dataset is read with pyarrow, which is not installed: pip install pyarrow, or give files with "
            "--files"
        ) from error
    shards = [_open(pyarrow, folder / name) for name in _shard_names(folder, split)]
    names = [(shard, group) for shard, file in enumerate(shards) for group in range(file.num_row_groups)]
    try:
        sizes = [shards[shard].metadata.row_group(group).num_rows for shard, group in names]
        drawn = set(_draw(sum(sizes), num_files, seed))
        files, start = [], 0
        for (shard, group), size in zip(names, sizes, strict=True):
            wanted = [index - start for index in range(start, start + size) if index in drawn]
            start += size
            if wanted:
                table = shards[shard].read_row_group(group, columns=["repository", "path", "content"])
                rows = table.take(wanted).to_pylist()
                files += [HeldOut(f"{row['repository']}/{row['path']}", row["path"], row["content"]) for row in rows]
    except (pyarrow.ArrowException, OSError) as error:
        raise contract.DataContractError(f"a shard in {folder} cannot be read: {error}: copy it again") from error
    return Drawn(files, [], sum(sizes))


def _draw(available: int, num_files: int | None, seed: int) -> list[int]:
    """Some numbers below `available`, ascending."""
    if num_files is None or num_files >= available:
        return list(range(available))
    return sorted(random.Random(seed).sample(range(available), num_files))


def _shard_names(folder: pathlib.Path, split: str) -> list[str]:
    path = folder / contract.MANIFEST_FILE
    if not path.is_file():
        raise contract.DataContractError(
            f"{folder} holds no finished document dataset: there is no {contract.MANIFEST_FILE}. Make it with "
            f"`python -m preprocessing.run --input_dir FLCC --output_dir {folder}`, or give files with --files"
        )
    manifest = contract.Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path))
    names = sorted(name for name in manifest.shards if name.startswith(f"{split}-"))
    others = [name for name in names if not name.endswith(".parquet")]
    if others:
        raise contract.DataContractError(
            f"{folder / others[0]} was written with --format=jsonl, for other programs: make the dataset again with "
            "--format=parquet"
        )
    return names


def _open(pyarrow, path: pathlib.Path):
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise contract.DataContractError(f"{path} cannot be read: {error}: copy it again") from error
