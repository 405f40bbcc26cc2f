"""Trains the vocabulary: train documents to a SentencePiece model, with its law checked on held-out documents.

python -m preprocessing.vocabulary --documents DOCUMENTS --output_dir VOCABULARY
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from preprocessing import contract, merges, output_folder, piece_model, prompt, shards

MODEL_FILE = "code.model"
DESCRIPTION_FILE = "vocabulary.json"

# Another name for each way to find pieces: a vocabulary made in another way is made again, not taken for this one.
TRAINER = "merges in words"
# The rarest characters, 1 in 500 by occurrence, are written as bytes. Each takes a piece else: 1,271 of 16,000 at a
# coverage of 0.9995, which costs 1 % of the bytes a token.
CHARACTER_COVERAGE = 0.998


@dataclasses.dataclass(frozen=True)
class VocabularyParameters:
    """What makes one vocabulary different from another.

    Attributes:
      vocab_size: the number of pieces, the 128 reserved ones included.
      sample_mb: train on a sample of about so many megabytes (10^6 bytes) of the train split.
      seed: of that sample.
    """

    vocab_size: int = 16_000
    sample_mb: float = 32.0
    seed: int = 0

    def fields(self) -> dict[str, Any]:
        """As `vocabulary.json` has them, with the name of the trainer."""
        return {"trainer": TRAINER, **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True)
class Check:
    """The law `decode(encode(x)) == x`, held against documents that the trainer has not seen.

    Attributes:
      files, bytes, tokens: how much was encoded.
      exact_round_trips: the share of the files that came back as they were; must be 1.0.
      unknowns: the number of unknown tokens; must be 0.
      failures: up to five files that did not come back.
    """

    files: int
    bytes: int
    tokens: int
    exact_round_trips: float
    unknowns: int
    failures: tuple[str, ...]

    @property
    def bytes_per_token(self) -> float:
        return self.bytes / self.tokens if self.tokens else 0.0


def sample_documents(documents: pathlib.Path, parameters: VocabularyParameters) -> Iterator[str]:
    """Yields the contents of a random share of the train split, chosen by the hash of each file and the seed."""
    total_bytes = shards.read_manifest(documents).counts["train"]["bytes"]
    share = min(1.0, parameters.sample_mb * 1e6 / max(total_bytes, 1))
    for file in shards.read_documents(documents, "train"):
        chance = int(contract.bytes_digest(f"{parameters.seed}/{file.sha256}".encode())[:12], 16) / 16**12
        if chance < share:
            yield file.content


def train(texts: Iterable[str], vocab_size: int) -> bytes:
    """Finds merges (`preprocessing.merges`) and writes them as a SentencePiece model.

    Args:
      texts: documents. No piece holds a newline but as its first character, with nothing but indentation after it.
      vocab_size: wanted number of pieces; a small sample may give fewer.

    Returns:
      The serialised model. Equal texts give equal bytes.

    Raises:
      ValueError: there is no text, or `vocab_size` is too small; or whatever `texts` raised.
    """
    units = merges.count_units(prompt.escape(text) for text in texts)
    if not units:
        raise ValueError("no text to train a vocabulary on: the train split is too small, or --sample_mb is")
    characters = covered_characters(merges.count_characters(units))
    return piece_model.bpe_model(merges.find(units, piece_model.num_merges(vocab_size, len(characters))), characters)


def covered_characters(counts: Counter[str], *, coverage: float = CHARACTER_COVERAGE) -> list[str]:
    """The characters that get pieces of their own: the frequent ones, the newline and the space.

    SentencePiece looks for a space as `▁`, whose bytes would come back as `▁`.

    Example: of {"a": 998, "b": 1, "c": 1} they are ["a", "\\n", " "].
    """
    missing = (1 - coverage) * counts.total()
    kept = []
    left = counts.total()
    for character, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if left <= missing:
            break
        kept.append(character)
        left -= count
    return [*kept, *(character for character in "\n " if character not in kept)]


def check(codec: prompt.Codec, files: Iterator[contract.CodeFile], *, max_bytes: float) -> Check:
    """Encodes and decodes files until `max_bytes` bytes have been read."""
    count = size = tokens = unknowns = 0
    failures = []
    for file in files:
        ids = codec.encode(file.content)
        count, size, tokens = count + 1, size + file.size, tokens + len(ids)
        unknowns += ids.count(contract.UNK_ID)
        if codec.decode(ids) != file.content:
            failures.append(f"{file.repository}/{file.path}")
        if size >= max_bytes:
            break
    exact = (count - len(failures)) / count if count else 0.0
    return Check(count, size, tokens, exact, unknowns, tuple(failures[:5]))


def held_out(documents: pathlib.Path) -> Iterator[contract.CodeFile]:
    for split in contract.HELD_OUT_SPLITS:
        yield from shards.read_documents(documents, split)


def describe(model: bytes, result: Check, *, parameters: dict[str, Any], documents_digest: str) -> dict[str, Any]:
    """The content of `vocabulary.json`; `parameters` are what tells one vocabulary of these documents from another."""
    vocab_size = prompt.Codec(model).vocab_size
    return {
        "sha256": contract.bytes_digest(model),
        "vocab_size": vocab_size,
        "ids": contract.special_ids(vocab_size),
        "escape": dict(prompt.ESCAPES),
        "parameters": parameters,
        "documents_digest": documents_digest,
        "held_out": {**dataclasses.asdict(result), "bytes_per_token": round(result.bytes_per_token, 4)},
    }


def write(folder: pathlib.Path, model: bytes, description: dict[str, Any]) -> None:
    """Puts the two files of a vocabulary into a folder that exists."""
    (folder / MODEL_FILE).write_bytes(model)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2) + "\n")


def make_vocabulary(
    documents: pathlib.Path, output_dir: pathlib.Path, *, parameters: VocabularyParameters, check_mb: float
) -> dict[str, Any]:
    """Trains, checks and writes a vocabulary; the folder appears only when it is complete.

    Returns:
      The content of `vocabulary.json`.

    Raises:
      ValueError: the law does not hold for a held-out document, or there is too little text.
      AlreadyRunningError: another process is making `output_dir`.
    """
    manifest = shards.read_manifest(documents)
    # From here on, so that a second run at the same time is refused before it trains, not after.
    with output_folder.written_beside(output_dir, replace=True) as folder:
        model = train(sample_documents(documents, parameters), parameters.vocab_size)
        result = check(prompt.Codec(model), held_out(documents), max_bytes=check_mb * 1e6)
        if not result.files:
            raise ValueError(
                f"{documents} has no held-out documents to check the vocabulary on: make it with a validation split"
            )
        if result.failures or result.unknowns:
            raise ValueError(
                f"the vocabulary loses text: {result.unknowns} unknown tokens, and these files do not come back as "
                f"they were: {', '.join(result.failures)}"
            )
        description = describe(model, result, parameters=parameters.fields(), documents_digest=manifest.digest)
        write(folder, model, description)
    return description


def already_made(output_dir: pathlib.Path, documents: pathlib.Path, parameters: VocabularyParameters) -> dict | None:
    """The description of a finished vocabulary from the same documents and parameters, else None."""
    try:
        description = json.loads((output_dir / DESCRIPTION_FILE).read_text())
    except (OSError, ValueError):
        return None
    same = (
        description.get("parameters") == parameters.fields()
        and description.get("documents_digest") == shards.read_manifest(documents).digest
        and description.get("sha256") == contract.bytes_digest((output_dir / MODEL_FILE).read_bytes())
    )
    return description if same else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=pathlib.Path, required=True, help="folder made by preprocessing.run")
    parser.add_argument("--output_dir", type=pathlib.Path, required=True, help="folder to put code.model in")
    parser.add_argument("--vocab_size", type=int, default=16_000, help="pieces, 128 reserved ones included (16000)")
    parser.add_argument("--sample_mb", type=float, default=32.0, help="megabytes of the train split to train on (32)")
    parser.add_argument("--check_mb", type=float, default=100.0, help="megabytes held out to check the law on (100)")
    parser.add_argument("--seed", type=int, default=0, help="of the sample (0)")
    arguments = parser.parse_args()
    parameters = VocabularyParameters(arguments.vocab_size, arguments.sample_mb, arguments.seed)
    if arguments.output_dir.exists() and not (arguments.output_dir / DESCRIPTION_FILE).exists():
        parser.error(f"{arguments.output_dir} exists and is not a vocabulary: choose another --output_dir")
    started = time.monotonic()
    try:
        description = already_made(arguments.output_dir, arguments.documents, parameters)
        if description:
            print(f"already made: {arguments.output_dir}")
        else:
            description = make_vocabulary(
                arguments.documents, arguments.output_dir, parameters=parameters, check_mb=arguments.check_mb
            )
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    held_out_check = description["held_out"]
    print(f"vocabulary        {arguments.output_dir / MODEL_FILE}, {description['vocab_size']} pieces")
    print(f"checked on        {held_out_check['files']} held-out files, {held_out_check['bytes'] / 1e6:.1f} MB")
    print(f"bytes a token     {held_out_check['bytes_per_token']:.3f}")
    print(f"exact round trips {held_out_check['exact_round_trips']}")
    print(f"unknown tokens    {held_out_check['unknowns']}")
    print(f"digest            {description['sha256'][:12]}, made in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
