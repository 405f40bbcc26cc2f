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


def delimit(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
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


def cut_windows(tokens: tf.Tensor, lengths: tf.Tensor) -> tf.data.Dataset:
    """Cuts a file into windows that follow one another.

    Args:
      tokens: int32 [length], length >= 1.
      lengths: int32 [windows], each at least 2, together at least `length`; windows past the file's end are left out,
        and the last one is what remains.

    Returns:
      A dataset of int32 [2..]; put together they are `tokens`, but for a single last token, the file's EOS, which could
      not be cut into prefix and target and is dropped.

    Example: tokens = [71, 9, 4, 33, 1], lengths = [2, 2, 2, 2] -> [71, 9] [4, 33]
    """
    ends = tf.minimum(tf.cumsum(lengths), tf.size(tokens))
    starts = tf.concat([[0], ends[:-1]], axis=0)
    keep = ends - starts >= 2
    starts, ends = tf.boolean_mask(starts, keep), tf.boolean_mask(ends, keep)
    return tf.data.Dataset.from_tensor_slices((starts, ends)).map(lambda start, end: tokens[start:end])


def equal_lengths(num_tokens: tf.Tensor, window: int) -> tf.Tensor:
    """As many windows of `window` tokens as cover `num_tokens`; int32 [ceil(num_tokens / window)]."""
    return tf.fill([-(-num_tokens // window)], window)


def log_uniform_lengths(num_tokens: tf.Tensor, shortest: int, longest: int, seed: tf.Tensor) -> tf.Tensor:
    """Draws enough lengths to cover `num_tokens`; each octave of lengths is as likely as any other.

    Returns:
      int32 [num_tokens // shortest + 1], each in [shortest, longest].
    """
    octaves = tf.random.stateless_uniform(
        [num_tokens // shortest + 1], seed, tf.math.log(float(shortest)), tf.math.log(float(longest + 1))
    )
    return tf.clip_by_value(tf.cast(tf.exp(octaves), tf.int32), shortest, longest)


@gin.configurable(module="code_t5")
def code_prefix_lm(
    dataset: tf.data.Dataset,
    sequence_length: dict[str, int],
    output_features: dict[str, seqio.Feature] | None = None,
    shortest_window: int = 32,
) -> tf.data.Dataset:
    """Prefix language modelling over whole files: the model reads a prefix and writes what follows.

    Each file is cut into windows that follow one another, of log-uniform length between `shortest_window` and
    `inputs + targets` tokens, and each window at a random place where both sides fit. The trainer packs several short
    windows into a row. Short ones teach sooner where a prefix ends, long ones to use a long prefix.

    Args:
      dataset: elements {"targets": int32 [length]}, one file each.
      sequence_length: {"inputs": tokens, "targets": tokens}.
      output_features: taken because seqio passes it; not used.
      shortest_window: tokens, at least 2; sizes above `inputs + targets` count as that.

    Returns:
      Elements {"inputs": int32 [<= inputs], "targets": int32 [<= targets]}.

    Example (inputs 3, targets 2, shortest_window 2, lengths drawn 4, 2, 5):
      [71, 9, 4, 33, 8, 20, 21, 22, 23, 1]
      -> [71, 9 | 4, 33] [8 | 20] [21, 22 | 23, 1]
    """
    del output_features
    delimited = uses_delimiter()
    max_inputs, max_targets = room(sequence_length, delimited=delimited)
    longest = max_inputs + max_targets
    shortest = min(shortest_window, longest)

    @seqio.map_over_dataset(num_seeds=1)
    def draw(example, seed):
        tokens = example["targets"]
        return tokens, log_uniform_lengths(tf.size(tokens), shortest, longest, seed)

    @seqio.map_over_dataset(num_seeds=1)
    def cut(tokens, seed):
        length = tf.size(tokens)
        least, most = tf.maximum(1, length - max_targets), tf.minimum(max_inputs, length - 1)
        num_prefix = tf.random.stateless_uniform([], seed, least, most + 1, tf.int32)
        example = split_prefix(tokens, num_prefix)
        return delimit(example) if delimited else example

    return cut(draw(dataset).flat_map(cut_windows))


def objective(
    dataset: tf.data.Dataset,
    sequence_length: dict[str, int] | None = None,
    output_features: dict[str, seqio.Feature] | None = None,
) -> tf.data.Dataset:
    """The objective that gin chose: what is bound to `preprocessors.unsupervised.preprocessors`, else prefix-LM.

    That is t5's own name for it, so t5's `objectives/*.gin` work with our Tasks as well as ours do.
    """
    try:
        chosen = gin.query_parameter("preprocessors.unsupervised.preprocessors")
    except ValueError:
        chosen = None
    if not chosen:
        return code_prefix_lm(dataset, sequence_length, output_features=output_features)
    return t5_preprocessors.unsupervised(dataset, output_features=output_features, sequence_length=sequence_length)
