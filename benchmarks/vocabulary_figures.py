"""What a vocabulary is worth: bytes a token, exact round trips, unknowns and encoding speed on held-out texts.

python -m benchmarks.vocabulary_figures --texts held_out.json --models a.model b.model     # the TF op's speed, as JSON
"""

import argparse
import json
import pathlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from preprocessing import contract, prompt

_LEXICAL_TOKEN = re.compile(r"\w+|[^\w\s]")


def balanced(files: Iterable[contract.CodeFile], *, repository_bytes: int) -> list[str]:
    """Texts of held-out files, about so many bytes of each repository, so that no large one decides alone.

    Files are taken in the order of their hashes until a repository has reached its share.
    """
    taken: Counter[str] = Counter()
    texts = []
    for file in sorted(files, key=lambda file: file.sha256):
        if taken[file.repository] < repository_bytes:
            taken[file.repository] += file.size
            texts.append(file.content)
    return texts


def figures(model: bytes, texts: Sequence[str]) -> dict[str, Any]:
    """Encodes texts, file by file, with SentencePiece in this thread.

    Returns:
      `vocab_size`, `bytes_per_token`, `exact_round_trips` (share of the files), `unknowns`, `newline_share` (of the
      tokens), `line_ends` (pieces that begin with a newline), `cursors_at_border` (see there), `mb_per_core_second`
      (10^6 bytes).
    """
    codec = prompt.Codec(model)
    started = time.process_time()
    encoded = [codec.encode(text) for text in texts]
    seconds = time.process_time() - started
    num_bytes = sum(len(text.encode()) for text in texts)
    num_tokens = sum(map(len, encoded))
    exact = sum(codec.decode(ids) == text for ids, text in zip(encoded, texts, strict=True))
    line_ends = set(codec.line_ends())
    return {
        "vocab_size": codec.vocab_size,
        "bytes_per_token": num_bytes / num_tokens,
        "exact_round_trips": exact / len(texts),
        "unknowns": sum(ids.count(contract.UNK_ID) for ids in encoded),
        "newline_share": sum(i in line_ends for ids in encoded for i in ids) / num_tokens,
        "line_ends": len(line_ends),
        "cursors_at_border": cursors_at_border(codec, texts),
        "mb_per_core_second": num_bytes / 1e6 / seconds,
    }


def cursors_at_border(codec: prompt.Codec, texts: Sequence[str]) -> float:
    """The share of cursors after a lexical token, inside a line, at which a piece ends.

    At the others a piece of the training text goes on behind the cursor, so that a model which is shown the text before
    it sees pieces that it seldom saw there, unless the last one is given back (token healing). Every tenth line counts.

    Example: where "a b" is a piece, the cursor after "a" in the line "a b c" is inside it, that after "b" is not: 0.5.
    """
    cursors = at_border = 0
    for text in texts:
        for line in text.split("\n")[::10]:
            ends = [match.end() for match in _LEXICAL_TOKEN.finditer(line)][:-1]
            pieces = codec.processor.encode("\n" + line, out_type="immutable_proto").pieces if ends else []
            borders = {piece.end - 1 for piece in pieces}
            cursors += len(ends)
            at_border += sum(end in borders for end in ends)
    return at_border / cursors if cursors else 1.0


def tf_op(models: Sequence[pathlib.Path], texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Encodes the same texts with TensorFlow's op, one thread.

    Returns:
      Model file -> `mb_per_core_second`, and `agrees`: whether every id is SentencePiece's own.
    """
    import tensorflow as tf
    import tensorflow_text

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    num_bytes = sum(len(text.encode()) for text in texts)
    escaped = [tf.constant(prompt.escape(text)) for text in texts]
    found = {}
    for path in models:
        model = path.read_bytes()
        tokenizer = tensorflow_text.SentencepieceTokenizer(model)
        tokenizer.tokenize(escaped[0])
        started = time.process_time()
        encoded = [tokenizer.tokenize(text) for text in escaped]
        seconds = time.process_time() - started
        codec = prompt.Codec(model)
        agrees = all(ids.numpy().tolist() == codec.encode(text) for ids, text in zip(encoded, texts, strict=True))
        found[str(path)] = {"mb_per_core_second": num_bytes / 1e6 / seconds, "agrees": agrees}
    return found


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=pathlib.Path, required=True, help="JSON list of texts")
    parser.add_argument("--models", type=pathlib.Path, nargs="+", required=True)
    arguments = parser.parse_args(argv)
    print(json.dumps(tf_op(arguments.models, json.loads(arguments.texts.read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main()
