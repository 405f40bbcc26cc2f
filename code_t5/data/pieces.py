"""A window of code to prefix and target pieces that fill both rows of a packed example.

Every function works on whole rows with stateless TensorFlow operations, so it runs in any tf.data worker and gives the
same pieces for the same seed.
"""

import tensorflow as tf


def cut_pieces(
    tokens: tf.Tensor, file: tf.Tensor, seed: tf.Tensor, *, inputs: int, extra_pieces: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Divides a window into prefix and target pieces in turn; every file begins with a prefix and ends with a target.

    How many tokens of a file become prefix is drawn at random, but so that the prefixes of the window together are
    exactly `inputs` tokens (fewer where its files are too many or too short for that). Within a file, cuts are drawn
    uniformly.

    Args:
      tokens: int32 [length], static and more than `inputs`.
      file: int32 [length], ascending: which file of the window each token belongs to. A file of one token cannot be a
        prefix and a target: it is left out, as are those for which no token of one of the rows would be left.
      seed: int32 [2].
      inputs: tokens for all prefixes together.
      extra_pieces: int32 scalar, how many pieces more than files, at most: each falls on a random token's file, and a
        file has no more pieces than prefix tokens or target tokens.

    Returns:
      `tokens` int32 [length - left out], `is_target` bool and `piece` int32 of the same shape. Pieces count from 1.

    Example (inputs 5, one file, one extra piece; the draw gave prefixes of 3 and 2, targets of 1 and 2):
      [71, 9, 4, 33, 8, 20, 21, 22] -> piece [1, 1, 1, 1, 2, 2, 2, 2], is_target [0, 0, 0, 1, 0, 0, 1, 1]
    """
    length = tokens.shape[0]
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 5))
    sizes = tf.math.bincount(file, dtype=tf.int32)
    enough = tf.gather(sizes, file) >= 2
    tokens, file = tf.boolean_mask(tokens, enough), tf.boolean_mask(file, enough)
    _, file = tf.unique(file)
    fits = file < min(inputs, length - inputs)
    tokens, file = tf.boolean_mask(tokens, fits), tf.boolean_mask(file, fits)
    sizes = tf.math.bincount(file, dtype=tf.int32)
    num_files, left = tf.size(sizes), tf.size(tokens)

    prefixes = _prefix_sizes(sizes, tf.clip_by_value(inputs, num_files, left - num_files), seeds[:2])
    targets = sizes - prefixes
    where = tf.random.stateless_uniform([extra_pieces], seeds[2], 0, left, tf.int32)
    more = tf.math.bincount(tf.gather(file, where), minlength=num_files, dtype=tf.int32)
    pieces = tf.minimum(1 + more, tf.minimum(prefixes, targets))
    parts = tf.stack([_parts(prefixes, pieces, seeds[3]), _parts(targets, pieces, seeds[4])], axis=1)
    side = tf.repeat(tf.range(tf.size(parts)), tf.reshape(parts, [-1]))
    return {"tokens": tokens, "is_target": side % 2 == 1, "piece": side // 2 + 1}


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
    lots = tf.where(place == first, tf.zeros_like(lots), lots) + tf.cast(owner, tf.float64)
    order = tf.argsort(lots, stable=True)
    begins = tf.scatter_nd(order[:, None], tf.cast(place - first < tf.gather(counts, owner), tf.int32), tf.shape(owner))
    return tf.math.bincount(tf.cumsum(begins) - 1, dtype=tf.int32)


def pack(pieces: dict[str, tf.Tensor], *, inputs: int, targets: int) -> dict[str, tf.Tensor]:
    """Writes pieces in Mesh TensorFlow's packed form.

    Args:
      pieces: of `cut_pieces`.
      inputs, targets: lengths of the rows.

    Returns:
      `inputs`, `targets` int32, with `*_segmentation` (the number of the piece, 0 for padding) and `*_position`
      (counted from the start of each piece).

    Example (inputs 5, targets 3), for the example of `cut_pieces`:
      inputs  [71, 9, 4, 8, 20], segmentation [1, 1, 1, 2, 2], position [0, 1, 2, 0, 1]
      targets [33, 21, 22], segmentation [1, 2, 2], position [0, 0, 1]
    """
    found = {}
    for name, length, mask in (
        ("inputs", inputs, tf.logical_not(pieces["is_target"])),
        ("targets", targets, pieces["is_target"]),
    ):
        piece = tf.boolean_mask(pieces["piece"], mask)
        sizes = tf.math.bincount(piece - 1, dtype=tf.int32)
        position = tf.range(tf.size(piece)) - tf.repeat(tf.cumsum(sizes, exclusive=True), sizes)
        rows = {"": tf.boolean_mask(pieces["tokens"], mask), "_segmentation": piece, "_position": position}
        for suffix, row in rows.items():
            found[name + suffix] = tf.ensure_shape(tf.pad(row, [[0, length - tf.size(row)]]), [length])
    return found
