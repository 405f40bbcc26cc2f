"""Finds the pieces of a BPE vocabulary: units of text, counted, and the pairs in them that are worth merging.

SentencePiece's own BPE trainer takes minutes. Hugging Face's takes seconds, its time growing with the number of
DISTINCT units that merges may not cross. So the units are cut and counted here: words, and newlines with their
indentation. The benchmark of vocabularies tries runs of several words too: then a run that was seen once says nothing
about what follows what, but its halves may, and so on down to single words, which are counted all the same.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import tokenizers

# A unit that was seen fewer times than this is taken apart.
MIN_COUNT = 2
# The most frequent units are kept, so that no corpus takes longer than about a minute.
MAX_UNITS = 300_000
# No document holds this character, so it can stand between units.
_BETWEEN = "\0"
_BLOCK_CHARACTERS = 20_000


def runs_of(words: int) -> re.Pattern:
    """The units that are a run of at most so many words, or a newline with the indentation after it.

    A word is one of letters, digits and underscores, or one of punctuation, with the blanks before it. Every character
    is in exactly one unit. Since newlines are apart, a piece holds one only as its first character, with nothing but
    indentation after it.

    Example: `runs_of(2).findall("if x:\\n  y = os.path")` is ["if x", ":", "\\n  ", "y =", " os.", "path"].
    """
    word = r"[^\S\n]*(?:\w+|[^\w\s]+)"
    return re.compile(rf"\n[ \t]*|(?:{word}){{1,{words}}}|[^\S\n]+")


# Runs of eight words give a sixth more bytes a token, but then a name is written with other pieces in each place, and a
# small model learns less in the same time.
UNITS = (runs_of(1),)


def count_units(
    texts: Iterable[str], *, units: Sequence[re.Pattern] = UNITS, min_count: int = MIN_COUNT
) -> Counter[str]:
    """Cuts texts into the units that merges may not cross, and counts them.

    Args:
      texts: escaped (`prompt.escape`).
      units: each matches one unit after the other, without a gap; what occurs less than `min_count` times by the first
        is cut by the second, and so on.
      min_count: 1 takes none apart.

    Returns:
      At most `MAX_UNITS` units, the most frequent ones; among equals the first by code point.

    Example: `count_units(["a = b a"])` is {"a": 1, " =": 1, " b": 1, " a": 1}; with runs of two words and of one,
    `count_units(["a = b", "a = c"], units=(runs_of(2), runs_of(1)))` is {"a =": 2, " b": 1, " c": 1}.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(units[0].findall(text))
    for smaller in units[1:]:
        parts: Counter[str] = Counter()
        for unit, count in counts.items():
            if count >= min_count:
                parts[unit] += count
            else:
                for part in smaller.findall(unit):
                    parts[part] += count
        counts = parts
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
