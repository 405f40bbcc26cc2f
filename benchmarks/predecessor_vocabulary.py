"""A vocabulary as the predecessor trained it, to be compared with: SentencePiece's `unigram` over whole files.

Its settings: `nmt_nfkc`, no byte fallback, a file per line with `Ċ` (U+010A) for the newline, lines over 4,192 bytes
skipped, the dummy prefix. The predecessor replaced newlines before anything else; here the model's own normaliser does
it, and its denormaliser takes it back, so that `preprocessing.prompt.Codec` and the TF op read plain text.

What is not as in our vocabularies:

- it loses text (tabs become spaces, rare characters unknown), so no law is checked; `held_out` counts the losses;
- `Codec.piece_bytes` gives the UTF-8 bytes of a piece, two for each `Ċ`: whoever counts bytes of text must count ONE
  for it, since it stands for one newline. Unknown tokens count none, though they stand for at least one;
- a `Ċ` may stand anywhere in a piece, so a line may end inside one.

python -m benchmarks.predecessor_vocabulary --documents data/demo/documents --output_dir data/predecessor_vocabulary
"""

import argparse
import io
import pathlib
import struct
import tempfile
from collections.abc import Iterator
from typing import Any

import sentencepiece

from preprocessing import contract, output_folder, piece_model, prompt, shards, vocabulary

NEWLINE = "\u010a"
# SentencePiece's own default: the predecessor did not set it, so most files were skipped.
MAX_FILE_BYTES = 4192


def make(documents: pathlib.Path, output_dir: pathlib.Path, *, vocab_size: int, check_mb: float = 100.0) -> dict:
    """Trains and writes a vocabulary folder, `code.model` and `vocabulary.json`.

    Args:
      documents: a document dataset; the whole train split is shown to the trainer.
      output_dir: the folder to make; an earlier vocabulary there is replaced.
      vocab_size: pieces, the 128 reserved ones included.
      check_mb: megabytes of held-out text to measure on.

    Returns:
      The content of `vocabulary.json`; `held_out` holds `bytes_per_token`, `exact_round_trips` and `unknowns`.
    """
    with output_folder.written_beside(output_dir, replace=True) as folder:
        model = train((file.content for file in shards.read_documents(documents, "train")), vocab_size)
        result = vocabulary.check(prompt.Codec(model), vocabulary.held_out(documents), max_bytes=check_mb * 1e6)
        digest = shards.read_manifest(documents).digest
        parameters = {"vocab_size": vocab_size, "settings": "the predecessor's"}
        description = vocabulary.describe(model, result, parameters=parameters, documents_digest=digest)
        vocabulary.write(folder, model, description)
    return description


def train(texts: Iterator[str], vocab_size: int, *, num_threads: int = 2) -> bytes:
    """Trains on whole files and appends the reserved pieces.

    Returns:
      The serialised model.
    """
    model_bytes = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder, "rules.tsv")
        rules.write_text(_tsv({**_nmt_nfkc(), "\n": NEWLINE}), encoding="utf-8")
        back = pathlib.Path(folder, "back.tsv")
        back.write_text(_tsv({NEWLINE: "\n"}), encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(text.replace("\n", NEWLINE) for text in texts),
            model_writer=model_bytes,
            vocab_size=vocab_size - contract.NUM_RESERVED,
            hard_vocab_limit=False,
            pad_id=contract.PAD_ID,
            eos_id=contract.EOS_ID,
            unk_id=contract.UNK_ID,
            bos_id=-1,
            normalization_rule_tsv=str(rules),
            denormalization_rule_tsv=str(back),
            remove_extra_whitespaces=False,
            allow_whitespace_only_pieces=True,
            max_sentence_length=MAX_FILE_BYTES,
            num_threads=num_threads,
            minloglevel=1,
        )
    return piece_model.with_reserved_pieces(piece_model.ModelProto.FromString(model_bytes.getvalue()))


def _nmt_nfkc() -> dict[str, str]:
    """The rules of `nmt_nfkc`, which SentencePiece carries only as a compiled trie, text to text.

    The trie is a double array of darts-clone; the bits of its units are documented in its darts.h
    (https://github.com/s-yata/darts-clone). What a key becomes stands, ended by a NUL byte, after the array.
    """
    smallest = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b"] * 9), model_writer=smallest, vocab_size=9, hard_vocab_limit=False, minloglevel=2
    )
    charsmap = piece_model.ModelProto.FromString(smallest.getvalue()).normalizer_spec.precompiled_charsmap
    (size,) = struct.unpack_from("<I", charsmap)
    units = struct.unpack_from(f"<{size // 4}I", charsmap, 4)
    replacements = charsmap[4 + size :]
    rules = {}

    def children(unit: int) -> int:
        return (unit >> 10) << ((unit & (1 << 9)) >> 6)

    def walk(place: int, key: bytes) -> None:
        for byte in range(1, 256):
            at = place ^ byte
            if at >= len(units) or units[at] & (1 << 31 | 0xFF) != byte:
                continue
            below = at ^ children(units[at])
            if units[at] >> 8 & 1:
                start = units[below] & ~(1 << 31)
                value = replacements[start : replacements.index(b"\0", start)]
                rules[(key + bytes([byte])).decode()] = value.decode()
            walk(below, key + bytes([byte]))

    walk(children(units[0]), b"")
    return rules


def _tsv(rules: dict[str, str]) -> str:
    """SentencePiece's form of rules: code points in hex, the text before the tab, what it becomes after it.

    Example: `_tsv({"ﬁ": "fi"})` is `"FB01\\t66 69\\n"`.
    """

    def code_points(text: str) -> str:
        return " ".join(f"{ord(character):X}" for character in text)

    return "".join(f"{code_points(key)}\t{code_points(value)}\n" for key, value in sorted(rules.items()))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=pathlib.Path, required=True, help="folder made by preprocessing.run")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="folder to put code.model in")
    parser.add_argument("--vocab_size", type=int, default=16_000, help="pieces, 128 reserved ones included (16000)")
    arguments = parser.parse_args(argv)
    held_out: dict[str, Any] = make(arguments.documents, arguments.output_dir, vocab_size=arguments.vocab_size)[
        "held_out"
    ]
    for name in ("bytes_per_token", "exact_round_trips", "unknowns"):
        print(f"{name:<18} {held_out[name]:.4g}")


if __name__ == "__main__":
    main()
