"""A stream of whole documents to windows of a fixed number of tokens, borders of documents marked."""

import tensorflow as tf

# Documents are laid end to end so many at a time; nothing is lost between.
_DOCUMENTS_AT_ONCE = 16


def cut_windows(documents: tf.data.Dataset, *, length: int) -> tf.data.Dataset:
    """Lays documents end to end and cuts the stream every `length` tokens.

    Args:
      documents: elements int32 [tokens], 1 token or more, EOS at the end.
      length: tokens a window.

    Returns:
      Elements (tokens int32 [length], file int32 [length]); `file` counts the documents of the window from 0. What is
      left of a finite stream at its end, less than `length` tokens, is dropped.

    Example: documents [5, 6, 1], [7, 1], [8, 9, 1] and length 4 give
      ([5, 6, 1, 7], [0, 0, 0, 1]) and ([1, 8, 9, 1], [0, 1, 1, 1])
    """

    def cut(carried, rows):
        tokens, starts = carried
        lengths = rows.row_lengths()
        begins = tf.scatter_nd(rows.row_starts()[:, None], tf.ones_like(lengths), [tf.reduce_sum(lengths)])
        tokens = tf.concat([tokens, rows.flat_values], axis=0)
        starts = tf.concat([starts, tf.cast(begins, tf.int32)], axis=0)
        whole = tf.size(tokens) // length * length
        windows = tf.reshape(tokens[:whole], [-1, length]), tf.reshape(starts[:whole], [-1, length])
        return (tokens[whole:], starts[whole:]), windows

    def number(tokens, starts):
        # A window that begins inside a document begins a piece of its own there.
        return tokens, tf.cumsum(tf.concat([[0], starts[1:]], axis=0))

    nothing = tf.zeros([0], tf.int32)
    return (
        documents.ragged_batch(_DOCUMENTS_AT_ONCE)
        .scan((nothing, nothing), cut)
        .unbatch()
        .map(number, num_parallel_calls=tf.data.AUTOTUNE)
    )
