"""Counting a share of documents: what one worker process does for `preprocessing.statistics`.

Texts are read a row group at a time; what stays is one row a repository, and sorted runs of counts on the disk.
"""

import collections
import concurrent.futures
import dataclasses
import functools
import itertools
import pathlib
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from preprocessing import contract, prompt, shingles, sorted_runs, statistics_shares, symbols
from preprocessing.workers import Workers, progress

# Counts of so many different symbols (80 MB) go to the disk.
MAX_SYMBOLS = 200_000
# Lower ends of the bins of file sizes and lines, four to each doubling from 16 on; the last bin is open.
BINS = np.array(sorted({round(2 ** (quarter / 4)) for quarter in range(4 * 26)}))
# Kinds of counts, and what their keys are made of; see `sorted_runs`.
SYMBOLS = sorted_runs.Kind("symbols", ("module", "attribute"), ("uses", "calls", "own_uses", "files", "repositories"))
IMPORTS = sorted_runs.Kind("imports", ("module", "kind"), ("imports", "files", "repositories"))
LIBRARIES = sorted_runs.Kind("libraries", ("library", "kind"), ("imports", "files", "repositories"))
STANDARD, OWN, THIRD_PARTY = "standard library", "own", "third party"


@dataclasses.dataclass(frozen=True, slots=True)
class Repository:
    """One row of `repositories.parquet`; `license` is that of most of its files."""

    split: str
    repository: str
    files: int
    bytes: int
    lines: int
    tokens: int
    license: str
    unparsable: int
    relative_imports: int


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a share holds, but for the runs that it left on the disk.

    Attributes:
      split: of its documents.
      repositories: in the order of their names.
      licenses: licence -> int64 [3]: files, bytes, repositories that have such a file.
      sizes, lines: int64 [bins], files by bytes and by lines; see BINS.
    """

    split: str
    repositories: list[Repository]
    licenses: dict[str, np.ndarray]
    sizes: np.ndarray
    lines: np.ndarray


def count_all(
    pool: Workers, documents: pathlib.Path, *, runs: pathlib.Path, vocabulary: pathlib.Path | None = None
) -> list[Counts]:
    """Counts every document.

    Args:
      documents: a finished dataset; every shard is verified against its manifest.
      runs: an empty folder for sorted runs of SYMBOLS, IMPORTS and LIBRARIES.
      vocabulary: a SentencePiece model to count tokens with; None counts words.

    Returns:
      The counts of each share, in the order of splits and repositories within a shard.

    Raises:
      DataContractError: the dataset is not finished, or damaged.
    """
    shares = list(statistics_shares.plan(documents))
    order = sorted(range(len(shares)), key=lambda i: -shares[i].size)
    tasks = [_Task(shares[i], runs, i, vocabulary) for i in order]
    names = [f"counting {task.share.name}" for task in tasks]
    answers: list[Counts | None] = [None] * len(shares)
    with progress("counting", sum(share.size for share in shares)) as bar:
        for position, answer in pool.run(_count, tasks, names=names):
            answers[order[position]] = answer
            bar.update(tasks[position].share.size)
    return answers


@dataclasses.dataclass(frozen=True)
class _Task:
    share: statistics_shares.Share
    runs: pathlib.Path
    number: int
    vocabulary: pathlib.Path | None


def _count(task: _Task) -> Counts:
    # How deep an expression may be before Python gives up on it depends on the calls that led here; in a thread of its
    # own these are the same whether this is a worker process or not.
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(_Counting(task).result).result()


class _Counting:
    """The counts of a share while they grow."""

    def __init__(self, task: _Task):
        self.task, self.share = task, task.share
        self.repositories: list[Repository] = []
        self.licenses: dict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(3, np.int64))
        self.sizes, self.lines = np.zeros(len(BINS), np.int64), np.zeros(len(BINS), np.int64)
        self.counts = {kind: {} for kind in (SYMBOLS, IMPORTS, LIBRARIES)}
        self.runs_written = 0

    def result(self) -> Counts:
        for name, files in itertools.groupby(self.share.files(), key=lambda file: file.repository):
            self._repository(name, files)
            if len(self.counts[SYMBOLS]) > MAX_SYMBOLS:
                self._write_runs()
        self._write_runs()
        return Counts(self.share.split, self.repositories, dict(self.licenses), self.sizes, self.lines)

    def _repository(self, name: str, files: Iterator[contract.CodeFile]) -> None:
        sizes, lines, tokens, licenses = [], [], 0, collections.Counter()
        unparsable = relative_imports = 0
        attributes, calls, attribute_files = (collections.Counter() for _ in range(3))
        modules, module_files, library_files = (collections.Counter() for _ in range(3))
        roots = set()
        for file in files:
            sizes.append(file.size)
            lines.append(num_lines(file.content))
            tokens += num_tokens(file.content, self.task.vocabulary)
            licenses[file.license] += 1
            self.licenses[file.license][:2] += (1, file.size)
            roots.update(_roots(file.path))
            try:
                uses = symbols.uses_of(file.content)
            except SyntaxError:
                unparsable += 1
                continue
            relative_imports += uses.relative_imports
            attributes.update(uses.attributes)
            calls.update(uses.calls)
            attribute_files.update(uses.attributes.keys())
            modules.update(uses.imports)
            module_files.update(uses.imports.keys())
            library_files.update({library_of(module) for module in uses.imports})
        for license in licenses:
            self.licenses[license][2] += 1
        self.sizes += _histogram(sizes)
        self.lines += _histogram(lines)
        for symbol, uses in attributes.items():
            key = tuple(symbol.rsplit(".", 1))
            own_uses = uses if kind_of(symbol, roots) == OWN else 0
            self._add(SYMBOLS, key, (uses, calls[symbol], own_uses, attribute_files[symbol], 1))
        libraries = collections.Counter()
        for module, imports in modules.items():
            libraries[library_of(module)] += imports
            self._add(IMPORTS, (module, kind_of(module, roots)), (imports, module_files[module], 1))
        for library, imports in libraries.items():
            self._add(LIBRARIES, (library, kind_of(library, roots)), (imports, library_files[library], 1))
        license = min(licenses, key=lambda license: (-licenses[license], license))
        self.repositories.append(
            Repository(
                split=self.share.split,
                repository=name,
                files=len(sizes),
                bytes=sum(sizes),
                lines=sum(lines),
                tokens=tokens,
                license=license,
                unparsable=unparsable,
                relative_imports=relative_imports,
            )
        )

    def _add(self, kind: sorted_runs.Kind, key: tuple[str, ...], values: tuple[int, ...]) -> None:
        counts = self.counts[kind]
        before = counts.get(key)
        counts[key] = values if before is None else tuple(map(int.__add__, before, values))

    def _write_runs(self) -> None:
        for kind, counts in self.counts.items():
            path = self.task.runs / f"{kind.name}-{self.task.number:05d}-{self.runs_written:05d}.arrow"
            sorted_runs.write(path, kind, counts, split=self.share.split)
            counts.clear()
        self.runs_written += 1


def num_lines(text: str) -> int:
    """A line end at the end of the text begins no further line.

    Example: `num_lines("a\\r\\nb")` is 2, and so is `num_lines("a\\nb\\n")`.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.count("\n") + (text != "" and not text.endswith("\n"))


