"""A window of code to prefix and target pieces that fill both rows of a packed example.

Every function works on whole rows with stateless TensorFlow operations, so it runs in any tf.data worker and gives the
same pieces for the same seed. (In t5's entry point TensorFlow 1 is in force, where `==` compares identities: here it
is `tf.equal`.)
"""

import typing

import tensorflow as tf

from preprocessing.contract import EOS_ID


class Pieces(typing.NamedTuple):
    """What the model reads and what it writes, piece by piece.

    Attributes:
      prefixes, targets: ragged int32 [pieces, tokens], a token or more each.
    """

    prefixes: tf.RaggedTensor
    targets: tf.RaggedTensor


def cut_pieces(
    tokens: tf.Tensor, file: tf.Tensor, seed: tf.Tensor, *, inputs: tf.Tensor, targets: tf.Tensor, extra: tf.Tensor
) -> tuple[Pieces, tf.Tensor]:
    """Divides a window into prefix and target pieces in turn; every file begins with a prefix and ends with a target.

    How many tokens of a file become prefix is drawn at random, but so that the prefixes of the window together are
    exactly `inputs` tokens (fewer where its files are too many or too short for that). Within a file, cuts are drawn
    uniformly.

    Args:
      tokens: int32 [length], `length <= inputs + targets`.
      file: int32 [length], ascending: which file of the window each token belongs to. A file of one token cannot be a
        prefix and a target: it is left out, as are those for which no token of one of the rows would be left.
      seed: int32 [2].
      inputs, targets: tokens for all prefixes together, and for all targets.
      extra: int32 scalar, how many pieces more than files, at most: each falls on a random token's file, and a file has
        no more pieces than prefix tokens or target tokens.

    Returns:
      The pieces, and int32 [pieces]: the file of each, counted from 0 without those left out.

    Example (inputs 5, one file, one extra piece; the draw gave prefixes of 3 and 2, targets of 1 and 2):
      [71, 9, 4, 33, 8, 20, 21, 22] -> prefixes [[71, 9, 4], [8, 20]], targets [[33], [21, 22]]
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 5))
    enough = tf.gather(tf.math.bincount(file, dtype=tf.int32), file) >= 2
    tokens, file = tf.boolean_mask(tokens, enough), tf.boolean_mask(file, enough)
    _, file = tf.unique(file)
    fits = file < tf.minimum(inputs, targets)
    tokens, file = tf.boolean_mask(tokens, fits), tf.boolean_mask(file, fits)
    sizes = tf.math.bincount(file, dtype=tf.int32)
    num_files, left = tf.size(sizes), tf.size(tokens)

    prefixes = _prefix_sizes(sizes, tf.clip_by_value(inputs, num_files, left - num_files), seeds[:2])
    where = tf.random.stateless_uniform([tf.minimum(extra, left)], seeds[2], 0, tf.maximum(left, 1), tf.int32)
    more = tf.math.bincount(tf.gather(file, where), minlength=num_files, dtype=tf.int32)
    pieces = tf.minimum(1 + more, tf.minimum(prefixes, sizes - prefixes))
    sides = [_parts(prefixes, pieces, seeds[3]), _parts(sizes - prefixes, pieces, seeds[4])]
    parts = tf.RaggedTensor.from_row_lengths(tokens, tf.reshape(tf.stack(sides, axis=1), [-1]))
    return Pieces(parts[0::2], parts[1::2]), tf.repeat(tf.range(num_files), pieces)


def _prefix_sizes(sizes: tf.Tensor, total: tf.Tensor, seeds: list[tf.Tensor]) -> tf.Tensor:
    """Draws int32 [files], at least 1 and at most `sizes - 1` each, with that total.

    All tokens but two of each file draw lots, half of the lot drawn by the file, so that the shares of files differ
    more than tokens of their own would; the lowest lots become prefix.
    """
    free = sizes - 2
    owner = tf.repeat(tf.range(tf.size(sizes)), free)
    lots = tf.random.stateless_uniform(tf.shape(owner), seeds[0])
    lots += tf.gather(tf.random.stateless_uniform(tf.shape(sizes), seeds[1]), owner)
    chosen = tf.argsort(lots)[: total - tf.size(sizes)]
    return 1 + tf.math.bincount(tf.gather(owner, chosen), minlength=tf.size(sizes), dtype=tf.int32)


def _parts(sizes: tf.Tensor, counts: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws, for each file, one of the ways to write `sizes` as a sum of `counts` positive numbers, all alike likely.

    Args:
      sizes, counts: int32 [files], `1 <= counts <= sizes`.

    Returns:
      int32 [sum of counts], the parts of the first file, then those of the second, and so on.
    """
    owner = tf.repeat(tf.range(tf.size(sizes)), sizes)
    first = tf.gather(tf.cumsum(sizes, exclusive=True), owner)
    place = tf.range(tf.size(owner))
    # The first token of a file begins a part; of the others those with the lowest lots do.
    lots = tf.random.stateless_uniform(tf.shape(owner), seed, dtype=tf.float64)
    lots = tf.where(tf.equal(place, first), tf.zeros_like(lots), lots) + tf.cast(owner, tf.float64)
    order = tf.argsort(lots, stable=True)
    begins = tf.scatter_nd(order[:, None], tf.cast(place - first < tf.gather(counts, owner), tf.int32), tf.shape(owner))
    return tf.math.bincount(tf.cumsum(begins) - 1, dtype=tf.int32)


def delimit(pieces: Pieces) -> Pieces:
    """Ends each prefix and each target in EOS, a target that already does (the end of its file) excepted.

    Example: prefixes [[71, 9]], targets [[4, 1]] -> prefixes [[71, 9, 1]], targets [[4, 1]]
    """
    eos = tf.fill([pieces.targets.nrows(), 1], EOS_ID)
    last = tf.gather(pieces.targets.flat_values, pieces.targets.row_limits() - 1)
    open_end = tf.not_equal(last, EOS_ID)
    missing = tf.RaggedTensor.from_row_lengths(
        tf.boolean_mask(eos[:, 0], open_end), tf.cast(open_end, pieces.targets.row_splits.dtype)
    )
    return Pieces(tf.concat([pieces.prefixes, eos], axis=1), tf.concat([pieces.targets, missing], axis=1))


def pack(rows: tf.RaggedTensor, name: str, *, length: int) -> dict[str, tf.Tensor]:
    """Writes one side of the pieces in Mesh TensorFlow's packed form.

    Args:
      rows: ragged int32 [pieces, tokens], `length` tokens or less.
      name: "inputs" or "targets".
      length: of the row.

    Returns:
      int32 [length] each: NAME, NAME_segmentation (the number of the piece from 1, 0 for padding) and NAME_position
      (counted from the start of each piece).

    Example (length 6): [[71, 9, 4], [8, 20]] is
      inputs [71, 9, 4, 8, 20, 0], segmentation [1, 1, 1, 2, 2, 0], position [0, 1, 2, 0, 1, 0]
    """
    piece = tf.cast(rows.value_rowids(), tf.int32)
    starts = tf.cast(tf.gather(rows.row_starts(), piece), tf.int32)
    found = {"": rows.flat_values, "_segmentation": piece + 1, "_position": tf.range(tf.size(piece)) - starts}
    room = length - tf.size(piece)
    return {name + suffix: tf.ensure_shape(tf.pad(row, [[0, room]]), [length]) for suffix, row in found.items()}
