"""What cases and baselines are made of: held-out files, and what the train split has in it. Read when first wanted."""

import collections
import functools
import json
import pathlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from completion import held_out_files
from completion.evaluation.baselines import train_files
from completion.held_out_files import HeldOut
from preprocessing import contract, symbols

HELD_OUT, TRAIN = "test", "train"
# The most files that are drawn of the test split, and bytes of the train split: their texts are held in memory.
MAX_FILES, MAX_TRAIN_BYTES = 5_000, 160_000_000


class Material:
    """Of one document dataset.

    Attributes:
      seed: of all that is drawn of it.
      files: suite -> file or folder that its cases are read from, where they are not drawn from documents.
    """

    def __init__(
        self,
        documents: pathlib.Path | None,
        *,
        statistics: pathlib.Path | None = None,
        files: Mapping[str, pathlib.Path] | None = None,
        seed: int = 0,
        say: Callable[[str], None] = lambda text: None,
    ):
        """Takes a dataset.

        Args:
          documents: made by `preprocessing.run`.
          statistics: made of it by `preprocessing.statistics`; None counts symbols here, which takes longer.
          say: is told what is being read.
        """
        self.seed, self.files = seed, dict(files or {})
        self._documents, self._statistics, self._say = documents, statistics, say

    @property
    def documents(self) -> pathlib.Path:
        """The dataset.

        Raises:
          ValueError: none was given.
        """
        if self._documents is None:
            raise ValueError("it needs a document dataset: give --documents")
        return self._documents

    def file(self, suite: str) -> pathlib.Path:
        """Where a suite's own cases are.

        Raises:
          ValueError: that was not said.
        """
        if suite not in self.files:
            raise ValueError(f"the suite {suite} reads a file of its own: give --{suite} FILE")
        return self.files[suite]

    @functools.cached_property
    def digest(self) -> str:
        """Of the dataset, by its manifest; "" without one."""
        if self._documents is None:
            return ""
        path = self._documents / contract.MANIFEST_FILE
        return contract.Manifest.from_json(path.read_text(encoding="utf-8"), where=str(path)).digest

    @functools.cached_property
    def held_out(self) -> list[HeldOut]:
        """Files of the test split, which no model or baseline has learnt from."""
        drawn = held_out_files.of_documents(self.documents, HELD_OUT, num_files=MAX_FILES, seed=self.seed)
        if not drawn.files:
            raise ValueError(f"{self.documents} has no files in its test split: make it anew with a --test_permille")
        return no_repository_prevails(drawn.files, seed=self.seed)

    @functools.cached_property
    def train(self) -> list[HeldOut]:
        """Files of the train split."""
        return train_files.drawn(self.documents, max_bytes=MAX_TRAIN_BYTES, seed=self.seed).files

    @functools.cached_property
    def symbols(self) -> dict[str, collections.Counter[str]]:
        """Module -> how often the train split uses each of its attributes."""
        if self._statistics is not None:
            summary = self._statistics / "summary.json"
            of = json.loads(summary.read_text(encoding="utf-8")).get("documents_digest")
            if of != self.digest:
                raise ValueError(
                    f"{self._statistics} has the statistics of other documents than {self.documents}, whose test split "
                    "they may have counted: make them anew with preprocessing.statistics, or leave --statistics out"
                )
            return symbols.read_symbols(self._statistics, TRAIN)
        self._say(f"counting the symbols of {len(self.train):,} files; --statistics saves this")
        return count_symbols(file.text for file in self.train)


def no_repository_prevails(files: Sequence[HeldOut], *, seed: int) -> list[HeldOut]:
    """Files, of which each repository has a tenth of all at most, or ten; drawn at random where it has more.

    Intervals are of repositories: where one of them has most of the cases, they say little of any other.

    Example: of 500 files, 300 of them of one repository, 250 are left where no other has more than 50.
    """
    most = max(10, len(files) // 10)
    by_repository: dict[str, list[HeldOut]] = collections.defaultdict(list)
    for file in files:
        by_repository[file.repository].append(file)
    kept = set()
    for repository, there in by_repository.items():
        chosen = there if len(there) <= most else random.Random(f"{seed}:{repository}").sample(there, most)
        kept |= {file.name for file in chosen}
    return [file for file in files if file.name in kept]


def count_symbols(texts: Iterable[str]) -> dict[str, collections.Counter[str]]:
    """Module -> Counter of attributes, as `symbols.read_symbols` has it; what is no Python counts nothing.

    Example: of ["import os\\nos.path\\nos.getcwd()\\nos.path"] it is {"os": {"path": 2, "getcwd": 1}}.
    """
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for text in texts:
        try:
            uses = symbols.uses_of(text)
        except SyntaxError:
            continue
        for name, times in uses.attributes.items():
            module, _, attribute = name.rpartition(".")
            found[module][attribute] += times
    return dict(found)
