"""The ways to train a vocabulary that are compared, and the program that trains one of them.

python -m benchmarks.vocabulary_variants --documents data/whole/documents --variant '{"name": "ours"}' --output a.model
"""

import argparse
import dataclasses
import io
import json
import pathlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import sentencepiece

from benchmarks import predecessor_vocabulary
from preprocessing import contract, merges, piece_model, prompt, shards, vocabulary

# What a word is: merges may not cross its ends. Blanks before it belong to it.
WORDS = {
    "names": r"\w+|[^\w\s]+",  # as in `merges.UNITS`
    # One mark may stand before the name: `.path`, `(self`.
    "names with a mark": r"[^\w\s]?\w+|[^\w\s]+",
    # `max_num_2` is three of them.
    "parts of names": r"_?[^\W\d_]+|\d+|_+|[^\w\s]+",
    "parts with a mark": r"(?:[^\w\s]|_)?[^\W\d_]+|\d+|_+|[^\w\s]+",
}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train.

    Attributes:
      name: unique; the figures are kept under it.
      trainer: "merges" (ours), "sentencepiece_unigram", "sentencepiece_bpe" or "predecessor".
      vocab_size: pieces, the 128 reserved ones included.
      sample_mb: megabytes of the train split; None for all of it.
      word: a key of WORDS (`merges` only).
      words: of the longest run that merges may not cross; 0 for whole lines. SentencePiece knows 1 and 0 only.
      min_count: rarer runs are halved, again and again (`merges` only).
      indentation: whether a newline is merged with the indentation after it (`merges` only).
      split_digits: whether every digit is a piece of its own.
      coverage: share of characters, by occurrence, that get pieces.
    """

    name: str
    trainer: str = "merges"
    vocab_size: int = 16_000
    sample_mb: float | None = 8.0
    word: str = "names"
    words: int = 1
    min_count: int = 2
    indentation: bool = True
    split_digits: bool = False
    coverage: float = vocabulary.CHARACTER_COVERAGE


def units(variant: Variant) -> list[re.Pattern]:
    """The units that merges may not cross, and the smaller ones that rare units are taken apart into.

    Example: with the product's settings they are `merges.UNITS` alone.
    """
    word = WORDS[variant.word]
    if variant.split_digits:
        word = word.replace(r"\d+", r"\d").replace(r"\w+", r"[^\W\d]+|\d")
    lengths = [variant.words or 8]  # whole lines are taken apart into runs of 8
    while lengths[-1] > 1:
        lengths.append(lengths[-1] // 2)
    runs = [rf"[^\S\n]*(?:{word})" if n == 1 else rf"(?:[^\S\n]*(?:{word})){{1,{n}}}" for n in lengths]
    newline = r"\n[ \t]*" if variant.indentation else r"\n"
    return [re.compile(rf"{newline}|{run}|[^\S\n]+") for run in ([] if variant.words else [r"[^\n]+"]) + runs]


def count(texts: Iterable[str], patterns: Sequence[re.Pattern], *, min_count: int) -> Counter[str]:
    """The units of escaped texts, of which those that occur less than `min_count` times are taken apart.

    A run of words that was seen once says nothing about what follows what, but its halves may, and so on.

    Example: with runs of two words and of one, and 2, ["a = b", "a = c"] are {"a =": 2, " b": 1, " c": 1}.
    """
    counts = Counter(unit for text in texts for unit in patterns[0].findall(text))
    for smaller in patterns[1:]:
        parts: Counter[str] = Counter()
        for unit, times in counts.items():
            for part in [unit] if times >= min_count else smaller.findall(unit):
                parts[part] += times
        counts = parts
    return merges.most_frequent(counts)


def train(variant: Variant, texts: Iterable[str]) -> bytes:
    """The serialised SentencePiece model of a variant, with the reserved pieces."""
    if variant.trainer == "predecessor":
        return predecessor_vocabulary.train(texts, variant.vocab_size)
    if variant.trainer == "merges":
        escaped = map(prompt.escape, texts)
        counts = count(escaped, units(variant), min_count=variant.min_count)
        characters = vocabulary.covered_characters(merges.count_characters(counts), coverage=variant.coverage)
        room = piece_model.num_merges(variant.vocab_size, len(characters))
        return piece_model.bpe_model(merges.find(counts, room), characters)
    return _sentencepiece(variant, texts)


def _sentencepiece(variant: Variant, texts: Iterable[str]) -> bytes:
    """SentencePiece's own trainers, without loss, line by line, so that the newline is always a piece alone."""
    model_bytes = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(texts),
        model_writer=model_bytes,
        model_type=variant.trainer.removeprefix("sentencepiece_"),
        vocab_size=variant.vocab_size - contract.NUM_RESERVED,
        hard_vocab_limit=False,
        pad_id=contract.PAD_ID,
        eos_id=contract.EOS_ID,
        unk_id=contract.UNK_ID,
        bos_id=-1,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        split_by_whitespace=variant.words == 1,
        split_digits=variant.split_digits,
        byte_fallback=True,
        character_coverage=variant.coverage,
        user_defined_symbols=["\n"],
        max_sentence_length=16_384,
        num_threads=2,
        minloglevel=1,
    )
    return piece_model.with_reserved_pieces(piece_model.ModelProto.FromString(model_bytes.getvalue()))


def _lines(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from filter(None, prompt.escape(text).split("\n"))


def sample(variant: Variant, documents: pathlib.Path) -> Iterator[str]:
    """The documents that a variant is trained on."""
    if variant.sample_mb is None:
        return (file.content for file in shards.read_documents(documents, "train"))
    return vocabulary.sample_documents(documents, vocabulary.VocabularyParameters(sample_mb=variant.sample_mb))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=pathlib.Path, required=True)
    parser.add_argument("--variant", type=json.loads, required=True, help="fields of Variant, as JSON")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="file for the model")
    arguments = parser.parse_args(argv)
    variant = Variant(**arguments.variant)
    arguments.output.write_bytes(train(variant, sample(variant, arguments.documents)))


if __name__ == "__main__":
    main()
