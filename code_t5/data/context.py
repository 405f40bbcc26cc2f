"""Repository context: the tokens of related files that stand before a document.

A dataset built with `--related_kb` holds, for each document, paths and texts of related files
(`preprocessing.related_files`). Their tokens go into the cache; how many of them are laid out is decided when they are
read, by `code_t5.context.budget`. The layout is `preprocessing.prompt.context`'s, the one of prediction: what is here
is the same in TensorFlow operations, and a test holds them together.
"""

import gin
import seqio
import tensorflow as tf

from preprocessing import contract, prompt

# Of TFDS: parallel, the most related first.
TEXTS = ("related_paths", "related_texts")
# Of caches: the tokens of all rows, and of each row how many; the first is the document's own path, the others files.
ROWS, LENGTHS = "context_rows", "context_lengths"
CONTEXT = "context"


@gin.configurable("context", module="code_t5")
def context_budget(budget: int = 0) -> int:
    """The most tokens of other files before a document; 0 switches them off.

    Raises:
      ValueError: it is negative.
    """
    if budget < 0:
        raise ValueError(f"code_t5.context.budget is a number of tokens, 0 or more, got {budget}")
    return budget


def encode_rows(features: dict[str, tf.Tensor], vocabulary: seqio.Vocabulary) -> dict[str, tf.Tensor]:
    """The tokens of a document's path and related files.

    Args:
      features: `path`, string scalar, and TEXTS, strings [files].
      vocabulary: of the Task.

    Returns:
      ROWS, int32 [tokens of all rows], and LENGTHS, int32 [1 + files]: the rows that `prompt.context` makes, own first.

    Example: path "b.py", related "a.py" with "x = 1" gives rows [marker, ids of "b.py", ids of newline] and
      [marker, ids of "a.py", ids of newline and "x = 1"].
    """
    marker = contract.special_ids(vocabulary.vocab_size)["path_marker"]
    texts = tf.concat([["\n"], tf.strings.join(["\n", features[TEXTS[1]]])], axis=0)
    paths = tf.concat([[features["path"]], features[TEXTS[0]]], axis=0)
    markers = tf.fill([tf.size(paths), 1], marker)
    rows = tf.concat([markers, vocabulary.encode_tf(paths), vocabulary.encode_tf(texts)], axis=1)
    return {ROWS: rows.flat_values, LENGTHS: tf.cast(rows.row_lengths(), tf.int32)}


def context_tokens(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The preprocessor of the Tasks: lays out what gin's budget allows as the feature `context`; takes the rows off.

    Args:
      dataset: elements with ROWS and LENGTHS where there are any.

    Returns:
      Elements with `context`, int32 [<= budget], where the budget is above 0; else without.

    Raises:
      ValueError: there is a budget, but the dataset holds no related files.
    """
    budget = context_budget()
    if ROWS not in dataset.element_spec:
        if budget:
            raise ValueError(
                f"code_t5.context.budget is {budget}, but this dataset, or its cache, holds no related files: build it "
                "again with `python -m code_t5.main.build_dataset ... --related_kb 8 --overwrite`, or set the budget 0"
            )
        return dataset

    def lay_out_rows(example):
        rest = {name: value for name, value in example.items() if name not in (ROWS, LENGTHS)}
        return {**rest, CONTEXT: lay_out(example[ROWS], example[LENGTHS], budget=budget)} if budget else rest

    return dataset.map(lay_out_rows, num_parallel_calls=tf.data.AUTOTUNE)


def lay_out(rows: tf.Tensor, lengths: tf.Tensor, *, budget: int) -> tf.Tensor:
    """`prompt.lay_out_context` in TensorFlow.

    Args:
      rows: int32 [tokens], own row first, then files, the most related first.
      lengths: int32 [1 + files].
      budget: the most tokens of all.

    Returns:
      int32 [<= budget].
    """
    own, files = lengths[0], lengths[1:]
    starts = tf.cumsum(lengths, exclusive=True)[1:]
    room = budget - own
    kept = shares(files, room, least=prompt.LEAST_SHARE)[::-1]
    starts = starts[: tf.size(kept)][::-1]
    # Of each row kept: where it starts, over and over, and the place in it.
    places = tf.repeat(starts, kept) + tf.ragged.range(kept).flat_values
    found = tf.concat([tf.gather(rows, places), rows[:own]], axis=0)
    return found[: tf.where(room < 0, 0, tf.size(found))]


def shares(sizes: tf.Tensor, budget: tf.Tensor, *, least: int) -> tf.Tensor:
    """`prompt.shares` in TensorFlow: int32 [first texts] of int32 [texts]."""
    left = tf.maximum(budget, 0)
    wanted = tf.cumsum(tf.minimum(sizes, least))
    sizes = sizes[: tf.maximum(1, tf.reduce_sum(tf.cast(wanted <= left, tf.int32)))]
    rising = tf.sort(sizes)
    levels = (left - tf.cumsum(rising, exclusive=True)) // tf.range(tf.size(sizes), 0, -1)
    # The first level that a text exceeds; after it, `left` is not what is left any more.
    exceeded = tf.boolean_mask(levels, rising > levels)
    return tf.minimum(sizes, tf.concat([exceeded, [tf.int32.max]], axis=0)[0])
