"""Pieces of held-out files, and their bits: the same bytes of text are scored whatever the vocabulary.

Windows of a fixed number of tokens hold other text with every vocabulary, so bits per byte over a sample of them cannot
be compared closely. Here the text is drawn first. Each token of a piece is a target once, after as many tokens before
it as the inputs hold; and what is counted are the bytes of the source, by SentencePiece's own offsets, so that a
vocabulary which loses text, or writes the newline as a character of two bytes, is not measured by what it makes of it.
"""

import dataclasses
import itertools
import random
from collections.abc import Iterable, Sequence

from benchmarks import repositories_in_turn
from preprocessing import contract, prompt

PIECE_BYTES = 3000
# Enough for 128 tokens of any of the vocabularies, most of the time.
CONTEXT_CHARACTERS = 800


@dataclasses.dataclass(frozen=True)
class Piece:
    """A part of a file.

    Attributes:
      context: the text before it, up to CONTEXT_CHARACTERS.
      text: what is scored; about PIECE_BYTES, from a newline on.
    """

    context: str
    text: str


def draw(files: Iterable[contract.CodeFile], *, kilobytes: float, seed: int = 0) -> list[Piece]:
    """Draws pieces from files, the same ones for the same files.

    Args:
      files: held-out files; each that is long enough gives one, repositories taking turns, so that a large one does
        not stand for all.
      kilobytes: to score, 1,000 bytes each; the pieces are fewer where the files do not give as many.
    """
    chance = random.Random(seed)
    cut = (_cut(content, chance) for content in repositories_in_turn.take_turns(files, chance))
    return list(itertools.islice(filter(None, cut), round(kilobytes * 1000 / PIECE_BYTES)))


def _cut(content: str, chance: random.Random) -> Piece | None:
    # With a line of up to 100 characters at each end.
    room = len(content) - CONTEXT_CHARACTERS - PIECE_BYTES - 200
    if room < 0:
        return None
    begin = content.find("\n", CONTEXT_CHARACTERS + chance.randrange(room + 1))
    end = content.find("\n", begin + PIECE_BYTES)
    if begin < 0 or end < 0:
        return None
    return Piece(content[begin - CONTEXT_CHARACTERS : begin], content[begin:end])


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a model: what it reads, what it must write, and how many bytes of source text that is.

    Attributes:
      inputs, targets: token ids.
      text_bytes: UTF-8 bytes of the source that the targets stand for.
      piece_bytes: what the ids stand for by `Codec.piece_bytes`; other than `text_bytes` where a vocabulary loses text.
    """

    inputs: Sequence[int]
    targets: Sequence[int]
    text_bytes: int
    piece_bytes: int


def rows(codec: prompt.Codec, piece: Piece, *, max_inputs: int, max_targets: int) -> list[Row]:
    """The rows in which a piece is scored.

    Example (inputs 3, targets 2): context tokens [5, 6, 7, 8] and text tokens [20, 21, 22] give
      [6, 7, 8 | 20, 21] and [8, 20, 21 | 22]
    """
    ids, sizes = _encode(codec, piece.context + piece.text)
    # A token that crosses the border, which only some vocabularies have, belongs to the context.
    border, begun = len(prompt.escape(piece.context).encode()), 0
    first = 0
    while first < len(ids) and begun < border:
        begun += sizes[first]
        first += 1
    pieces = codec.piece_bytes()
    found = []
    for start in range(first, len(ids), max_targets):
        targets = ids[start : start + max_targets]
        text_bytes = sum(sizes[start : start + max_targets])
        inputs = ids[max(0, start - max_inputs) : start]
        found.append(Row(inputs, targets, text_bytes, sum(len(pieces[i]) for i in targets)))
    return found


def _encode(codec: prompt.Codec, text: str) -> tuple[list[int], list[int]]:
    """Token ids, and the UTF-8 bytes of the (escaped) text that each stands for."""
    proto = codec.processor.encode(prompt.escape(text), out_type="immutable_proto")
    return [piece.id for piece in proto.pieces], [len(piece.surface.encode()) for piece in proto.pieces]
