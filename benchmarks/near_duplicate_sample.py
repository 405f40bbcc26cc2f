"""3,000 files with many pairs whose similarity is near the threshold of near-duplicates, from a document dataset.

- 1,400 files that have the name of another file and about its size: vendored copies and their like, and as many that
  only bear the same name.
- 100 originals and 300 others, taken at random.
- 1,200 edited copies, twelve of each original: for each of six similarities one copy with words replaced here and
  there, and one with a run of lines taken out.
"""

import collections
import dataclasses
import itertools
import pathlib
import random
import re
from collections.abc import Iterator

from preprocessing import contract, shards

WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
NGRAM = 5
# Smaller files are left to exact duplicates, by everybody.
MIN_NGRAMS = 10
MAX_BYTES = 100_000
SIMILARITIES = (0.60, 0.66, 0.69, 0.71, 0.75, 0.85)


@dataclasses.dataclass(frozen=True)
class Composition:
    """How many files of each kind a sample has."""

    namesakes: int = 1400
    others: int = 300
    originals: int = 100

    @property
    def edited(self) -> int:
        return 2 * len(SIMILARITIES) * self.originals


def ngrams(data: bytes) -> set[bytes]:
    """The 5-grams of a file's words, as text; a word is a run of letters, digits, underscores, bytes beyond ASCII.

    Example: `ngrams(b"a = b + c(d) * e / f")` is `{b"a b c d e", b"b c d e f"}`.
    """
    words = WORD.findall(data)
    return {b" ".join(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)}


def sample(documents: pathlib.Path, *, composition: Composition, seed: int = 0) -> list[bytes]:
    """Chooses and edits files; equal arguments give equal files.

    Args:
      documents: a dataset without exact duplicates.

    Raises:
      ValueError: it has too few files.
    """
    generator = random.Random(seed)
    files = [
        (document.path.rpartition("/")[2], document.content.encode())
        for split in contract.SPLITS
        for document in shards.read_documents(documents, split, verify=False)
        if document.size < MAX_BYTES
    ]
    namesakes = list(itertools.islice(filter(_is_not_tiny, _namesakes(files, generator)), composition.namesakes))
    taken = set(namesakes)
    left = [data for _, data in files if data not in taken]
    generator.shuffle(left)
    # Enough words that the copies come near to the similarities that they are made for.
    long = list(itertools.islice((data for data in left if len(ngrams(data)) >= 200), composition.originals))
    taken.update(long)
    rest = (data for data in left if data not in taken and _is_not_tiny(data))
    others = [*long, *itertools.islice(rest, composition.others)]
    wanted = composition.namesakes + composition.originals + composition.others
    if len(namesakes) + len(others) < wanted:
        raise ValueError(
            f"{documents} has {len(namesakes)} files with a namesake of their size, {len(long)} long ones and "
            f"{len(others) - len(long)} others, {wanted} in all were asked for: take a larger dataset"
        )
    edited = [
        edit(data, similarity, generator)
        for data in long
        for similarity in SIMILARITIES
        for edit in (with_words_replaced, with_lines_taken_out)
    ]
    found = [*namesakes, *others, *edited]
    generator.shuffle(found)
    return found


def _is_not_tiny(data: bytes) -> bool:
    return len(ngrams(data)) >= MIN_NGRAMS


def _namesakes(files: list[tuple[str, bytes]], generator: random.Random) -> Iterator[bytes]:
    """Files with a namesake at most 1.3 times as large, at most 20 of one group, the groups in random order."""
    by_name = collections.defaultdict(list)
    for name, data in files:
        by_name[name].append(data)
    groups = []
    for name in sorted(by_name):
        group: list[bytes] = []
        for data in sorted(by_name[name], key=lambda data: (len(data), data)):
            if group and len(data) > 1.3 * len(group[-1]):
                groups.append(group)
                group = []
            group.append(data)
        groups.append(group)
    groups = [group for group in groups if len(group) > 1]
    generator.shuffle(groups)
    for group in groups:
        yield from generator.sample(group, min(len(group), 20))


def with_words_replaced(data: bytes, similarity: float, generator: random.Random) -> bytes:
    """A copy with k words replaced, no two of them near each other.

    Each takes 5 of n 5-grams away and brings 5 others, so that similarity = (n - 5k) / (n + 5k), and
    k = n (1 - similarity) / (5 (1 + similarity)).
    """
    spans = [match.span() for match in WORD.finditer(data)]
    count = round(len(spans) * (1 - similarity) / (NGRAM * (1 + similarity)))
    places = sorted(NGRAM * place + NGRAM // 2 for place in generator.sample(range(len(spans) // NGRAM), count))
    pieces, end = [], 0
    for place in places:
        start, stop = spans[place]
        pieces += [data[end:start], b"edit%d" % generator.randrange(10**9)]
        end = stop
    return b"".join([*pieces, data[end:]])


def with_lines_taken_out(data: bytes, similarity: float, generator: random.Random) -> bytes:
    """A copy without a run of lines that has a share of 1 - similarity of the words, or a little more."""
    lines = data.split(b"\n")
    words = [len(WORD.findall(line)) for line in lines]
    wanted = (1 - similarity) * sum(words)
    first = generator.randrange(len(lines))
    last, taken = first, words[first]
    while taken < wanted:
        last = (last + 1) % len(lines)
        taken += words[last]
    # A run that goes past the end goes on at the beginning.
    out = range(first, last + 1) if last >= first else [*range(first, len(lines)), *range(last + 1)]
    return b"\n".join(line for number, line in enumerate(lines) if number not in set(out))
