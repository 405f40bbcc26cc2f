"""What text becomes for the model: the one codec that training, `predict` and the completion engine share.

SentencePiece writes a space as `▁` (U+2581) and reads every `▁` back as a space, so a literal `▁` in a source file
would be lost. The codec therefore escapes it with the ASCII character made for this, DLE (U+0010, "data link
escape"): `▁` becomes DLE `_`, and DLE itself becomes DLE `-`. No other text changes, and `unescape(escape(x)) == x`
for every text.

It also lays out what a model reads besides the text before a cursor: the text after it (`infilling`), and other files
(`context`). Special ids are those of `preprocessing.contract`.
"""

import itertools
import os
import pathlib
from collections.abc import Sequence

import sentencepiece

from preprocessing import contract

ESCAPE = "\x10"
# In the order in which they are applied when encoding; decoding goes backwards.
ESCAPES = ((ESCAPE, ESCAPE + "-"), ("\u2581", ESCAPE + "_"))
# Of another file fewer tokens than these say too little: rather fewer files.
LEAST_SHARE = 64


def escape(text: str) -> str:
    """Makes a text safe for SentencePiece.

    Example: `escape("a ▁ b")` is `"a \\x10_ b"`.
    """
    for plain, escaped in ESCAPES:
        text = text.replace(plain, escaped)
    return text


def unescape(text: str) -> str:
    """Takes `escape` back; a DLE that `escape` cannot have written is left as it is."""
    for plain, escaped in reversed(ESCAPES):
        text = text.replace(escaped, plain)
    return text


def left_cut(tokens: Sequence[int], max_tokens: int) -> Sequence[int]:
    """Keeps the last `max_tokens` tokens: the code beside the cursor is what a completion needs.

    Example: `left_cut([7, 8, 9], 2)` is `[8, 9]`.

    Raises:
      ValueError: `max_tokens` is not positive.
    """
    if max_tokens < 1:
        raise ValueError(f"left_cut needs room for at least one token, got max_tokens={max_tokens}")
    return tokens[-max_tokens:]


