"""What text becomes for the model: the one codec that training, `predict` and the completion engine share.

SentencePiece writes a space as `▁` (U+2581) and reads every `▁` back as a space, so a literal `▁` in a source file
would be lost. The codec therefore escapes it with the ASCII character made for this, DLE (U+0010, "data link
escape"): `▁` becomes DLE `_`, and DLE itself becomes DLE `-`. No other text changes, and `unescape(escape(x)) == x`
for every text.
"""

import os
import pathlib
from collections.abc import Sequence

import sentencepiece

ESCAPE = "\x10"
# In the order in which they are applied when encoding; decoding goes backwards.
ESCAPES = ((ESCAPE, ESCAPE + "-"), ("\u2581", ESCAPE + "_"))


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