def num_tokens(text: str, vocabulary: pathlib.Path | None) -> int:
    """Tokens of that vocabulary; without one, words as in `shingles.word_spans`.

    Example: `num_tokens("x += foo_1", None)` is 2.
    """
    if vocabulary is None:
        return len(shingles.word_spans(text.encode())[0])
    return len(_codec(vocabulary).encode(text))


@functools.cache
def _codec(model: pathlib.Path) -> prompt.Codec:
    return prompt.Codec.from_file(model)


def library_of(module: str) -> str:
    """Example: `library_of("os.path")` is "os"."""
    return module.partition(".")[0]


def kind_of(module: str, roots: set[str]) -> str:
    """Whether a module is of the standard library of this Python, else of the repository itself, else third party.

    Args:
      module: dotted name.
      roots: what the repository's own modules begin with; see `_roots`.
    """
    library = library_of(module)
    if library in sys.stdlib_module_names:
        return STANDARD
    return OWN if library in roots else THIRD_PARTY


def _roots(path: str) -> Iterator[str]:
    """The names that a file of a repository may be imported by, at the top of a dotted name.

    Example: `src/foo/bar.py` gives "src" and "foo", `setup.py` gives "setup".
    """
    parts = path.removesuffix(".py").split("/")
    yield parts[0]
    if parts[0] in ("src", "lib", "python") and len(parts) > 1:
        yield parts[1]


def _histogram(values: Sequence[int]) -> np.ndarray:
    places = np.searchsorted(BINS, np.maximum(values, 1), side="right") - 1
    return np.bincount(places, minlength=len(BINS))