def infilling(prefix: Sequence[int], suffix: Sequence[int], *, ids: dict[str, int], max_tokens: int) -> list[int]:
    """What a model reads to fill in the text between two others; it answers with the middle and "end_of_insertion".

    What is too long is cut at its far end: the prefix keeps its tail, the suffix its head. A prefix that does not fit
    beside the suffix has at least half of the room (the larger half); what either of them does not need is the other's.

    Args:
      prefix, suffix: tokens before and after the cursor.
      ids: of `contract.special_ids`.
      max_tokens: of all that is read, three markers included.

    Raises:
      ValueError: there is no room for a token besides the markers.

    Example: of prefix [10, 11, 12, 13] and suffix [20, 21, 22] with P, S, M for the markers,
      max_tokens 10 or more gives [P, 10, 11, 12, 13, S, 20, 21, 22, M], 8 gives [P, 11, 12, 13, S, 20, 21, M], and
      with suffix [20] alone 7 gives [P, 11, 12, 13, S, 20, M].
    """
    room = max_tokens - 3
    if room < 1:
        raise ValueError(f"infilling needs room for three markers and a token at least, got max_tokens={max_tokens}")
    num_prefix = min(len(prefix), max(room - len(suffix), room - room // 2))
    kept = [] if not num_prefix else prefix[-num_prefix:]
    cut = suffix[: room - num_prefix]
    return [ids["fill_prefix"], *kept, ids["fill_suffix"], *cut, ids["fill_middle"]]


def shares(sizes: Sequence[int], budget: int, *, least: int) -> list[int]:
    """Divides a budget among texts: all of those that are short, and as much of each of the others.

    Args:
      sizes: of the texts, the most wanted first.
      budget: for all of them together, in the same unit.
      least: what is worth having of a text. As many of the first texts as can have that, or all of themselves, get
        anything; the first one always does.

    Returns:
      For each of these how much of it is kept; up to one unit for each of them is left over.

    Example: `shares([10, 90, 80, 5], 100, least=30)` is `[10, 42, 42, 5]`, and with `least=50` it is `[10, 90]`.
    """
    left = max(budget, 0)
    wanted = itertools.accumulate(min(size, least) for size in sizes)
    sizes = sizes[: max(1, sum(total <= left for total in wanted))]
    for i, size in enumerate(sorted(sizes)):
        level = left // (len(sizes) - i)
        if size > level:
            return [min(size, level) for size in sizes]
        left -= size
    return list(sizes)


def lay_out_context(own: Sequence[int], files: Sequence[Sequence[int]], *, budget: int) -> list[int]:
    """Other files, and the path of the one at hand, as they stand before its text.

    Args:
      own: marker, path and newline of the file at hand.
      files: marker, path and text of others, the most related first.
      budget: the most tokens of all this.

    Returns:
      The least related file first, each cut at its end to its share (`shares`), and `own` last; nothing where not
      even `own` fits.

    Example: of own [9, 1] and files [9, 2, 3, 4, 5], [9, 6] a budget of 9 gives [9, 6, 9, 2, 3, 4, 5, 9, 1], one of 8
      [9, 2, 3, 4, 5, 9, 1]: a file does not get less than 64 tokens, or all of it, and one token is left over.
    """
    room = budget - len(own)
    if room < 0:
        return []
    kept = shares([len(file) for file in files], room, least=LEAST_SHARE)
    cut = [list(file[:size]) for file, size in zip(files, kept, strict=False)]
    return [*(token for file in reversed(cut) for token in file), *own]


def context(codec: "Codec", files: Sequence[tuple[str, str]], *, path: str, budget: int) -> list[int]:
    r"""Lays out other files of a repository before the text at hand.

    Each stands as `<path_marker>`, its path, and a newline with its text; then come `<path_marker>`, the path of the
    file at hand and a newline, so that what follows is read as its beginning, or as a part of it.

    Args:
      codec: of the model.
      files: (path, text) of others, the most related first.
      path: of the file at hand, "" where it is not known.
      budget: the most tokens of all this.

    Returns:
      What `lay_out_context` makes of it.

    Example: with files [("a.py", "x = 1")], path "b.py" and room enough it is the tokens of
      "<path_marker>a.py", "\nx = 1", "<path_marker>b.py", "\n".
    """
    marker = contract.special_ids(codec.vocab_size)["path_marker"]
    own = [marker, *codec.encode(path), *codec.encode("\n")]
    rows = [[marker, *codec.encode(name), *codec.encode("\n" + text)] for name, text in files]
    return lay_out_context(own, rows, budget=budget)


def first_line(text: str) -> str:
    """A completion ends before its first newline; a carriage return before it belongs to the newline.

    Example: `first_line("x + 1\\r\\nreturn x")` is `"x + 1"`.
    """
    return text.split("\n", 1)[0].removesuffix("\r")


class Codec:
    """Text to token ids and back, without TensorFlow.

    The law, checked for every vocabulary when it is made: `decode(encode(text)) == text`.
    """

    def __init__(self, model: bytes):
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @classmethod
    def from_file(cls, path: str | os.PathLike) -> "Codec":
        return cls(pathlib.Path(path).read_bytes())

    @property
    def vocab_size(self) -> int:
        return self.processor.get_piece_size()

    def encode(self, text: str) -> list[int]:
        """Token ids, without EOS."""
        return self.processor.encode(escape(text))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids.

        Control pieces (padding, EOS, sentinels) have none, and neither have ids past the vocabulary, which a model may
        write: its tables are padded to a multiple of 128.
        """
        return unescape(self.processor.decode([int(i) for i in ids if i < self.vocab_size]))

    def line_ends(self) -> list[int]:
        """The ids of the pieces that begin with a newline: a line ends before the first of them."""
        return [i for i in range(self.vocab_size) if self.processor.decode([i]).startswith("\n")]

    def piece_bytes(self) -> list[bytes]:
        """For each id the bytes that it stands for, `b""` for control pieces.

        Joined over the ids of a text they are the UTF-8 bytes of `escape(text)`, also where a window of tokens
        starts or ends inside a character.
        """
        sp = self.processor
        pieces = []
        for i in range(sp.get_piece_size()):
            if sp.is_control(i) or sp.is_unknown(i):
                pieces.append(b"")
            elif sp.is_byte(i):
                pieces.append(bytes([int(sp.id_to_piece(i)[3:5], 16)]))
            else:
                pieces.append(sp.id_to_piece(i).replace("\u2581", " ").encode("utf-8"))
        return pieces
