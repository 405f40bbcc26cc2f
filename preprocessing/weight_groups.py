"""What weights are given by: the repository of a file, or the libraries that it imports.

A library is a top-level module that is neither Python's own nor the repository's own: `numpy` of
`import numpy.linalg`, but not `os`, and not `mypackage` in the repository that holds `mypackage/`.
"""

import array
import dataclasses
import itertools
import pathlib
import sys
from collections.abc import Iterable

import numpy as np

from preprocessing import shards, symbols
from preprocessing.workers import Workers, progress

BY = ("repository", "symbol")

# Modules of Python 2 that Python 3 moved or took away, and new ones of 3.14; they are no libraries either.
_OF_OTHER_PYTHONS = frozenset(
    """
    BaseHTTPServer CGIHTTPServer ConfigParser Cookie Dialog DocXMLRPCServer FileDialog HTMLParser Queue ScrolledText
    SimpleDialog SimpleHTTPServer SimpleXMLRPCServer SocketServer StringIO Tix Tkconstants Tkinter UserDict UserList
    UserString __builtin__ anydbm cPickle cStringIO commands cookielib copy_reg dbhash dircache dumbdbm dummy_thread
    exceptions fpformat gdbm htmlentitydefs htmllib httplib ihooks imputil markupbase md5 mhlib mimetools
    mimify multifile mutex new os2emxpath popen2 posixfile repr rexec rfc822 robotparser sets sgmllib sha statvfs
    stringold sunaudio thread tkColorChooser tkCommonDialog tkFileDialog tkFont tkMessageBox tkSimpleDialog toaiff
    ttk urllib2 urlparse user whichdb xmlrpclib annotationlib compression
    """.split()
)
NOT_LIBRARIES = sys.stdlib_module_names | _OF_OTHER_PYTHONS | {"__main__", ""}


@dataclasses.dataclass
class Groups:
    """Which train files are in which groups; 8 bytes a file and 8 bytes a membership.

    Attributes:
      names: of the groups, each once.
      sizes: int64 [files], bytes of each train file, in the order of shards and rows.
      file: int32 [memberships], number of a file, ascending.
      group: int32 [memberships], number of a group that this file is in; no pair occurs twice.
      unparsed: files that are no Python 3, so that their imports are not known; they are in no group.
    """

    names: list[str]
    sizes: np.ndarray
    file: np.ndarray
    group: np.ndarray
    unparsed: int = 0


def read(documents: pathlib.Path, pool: Workers, *, by: str) -> Groups:
    """Reads the train split of a document dataset.

    Args:
      by: one of BY.

    Raises:
      DataContractError: the dataset is not finished, or damaged.
      WorkerDiedError: a worker process died.
    """
    manifest = shards.read_manifest(documents)
    names = shards.shard_names(manifest, "train")
    sizes = [manifest.shards[name]["bytes"] for name in names]
    tasks = [(documents, number, by) for number in range(len(names))]
    found = [None] * len(names)
    with progress("reading", sum(sizes)) as bar:
        for number, groups in pool.run(_read_shard, tasks, names=[f"reading {name}" for name in names]):
            found[number] = groups
            bar.update(sizes[number])
    return _joined(found)


def _joined(parts: list[Groups]) -> Groups:
    """One after another, with one number for each name; a name may be in several parts."""
    numbers = {name: number for number, name in enumerate(sorted({name for part in parts for name in part.names}))}
    first_files = itertools.accumulate([len(part.sizes) for part in parts], initial=0)
    files, groups = [], []
    for part, first_file in zip(parts, first_files, strict=False):
        files.append(part.file + np.int32(first_file))
        groups.append(np.array([numbers[name] for name in part.names], np.int32)[part.group])
    return Groups(
        list(numbers),
        np.concatenate([part.sizes for part in parts]),
        np.concatenate(files),
        np.concatenate(groups),
        sum(part.unparsed for part in parts),
    )


def _read_shard(task: tuple[pathlib.Path, int, str]) -> Groups:
    documents, shard, by = task
    own = _own_modules_of_shard(documents, shard) if by == "symbol" else {}
    numbers: dict[str, int] = {}
    sizes, files, groups, unparsed = array.array("q"), array.array("i"), array.array("i"), 0
    columns = ["repository", "size", *(["content"] if by == "symbol" else [])]
    for batch in shards.read_columns(documents, "train", columns=columns, shard=shard):
        for repository, size, *content in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            names = [repository]
            if by == "symbol":
                try:
                    names = libraries(content[0], own=own[repository])
                except SyntaxError:
                    names = []
                    unparsed += 1
            for name in names:
                files.append(len(sizes))
                groups.append(numbers.setdefault(name, len(numbers)))
            sizes.append(size)
    numeric = [np.array(sizes, np.int64), np.array(files, np.int32), np.array(groups, np.int32)]
    return Groups(list(numbers), *numeric, unparsed)


def _own_modules_of_shard(documents: pathlib.Path, shard: int) -> dict[str, frozenset[str]]:
    batches = shards.read_columns(documents, "train", columns=["repository", "path"], shard=shard)
    rows = ((row["repository"], row["path"]) for batch in batches for row in batch.to_pylist())
    by_repository = itertools.groupby(rows, key=lambda row: row[0])
    return {repository: own_modules(path for _, path in files) for repository, files in by_repository}


def libraries(content: str, *, own: frozenset[str]) -> list[str]:
    """The libraries that a file imports, each once, in the order of the alphabet.

    Args:
      own: top-level modules of the file's own repository.

    Raises:
      SyntaxError: the text is no Python 3.

    Example: `import os, numpy.linalg\\nfrom tool import x` with own {"tool"} gives ["numpy"].
    """
    imported = {module.partition(".")[0] for module in symbols.uses_of(content).imports}
    return sorted(imported - own - NOT_LIBRARIES)


def own_modules(paths: Iterable[str]) -> frozenset[str]:
    """The names that a repository's files import from the repository itself.

    These are the files and folders at every place that imports may start from: any folder that neither is a package
    nor is in one. A package shows by its `__init__.py`; an empty one is not among the documents, and then the folders
    in it count as such places too, so that a library may be taken for the repository's own, but not the other way.

    Args:
      paths: of all files of one repository, "/" between their parts.

    Example: `setup.py`, `src/tool/__init__.py` and `src/tool/numpy/a.py` give {"setup", "src", "tool"}.
    """
    parts = [path.removesuffix(".py").split("/") for path in paths]
    packages = {tuple(path[:-1]) for path in parts if path[-1] == "__init__"}
    names = set()
    for path in parts:
        for depth, name in enumerate(path, start=1):
            names.add(name)
            if tuple(path[:depth]) in packages:
                break
    return frozenset(names)
