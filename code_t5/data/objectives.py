"""Token streams of whole files to what the model sees (`inputs`) and what it must write (`targets`).

Every function here is a pure tf.data transformation, so it runs in any worker. Random choices take their seed from
seqio, so an epoch can be repeated.
"""

import gin
import seqio
import tensorflow as tf
from t5.data import preprocessors as t5_preprocessors

from preprocessing.contract import EOS_ID


def append_file_end(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Puts EOS where a file ends. Features carry `add_eos=False`: an EOS anywhere else would be a lie.

    Example: {"targets": [71, 9]} -> {"targets": [71, 9, 1]}
    """

    def append(example):
        return {**example, "targets": tf.concat([example["targets"], [EOS_ID]], axis=0)}

    return dataset.map(append, num_parallel_calls=tf.data.AUTOTUNE)


@gin.configurable("delimiter", module="code_t5")
def uses_delimiter(append_eos: bool = False) -> bool:
    """Whether prefix and target each end in EOS, as decoder-only models need (`objectives/code_prefix_lm_delimited`).

    Mesh TensorFlow finds the fully visible prefix of a `delimited_lm` by counting EOS over the row, so each prefix and
    each target must hold exactly one, at its end.
    """
    return append_eos


def room(sequence_length: dict[str, int], *, delimited: bool) -> tuple[int, int]:
    """How many tokens of text fit into the inputs and into the targets.

    Raises:
      ValueError: there is no room for a token in one of them.
    """
    inputs, targets = (sequence_length[key] - delimited for key in ("inputs", "targets"))
    if min(inputs, targets) < 1:
        raise ValueError(f"utils.run.sequence_length {dict(sequence_length)} leaves no room for text")
    return inputs, targets


def split_prefix(tokens: tf.Tensor, num_prefix: tf.Tensor) -> dict[str, tf.Tensor]:
    """Cuts tokens into what the model sees and what it must write.

    Args:
      tokens: int32 [length], length >= 2.
      num_prefix: int32 scalar in [1, length).

    Returns:
      `inputs`: int32 [num_prefix]; `targets`: int32 [length - num_prefix].
      Put together in this order they are `tokens`.

    Example:
      tokens = [71, 9, 4, 33, 8], num_prefix = 2
      -> {"inputs": [71, 9], "targets": [4, 33, 8]}
    """
    return {"inputs": tokens[:num_prefix], "targets": tokens[num_prefix:]}


def delimit_example(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Ends prefix and target in EOS, a target that already does (the end of its file) excepted.

    Example:
      {"inputs": [71, 9], "targets": [4, 1]} -> {"inputs": [71, 9, 1], "targets": [4, 1]}
    """
    eos = tf.constant([EOS_ID], tf.int32)
    at_file_end = tf.equal(example["targets"][-1], EOS_ID)
    return {
        **example,
        "inputs": tf.concat([example["inputs"], eos], axis=0),
        "targets": tf.concat([example["targets"], eos[: 1 - tf.cast(at_file_end, tf.int32)]], axis=0),
    }


def cut_file(tokens: tf.Tensor, first_length: tf.Tensor, *, window: int) -> tf.data.Dataset:
    """Cuts a file into windows that follow one another: one of `first_length` tokens, then full ones, then the rest.

    Args:
      tokens: int32 [length], length >= 1.
      first_length: int32 scalar in [1, window].
      window: the most tokens in a window, at least 2.

    Returns:
      A dataset of int32 [2..window]; put together they are `tokens`. A window of a single token could not be cut into
      prefix and target: a first length of 1 counts as 0 (no short first window), and a single last token, which is the
      file's EOS, is dropped.
    """
    length = tf.size(tokens)
    first = tf.minimum(tf.where(first_length < 2, 0, first_length), length)
    starts = tf.concat([tf.range(tf.minimum(first, 1)), tf.range(first, length, window)], axis=0)
    ends = tf.concat([starts[1:], [length]], axis=0)
    keep = ends - starts >= 2
    starts, ends = tf.boolean_mask(starts, keep), tf.boolean_mask(ends, keep)
    return tf.data.Dataset.from_tensor_slices((starts, ends)).map(lambda start, end: tokens[start:end])


@gin.configurable(module="code_t5")
def code_prefix_lm(
    dataset: tf.data.Dataset,
    sequence_length: dict[str, int],
    output_features: dict[str, seqio.Feature] | None = None,
) -> tf.data.Dataset:
    """Prefix language modelling of one file at a time: what a Task gives to seqio and to t5's own pipeline.

    (Training packs, with `window_objectives.prefix_lm`.) The model reads a prefix and writes what follows. Each file is
    cut into windows of `inputs + targets` tokens, with a random phase, so that over the epochs every token is a target
    and the starts of files occur as targets too. A full window is cut where both sides are full; a shorter one at a
    random place where both sides fit.

    Args:
      dataset: elements {"targets": int32 [length]}, one file each.
      sequence_length: {"inputs": tokens, "targets": tokens}.
      output_features: taken because seqio passes it; not used.

    Returns:
      Elements {"inputs": int32 [<= inputs], "targets": int32 [<= targets]}.

    Example (inputs 3, targets 2, phase 4):
      [71, 9, 4, 33, 8, 20, 21, 22, 23, 1]
      -> [71, 9 | 4, 33] [8, 20, 21 | 22, 23], and the EOS alone is dropped
    """
    del output_features
    delimited = uses_delimiter()
    max_inputs, max_targets = room(sequence_length, delimited=delimited)
    window = max_inputs + max_targets

    @seqio.map_over_dataset(num_seeds=1)
    def draw_phase(example, seed):
        return example["targets"], tf.random.stateless_uniform([], seed, 1, window + 1, tf.int32)

    @seqio.map_over_dataset(num_seeds=1)
    def cut(tokens, seed):
        length = tf.size(tokens)
        least, most = tf.maximum(1, length - max_targets), tf.minimum(max_inputs, length - 1)
        num_prefix = tf.random.stateless_uniform([], seed, least, most + 1, tf.int32)
        example = split_prefix(tokens, num_prefix)
        return delimit_example(example) if delimited else example

    windows = draw_phase(dataset).flat_map(lambda tokens, phase: cut_file(tokens, phase, window=window))
    return cut(windows)


def objective(
    dataset: tf.data.Dataset,
    sequence_length: dict[str, int] | None = None,
    output_features: dict[str, seqio.Feature] | None = None,
) -> tf.data.Dataset:
    """The objective that gin chose: what is bound to `preprocessors.unsupervised.preprocessors`, else prefix-LM.

    That is t5's own name for it, so t5's `objectives/*.gin` work with our Tasks as well as ours do.

    Without a `sequence_length` documents stay whole, for `code_t5.packing.train_dataset`: {"inputs": the context of
    other files, if the Task gives any, "targets": the document}.
    """
    if sequence_length is None:
        return dataset.map(_whole_document, num_parallel_calls=tf.data.AUTOTUNE)
    try:
        chosen = gin.query_parameter("preprocessors.unsupervised.preprocessors")
    except ValueError:
        chosen = None
    if not chosen:
        return code_prefix_lm(dataset, sequence_length, output_features=output_features)
    return t5_preprocessors.unsupervised(dataset, output_features=output_features, sequence_length=sequence_length)


def _whole_document(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {"inputs": example.get("context", tf.zeros([0], tf.int32)), "targets": example["targets"]}
