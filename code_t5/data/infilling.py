"""Fill-in-the-middle: holes in a window of code, each read as what stands before and after it, and written.

The layout is `preprocessing.prompt`'s: the model reads `<fill_prefix> before <fill_suffix> after <fill_middle>` and
writes the middle and `<end_of_insertion>`. (Bavarian et al., Efficient Training of Language Models to Fill in the
Middle, https://arxiv.org/abs/2207.14255, for decoders; the end cut at characters as they advise.)

A hole begins with a line, with the newline before it. A cursor may stand anywhere in a line all the same: what stands
in it already is given to the model as the beginning of its answer (`completion.requests`), as without a suffix.
So a model that has learnt little yet of what it reads goes on with the line, and what it reads is the same while a line
is typed.
"""

import dataclasses
import typing

import gin
import seqio
import tensorflow as tf

from preprocessing import contract, prompt

LEVELS = ("character", "line")
# Markers read, and written, for each hole.
MARKERS_READ, MARKERS_WRITTEN = 3, 1
# The share of holes that end where the line that they begin in ends: what an editor asks for most.
_TO_LINE_END = 0.5


@gin.configurable("infilling", module="code_t5")
@dataclasses.dataclass(frozen=True)
class Infilling:
    """How much of the text is filled in, and where holes begin and end.

    Attributes:
      rate: the share of windows with holes, from 0.0 (none) to 1.0.
      level: where holes end: "character", anywhere; "line", with a line.
      holes: how many of them a window with holes has, at most.

    Raises:
      ValueError: a value out of range.
    """

    rate: float = 0.0
    level: str = "character"
    holes: int = 2

    def __post_init__(self):
        if not 0 <= self.rate <= 1:
            raise ValueError(f"code_t5.infilling.rate is a share from 0 to 1, got {self.rate}")
        if self.level not in LEVELS:
            raise ValueError(f"code_t5.infilling.level is one of {', '.join(LEVELS)}, got {self.level!r}")
        if self.holes < 1:
            raise ValueError(f"code_t5.infilling.holes is 1 or more, got {self.holes}")


class Hole(typing.NamedTuple):
    """A hole, cut out of a window.

    Attributes:
      read: int32 [tokens], markers, what stands before and what stands after the hole.
      written: int32 [tokens], what stands in it and the marker of its end; both empty where no hole could be cut.
      tokens, file: the window without it; what stood after it is another file from here on.
    """

    read: tf.Tensor
    written: tf.Tensor
    tokens: tf.Tensor
    file: tf.Tensor


