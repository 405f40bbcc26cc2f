"""Finds the pieces of a BPE vocabulary: units of text, counted, and the pairs in them that are worth merging.

SentencePiece's own BPE trainer takes minutes. Hugging Face's takes seconds, its time growing with the number of
DISTINCT units that merges may not cross. So the units are cut and counted here: words, and newlines with their
indentation. `benchmarks/vocabulary.py` compares these units with others.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import tokenizers

# The most frequent units are kept, so that no corpus takes longer than about a minute.
MAX_UNITS = 300_000
# No document holds this character, so it can stand between units.
_BETWEEN = "\0"
_BLOCK_CHARACTERS = 20_000


# A word is a name (letters, digits, underscores) or marks, with the blanks before it. Every character is in exactly one
# unit, and newlines are apart: a piece holds one only as its first character, with nothing but indentation after it.
# Pieces that span several words give more bytes a token, and a model that learns less in the same time.
UNITS = re.compile(r"\n[ \t]*|[^\S\n]*(?:\w+|[^\w\s]+)|[^\S\n]+")


def count_units(texts: Iterable[str]) -> Counter[str]:
    """Cuts texts into `UNITS`, which merges may not cross, and counts them.

    Args:
      texts: escaped (`prompt.escape`).

    Returns:
      At most `MAX_UNITS` units, the most frequent ones; among equals the first by code point.

    Example: `count_units(["a_1 = b a"])` is {"a_1": 1, " =": 1, " b": 1, " a": 1}.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(UNITS.findall(text))
    return most_frequent(counts)


def most_frequent(counts: Counter[str]) -> Counter[str]:
    """The `MAX_UNITS` units of the highest counts; among equals the first by code point."""
    if len(counts) <= MAX_UNITS:
        return counts
    return Counter(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_UNITS]))


def count_characters(units: Counter[str]) -> Counter[str]:
    """How often each character occurs in counted units.

    Example: `count_characters(Counter({"aab": 2}))` is {"a": 4, "b": 2}.
    """
    characters: Counter[str] = Counter()
    for unit, count in units.items():
        for character in unit:
            characters[character] += count
    return characters


def find(units: Counter[str], num_merges: int) -> list[str]:
    """The pieces that arise when the most frequent pair of neighbours is merged, again and again.

    Args:
      units: how often each unit occurs.
      num_merges: how many to find; fewer come if no pair is left that occurs twice.

    Returns:
      Pieces of two characters or more, in the order in which they were merged. Equal units give equal pieces: pairs of
      equal frequency are merged in the order of the ids of their parts, and those of characters follow code points.

    Example: `find(Counter({"abc": 3, "ab": 2}), 2)` is ["ab", "abc"].
    """
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.CharDelimiterSplit(_BETWEEN)
    alphabet = {character for unit in units for character in unit}
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=len(alphabet) + num_merges, min_frequency=2, special_tokens=[], show_progress=False
    )
    tokenizer.train_from_iterator(_blocks(units), trainer)
    ids = json.loads(tokenizer.to_str())["model"]["vocab"]
    return [piece for piece in sorted(ids, key=ids.__getitem__) if len(piece) > 1]


def _blocks(units: Counter[str]) -> Iterator[str]:
    """Texts in which each unit stands as often as it was counted: the trainer takes no counts."""
    block, size = [], 0
    for unit in sorted(units):
        text, left = unit + _BETWEEN, units[unit]
        while left:
            times = min(left, 1 + _BLOCK_CHARACTERS // len(text))
            block.append(text * times)
            left, size = left - times, size + times * len(text)
            if size >= _BLOCK_CHARACTERS:
                yield "".join(block)
                block, size = [], 0
    yield "".join(block)
