"""A stream of whole documents to windows, borders of documents marked."""

import typing
from collections.abc import Callable

import tensorflow as tf

# Documents are laid end to end so many at a time; nothing is lost between.
_DOCUMENTS_AT_ONCE = 16


class Plan(typing.NamedTuple):
    """What a window is to become, decided before it is cut, because it says how many tokens it may have.

    Attributes:
      length: int32, tokens.
      extra: int32, pieces more than files.
      holes: int32, how many parts of the text are to be filled in.
    """

    length: tf.Tensor
    extra: tf.Tensor
    holes: tf.Tensor


class Window(typing.NamedTuple):
    """A stretch of the stream.

    Attributes:
      tokens: int32 [length].
      file: int32 [length], counts the documents of the window from 0.
      context: int32 [tokens of other files that stand before the first]; of a window of one document only.
      plan: that of the window.
    """

    tokens: tf.Tensor
    file: tf.Tensor
    context: tf.Tensor
    plan: Plan


def cut_windows(
    documents: tf.data.Dataset,
    plans: Callable[[tf.Tensor, tf.Tensor], Plan],
    *,
    least: int,
    with_contexts: bool = False,
) -> tf.data.Dataset:
    """Lays documents end to end and cuts the stream into windows.

    A document with a context gives windows of its own first, each with the context before it and as many tokens less;
    what is left of it goes to the stream, without.

    Args:
      documents: elements {"targets": int32 [tokens], EOS at the end; "inputs": int32 [tokens], the context}.
      plans: of the number of the first window, int64, and a count, int32: the plans of so many windows from there on.
      least: the shortest length that a plan may have.
      with_contexts: whether there are contexts; slower, because documents go one by one.

    Returns:
      Elements `Window`. What is left of a finite stream at its end, less than a window, is dropped.

    Example: documents [5, 6, 1], [7, 1], [8, 9, 1] and lengths of 4 give
      tokens [5, 6, 1, 7], file [0, 0, 0, 1] and tokens [1, 8, 9, 1], file [0, 1, 1, 1]
    """

    def cut(tokens, starts, context, number):
        """The windows in a stretch of tokens, how many tokens they take, and the number of the window after them."""
        held = tf.size(context)
        plan = plans(number, tf.size(tokens) // tf.maximum(least - held, 2))
        lengths = tf.maximum(plan.length - held, 2)
        count = tf.reduce_sum(tf.cast(tf.cumsum(lengths) <= tf.size(tokens), tf.int32))
        lengths = lengths[:count]
        taken = tf.reduce_sum(lengths)
        plan = Plan(lengths, plan.extra[:count], plan.holes[:count])
        rows = [tf.RaggedTensor.from_row_lengths(part[:taken], lengths) for part in (tokens, starts)]
        contexts = tf.RaggedTensor.from_row_lengths(tf.tile(context, [count]), tf.fill([count], held))
        return Window(*rows, contexts, plan), taken, number + tf.cast(count, tf.int64)

    def step(carried, documents):
        tokens, starts, number = carried
        found = []
        rows = documents["targets"]
        if with_contexts:
            context, document = documents["inputs"].flat_values, rows.flat_values
            own = document[: tf.where(tf.size(context) > 0, tf.size(document), 0)]
            windows, taken, number = cut(own, tf.zeros_like(own), context, number)
            found.append(windows)
            rows = tf.RaggedTensor.from_row_lengths(document[taken:], [tf.size(document) - taken])
        first_of_document = tf.gather(rows.row_starts(), rows.value_rowids())
        position = tf.range(tf.size(rows.flat_values, tf.int64))
        begins = tf.equal(position, tf.cast(first_of_document, tf.int64))
        tokens = tf.concat([tokens, rows.flat_values], axis=0)
        starts = tf.concat([starts, tf.cast(begins, tf.int32)], axis=0)
        windows, taken, number = cut(tokens, starts, tf.zeros([0], tf.int32), number)
        found.append(windows)
        merged = tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *found)
        return (tokens[taken:], starts[taken:], number), merged

    def count_files(window):
        # A window that begins inside a document begins a piece of its own there.
        return window._replace(file=tf.cumsum(tf.concat([[0], window.file[1:]], axis=0)))

    nothing = tf.zeros([0], tf.int32)
    return (
        documents.ragged_batch(1 if with_contexts else _DOCUMENTS_AT_ONCE)
        .scan((nothing, nothing, tf.zeros([], tf.int64)), step)
        .unbatch()
        .map(count_files, num_parallel_calls=tf.data.AUTOTUNE)
    )