class HoleCutter:
    """Cuts holes into windows of one vocabulary.

    Args:
      vocabulary: of the Task.
      level: see `Infilling`.
      reads_eos: whether the EOS of a file stands behind its last token in what is read. Not in rows in which EOS
        delimits: there it would end the prefix.
    """

    def __init__(self, vocabulary: seqio.SentencePieceVocabulary, *, level: str, reads_eos: bool = True):
        self._vocabulary = vocabulary
        self._reads_eos = reads_eos
        self._level = level
        self._ids = contract.special_ids(vocabulary.vocab_size)
        codec = prompt.Codec(vocabulary.sp_model)
        pieces = codec.piece_bytes()
        self._begins_line = tf.constant([piece[:1] == b"\n" for piece in pieces])
        # A byte of a character, and half of an escape, are no text of their own.
        escape = prompt.ESCAPE.encode()
        self._is_text = tf.constant([not codec.processor.is_byte(i) and escape not in p for i, p in enumerate(pieces)])

    def cut(
        self, tokens: tf.Tensor, file: tf.Tensor, seed: tf.Tensor, *, inputs: tf.Tensor, targets: tf.Tensor
    ) -> Hole:
        """Draws a place and a length, and takes the text around it out of the window.

        The hole begins with the line of the place. Half of the holes end with it; the lengths of the others are drawn
        uniformly up to what the targets leave room for. What is read around the hole is a random share of the inputs,
        more of it before than after.

        Args:
          tokens, file: int32 [length], a window.
          seed: int32 [2].
          inputs, targets: int32 scalars, room for all that is read and written; an eighth of the inputs, and one of
            the targets, is left at least.

        Example: [10, 11, 12, 13, 14, 15, 16] may give read [P, 11, S, 14, 15, M], written [12, 13, E] and the window
          [10, 16] with file [0, 1], where 12 and 14 begin lines
        """
        draws = tf.unstack(tf.random.stateless_uniform([6], seed))
        possible = (tf.size(tokens) >= 4) & (inputs >= 8) & (targets >= MARKERS_WRITTEN + 2)
        return tf.cond(
            possible,
            lambda: self._cut(tokens, file, draws, inputs * 7 // 8 - MARKERS_READ, targets - MARKERS_WRITTEN - 1),
            lambda: no_hole(tokens, file),
        )

    def _cut(self, tokens, file, draws, room_read, room_written):
        at = _index(draws[0], tf.size(tokens))
        mine = tf.where(tf.equal(file, file[at]))[:, 0]
        first, end = tf.cast(mine[0], tf.int32), tf.cast(mine[-1], tf.int32) + 1
        text_end = end - tf.cast(tf.equal(tokens[end - 1], contract.EOS_ID), tf.int32)
        # Of a hole that ends with its line the length is 0.
        length = tf.where(draws[5] < _TO_LINE_END, 0, 1 + _index(draws[1], room_written))
        before, middle, after = self._parts(tokens[first:text_end], tf.minimum(at, text_end) - first, length, draws[4])
        if self._reads_eos:
            after = tf.concat([after, tokens[text_end:end]], axis=0)

        # Between a third and all of the room; of that between a tenth and a half after the hole.
        context = tf.cast((1 + 2 * draws[2]) / 3 * tf.cast(room_read, tf.float32), tf.int32)
        num_after = tf.cast((0.1 + 0.4 * draws[3]) * tf.cast(context, tf.float32), tf.int32)
        num_before = tf.minimum(tf.size(before), context - tf.minimum(tf.size(after), num_after))
        num_after = tf.minimum(tf.size(after), context - num_before)
        rest_before, before = tf.split(before, [tf.size(before) - num_before, num_before])
        after, rest_after = tf.split(after, [num_after, tf.size(after) - num_after])
        marker = {name: [self._ids[name]] for name in ("fill_prefix", "fill_suffix", "fill_middle", "end_of_insertion")}
        hole = Hole(
            read=tf.concat(
                [marker["fill_prefix"], before, marker["fill_suffix"], after, marker["fill_middle"]], axis=0
            ),
            written=tf.concat([middle, marker["end_of_insertion"]], axis=0),
            tokens=tf.concat([tokens[:first], rest_before, rest_after, tokens[end:]], axis=0),
            file=tf.concat(
                [
                    file[:first],
                    tf.fill([tf.size(rest_before)], file[at]),
                    tf.fill([tf.size(rest_after)], file[at] + 1),
                    file[end:] + 1,
                ],
                axis=0,
            ),
        )
        fits = (tf.size(middle) >= 1) & (tf.size(middle) <= room_written)
        return tf.cond(fits, lambda: hole, lambda: no_hole(tokens, file))

    def _parts(self, text, at, length, draw):
        """Parts of a text: from the beginning of the line of the token `at` to a place `length` tokens after it.

        Args:
          length: 0 for the end of the line.
          draw: of the character of the last token before which a hole ends.
        """
        size = tf.size(text)
        lines = tf.cast(tf.where(tf.gather(self._begins_line, text))[:, 0], tf.int32)

        def next_line(place):
            return tf.reduce_min(tf.concat([[size], tf.boolean_mask(lines, lines >= place)], axis=0))

        def line_of(place):
            return tf.reduce_max(tf.concat([[0], tf.boolean_mask(lines, lines <= place)], axis=0))

        start = line_of(at)
        to_line_end = tf.equal(length, 0)
        stop = tf.where(to_line_end, next_line(at + 1), tf.minimum(at + length, size))
        if self._level == "line":
            stop = next_line(stop)
            return text[:start], text[start:stop], text[stop:]
        head, tail = line_of(stop), next_line(stop + 1)

        def inside_a_token():
            borders = [head, stop, stop + 1, tail]
            runs = tf.minimum([borders[1:]], tail) - tf.minimum([borders[:-1]], tail)
            # The line is encoded anew, so that each part is what the vocabulary makes of its text.
            runs = tf.RaggedTensor.from_row_lengths(text[head:tail], runs[0])
            # (One operation for all: each brings the whole vocabulary.)
            left, last, right = tf.unstack(self._vocabulary.decode_tf(runs.to_tensor()))
            last, rest_of_last = _split_text(last, draw)
            parts = self._vocabulary.encode_tf(tf.stack([left + last, rest_of_last + right]))
            middle, after = (tf.concat(ids, axis=0) for ids in ([text[start:head], parts[0]], [parts[1], text[tail:]]))
            return text[:start], middle, after

        # Where a character cannot be written as text the border stays between tokens.
        is_text = tf.reduce_all(tf.gather(self._is_text, text[head:tail]))
        return tf.cond(is_text & ~to_line_end, inside_a_token, lambda: (text[:start], text[start:stop], text[stop:]))


def no_hole(tokens: tf.Tensor, file: tf.Tensor) -> Hole:
    """A window as it was."""
    nothing = tf.zeros([0], tf.int32)
    return Hole(nothing, nothing, tokens, file)


def _split_text(text: tf.Tensor, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a text before a random character; the first one too, but not behind the last."""
    length = tf.strings.length(text, unit="UTF8_CHAR")
    at = tf.maximum(_index(draw, length), 0)
    left = tf.strings.substr(text, 0, at, unit="UTF8_CHAR")
    return left, tf.strings.substr(text, at, length - at, unit="UTF8_CHAR")


def _index(draw: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """A draw in [0, 1) as an index in [0, size)."""
    return tf.minimum(tf.cast(draw * tf.cast(size, tf.float32), tf.int32), size - 1)
