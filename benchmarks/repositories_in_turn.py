"""Held-out files in an order in which no repository stands for all."""

import random
from collections.abc import Iterable, Iterator

from preprocessing import contract


def take_turns(files: Iterable[contract.CodeFile], chance: random.Random) -> Iterator[str]:
    """The contents of files: of each repository one, then of each another, those that have more left going on.

    Args:
      files: of any order.
      chance: shuffles the files of each repository.

    Example: of a repository with files "a" and "b" and one with "c" they may be "b", "c", "a".
    """
    by_repository: dict[str, list[str]] = {}
    for file in files:
        by_repository.setdefault(file.repository, []).append(file.content)
    for contents in by_repository.values():
        chance.shuffle(contents)
    queues = [by_repository[name] for name in sorted(by_repository)]
    while any(queues):
        for contents in filter(None, queues):
            yield contents.pop()
