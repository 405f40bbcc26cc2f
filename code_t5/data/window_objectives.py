"""The objectives of packed training: a window of code to an example whose rows are full.

gin's `objectives/*.gin` choose one of them for `code_t5.packing.train_dataset`. Each says how many tokens its windows
have, so that what it adds (sentinels, EOS) fits into the rows too.
"""

import dataclasses
import functools
from collections.abc import Callable

import gin
import seqio
import tensorflow as tf

from code_t5.data import infilling, objectives, pieces
from code_t5.data.windows import Plan, Window
from preprocessing import contract


@dataclasses.dataclass(frozen=True)
class WindowObjective:
    """What a packed training set does with its windows.

    Attributes:
      least: the shortest window it plans, in tokens.
      plan: of uniform draws in [0, 1), float32 [windows, 3], the plans of the windows.
      example: of a window and a seed, int32 [2], the packed example.
    """

    least: int
    plan: Callable[[tf.Tensor], Plan]
    example: Callable[[Window, tf.Tensor], dict[str, tf.Tensor]]


@gin.configurable("pieces", module="code_t5")
@dataclasses.dataclass(frozen=True)
class PieceCounts:
    """Into how many pieces a window is cut.

    Attributes:
      whole_share: the share of windows that are not cut further than the borders of their files demand, so that their
        prefixes are as long as prompts in use: full rows, where a window lies inside one file. From 0.0 to 1.0.
      max_extra: the others get 1 to so many pieces more, all alike likely.

    Raises:
      ValueError: a value out of range.
    """

    whole_share: float = 0.5
    max_extra: int = 3

    def __post_init__(self):
        if not 0 <= self.whole_share <= 1 or self.max_extra < 1:
            raise ValueError(
                "code_t5.pieces.whole_share is a share from 0 to 1 and code_t5.pieces.max_extra is 1 or more, got "
                f"{self.whole_share} and {self.max_extra}"
            )

    def draw(self, draws: tf.Tensor) -> tf.Tensor:
        """Of float32 [windows] in [0, 1), int32 [windows]: pieces more than files."""
        cut = (draws - self.whole_share) / max(1 - self.whole_share, 1e-9)
        return tf.where(draws < self.whole_share, 0, 1 + tf.cast(cut * self.max_extra, tf.int32))


@gin.configurable("packed_prefix_lm", module="code_t5")
def prefix_lm(sequence_length: dict[str, int], vocabulary: seqio.Vocabulary) -> WindowObjective:
    """Prefix language modelling: the model reads a prefix and writes what follows, piece by piece.

    `code_t5.pieces` says how many pieces, `code_t5.infilling` how many windows have holes to fill in besides, and
    `code_t5.delimiter.append_eos` whether each prefix and each target ends in EOS.

    Args:
      sequence_length: {"inputs": tokens, "targets": tokens}.
      vocabulary: of the Task.

    Example (inputs 5, targets 3, two pieces): [71, 9, 4, 33, 8, 20, 21, 22] may become
      inputs  [71, 9, 4, 8, 20], segmentation [1, 1, 1, 2, 2], position [0, 1, 2, 0, 1]
      targets [33, 21, 22], segmentation [1, 2, 2], position [0, 0, 1]
    """
    delimited = objectives.uses_delimiter()
    objectives.room(sequence_length, delimited=delimited)
    inputs, targets = sequence_length["inputs"], sequence_length["targets"]
    counts, filling = PieceCounts(), infilling.Infilling()
    max_holes = filling.holes if filling.rate else 0
    cutter = max_holes and infilling.HoleCutter(vocabulary, level=filling.level, reads_eos=not delimited)
    markers = infilling.MARKERS_READ + infilling.MARKERS_WRITTEN

    def plan(draws):
        extra = counts.draw(draws[:, 0])
        holes = tf.where(draws[:, 1] < filling.rate, 1 + tf.cast(draws[:, 2] * filling.holes, tf.int32), 0)
        ends = 2 * (1 + extra + holes) if delimited else 0
        return Plan(inputs + targets - markers * holes - ends, extra, holes)

    def example(window, seed):
        seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 1 + max_holes))
        tokens, file = window.tokens, window.file
        read, written = inputs - tf.size(window.context), targets
        holes = []
        # The EOS of the hole itself, and those of the pieces around it, of which it may make one more.
        ends = 3 + window.plan.extra if delimited else 0
        for number, hole_seed in enumerate(seeds[1:]):
            hole = tf.cond(
                number < window.plan.holes,
                functools.partial(cutter.cut, tokens, file, hole_seed, inputs=read - ends, targets=written - ends),
                functools.partial(infilling.no_hole, tokens, file),
            )
            holes.append(hole)
            tokens, file = hole.tokens, hole.file
            end = tf.cast(delimited & (tf.size(hole.read) > 0), tf.int32)
            read, written = read - tf.size(hole.read) - end, written - tf.size(hole.written) - end
        if delimited:
            # One EOS for each prefix, and one for each target that does not end its file.
            most = tf.size(tf.unique(file)[0]) + window.plan.extra
            surely = tokens[: tf.maximum(read + written - 2 * most, 0)]
            file_ends = tf.reduce_sum(tf.cast(tf.equal(surely, contract.EOS_ID), tf.int32))
            read, written = read - most, written - most + file_ends
        length = tf.maximum(read + written, 0)
        found, _ = pieces.cut_pieces(
            tokens[:length], file[:length], seeds[0], inputs=read, targets=written, extra=window.plan.extra
        )
        found = _before_the_first(window.context, _with_holes(found, holes))
        return _packed(pieces.delimit(found) if delimited else found, inputs=inputs, targets=targets)

    least = inputs + targets - markers * max_holes - (2 * (1 + counts.max_extra + max_holes) if delimited else 0)
    return WindowObjective(least, plan, example)


