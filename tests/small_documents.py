"""A small document dataset of code with imports, calls and lines that come back, in all three splits."""

import pathlib
from collections.abc import Mapping

import pyarrow as pa

from preprocessing import contract, shards
from preprocessing.contract import CodeFile, Manifest

FILE = """import os
import os.path as place


def {name}(folder, suffix=".txt"):
    found = []
    for one in os.listdir(folder):
        if one.endswith(suffix):
            found.append(place.join(folder, one))
    os.makedirs(folder, exist_ok=True)
    return found


class {title}:
    def __init__(self, folder):
        self.folder = folder

    def size(self):
        total = 0
        for one in {name}(self.folder):
            total += os.stat(one).st_size
        return total
"""


def write(folder: pathlib.Path, splits: Mapping[str, int] | None = None) -> pathlib.Path:
    """Writes a finished dataset: so many files of each split, each of a repository of its own."""
    splits = {"train": 8, "validation": 2, "test": 4, **(splits or {})}
    folder.mkdir(parents=True, exist_ok=True)
    entries, counts = {}, {}
    for split, number in splits.items():
        texts = [FILE.format(name=f"{split}_{i}", title=f"{split.title()}{i}") for i in range(number)]
        files = [CodeFile.of(f"ann/{split}{i}", f"src/{i}.py", text) for i, text in enumerate(texts)]
        rows = [
            {**{name: getattr(file, name) for name in CodeFile.__slots__}, "near_duplicate_cluster": -1}
            for file in files
        ]
        name = shards.shard_name(split, 0)
        entries[name] = shards.write_shard(folder / name, [pa.Table.from_pylist(rows, schema=shards.SCHEMA)])
        counts[split] = {"files": number, "bytes": sum(len(text.encode()) for text in texts)}
    shards.write_manifest(folder, Manifest({}, {}, counts, {}, {}, {}, entries, "0" * 16, {}))
    assert set(splits) == set(contract.SPLITS)
    return folder