@gin.configurable("packed_causal_lm", module="code_t5")
def causal_lm(sequence_length: dict[str, int], vocabulary: seqio.Vocabulary) -> WindowObjective:
    """Language modelling for decoders: the model writes all of the text, each file by itself; there are no inputs.

    Example (targets 8): [7, 8, 1, 9, 5, 6, 4, 3] of two files becomes
      targets the same, segmentation [1, 1, 1, 2, 2, 2, 2, 2], position [0, 1, 2, 0, 1, 2, 3, 4]
    """
    del vocabulary
    length = sequence_length["targets"]

    def plan(draws):
        nothing = tf.zeros_like(draws[:, 0], tf.int32)
        return Plan(nothing + length, nothing, nothing)

    def example(window, seed):
        del seed
        tokens = tf.concat([window.context, window.tokens], axis=0)
        file = tf.concat([tf.zeros_like(window.context), window.file], axis=0)
        return pieces.pack(tf.RaggedTensor.from_value_rowids(tokens, file), "targets", length=length)

    return WindowObjective(length, plan, example)


@gin.configurable("packed_span_corruption", module="code_t5")
def span_corruption(
    sequence_length: dict[str, int], vocabulary: seqio.Vocabulary, mean_span_length: float = 3.0
) -> WindowObjective:
    """T5's span corruption: spans of the text are left out, a sentinel in the place of each, and written.

    (Raffel et al., https://arxiv.org/abs/1910.10683, section 3.1.4.) How much is left out follows from the lengths, so
    that both rows come out full: 512 and 114 are T5's own 15 %. Spans end where files end; each file is a segment and
    counts its sentinels from 0.

    Args:
      sequence_length: {"inputs": tokens, "targets": tokens}.
      vocabulary: of the Task.
      mean_span_length: tokens a span, on average; longer where there would be more than 100 spans.

    Raises:
      ValueError: there is no room for a span.

    Example (inputs 7, targets 5, two spans, `<0>` and `<1>` the sentinels): [71, 9, 4, 33, 8, 20, 21, 22] may become
      inputs [71, 9, <0>, 33, 8, 20, <1>] and targets [<0>, 4, <1>, 21, 22]
    """
    inputs, targets = sequence_length["inputs"], sequence_length["targets"]
    first_sentinel = contract.special_ids(vocabulary.vocab_size)["first_sentinel"]
    spans = min(round(targets / (1 + mean_span_length)), contract.NUM_SENTINELS, inputs // 2)
    if spans < 1:
        raise ValueError(f"utils.run.sequence_length {dict(sequence_length)} has no room for a span to be left out")
    length = inputs + targets - 2 * spans

    def plan(draws):
        nothing = tf.zeros_like(draws[:, 0], tf.int32)
        return Plan(nothing + length, nothing, nothing)

    def example(window, seed):
        num_files = tf.reduce_max(window.file) + 1
        count = tf.maximum(spans, num_files)
        read, written = inputs - tf.size(window.context) - count, targets - count
        found, file = pieces.cut_pieces(
            window.tokens[: read + written], window.file[: read + written], seed,
            inputs=read, targets=written, extra=count - num_files,
        )  # fmt: skip
        first_of_file = tf.gather(tf.searchsorted(file, tf.range(tf.size(file))), file)
        sentinels = (first_sentinel - (tf.range(tf.size(file)) - first_of_file))[:, None]
        found = _before_the_first(window.context, found)
        sides = tf.concat([found.prefixes, sentinels], axis=1), tf.concat([sentinels, found.targets], axis=1)
        by_file = (tf.RaggedTensor.from_value_rowids(side, file).merge_dims(1, 2) for side in sides)
        return _packed(pieces.Pieces(*by_file), inputs=inputs, targets=targets)

    return WindowObjective(length, plan, example)


def _with_holes(found: pieces.Pieces, holes: list[infilling.Hole]) -> pieces.Pieces:
    """The holes that were cut, as pieces, and the other pieces after them."""
    prefixes, targets = [], []
    for hole in holes:
        rows = tf.cast(tf.size(hole.read) > 0, tf.int32)
        prefixes.append(tf.RaggedTensor.from_row_lengths(hole.read, tf.fill([rows], tf.size(hole.read))))
        targets.append(tf.RaggedTensor.from_row_lengths(hole.written, tf.fill([rows], tf.size(hole.written))))
    return pieces.Pieces(tf.concat([*prefixes, found.prefixes], axis=0), tf.concat([*targets, found.targets], axis=0))


def _before_the_first(context: tf.Tensor, found: pieces.Pieces) -> pieces.Pieces:
    """Puts a context before the first prefix, that of a hole where there is one."""
    prefixes = found.prefixes
    lengths = prefixes.row_lengths()
    is_first = tf.equal(tf.range(prefixes.nrows()), 0)
    lengths += tf.where(is_first, tf.size(context, lengths.dtype), tf.zeros_like(lengths))
    tokens = tf.concat([context, prefixes.flat_values], axis=0)
    return pieces.Pieces(tf.RaggedTensor.from_row_lengths(tokens, lengths), found.targets)


def _packed(found: pieces.Pieces, *, inputs: int, targets: int) -> dict[str, tf.Tensor]:
    return {
        **pieces.pack(found.prefixes, "inputs", length=inputs),
        **pieces.pack(found.targets, "targets", length=targets),
    }
