"""The `_heldout` Tasks: fixed windows with a fixed cut, for bits per byte that can be compared.

Bits per byte = loss of the targets in bits / UTF-8 bytes of the targets. Unlike loss per token it does not depend on
the vocabulary. (A literal `▁` or DLE counts the bytes of its escape, see `preprocessing.prompt`.)
"""

import math
from typing import Any

import gin
import seqio
import tensorflow as tf

from code_t5.data import objectives
from preprocessing import prompt


def fixed_windows(
    dataset: tf.data.Dataset,
    sequence_length: dict[str, int],
    output_features: dict[str, seqio.Feature],
) -> tf.data.Dataset:
    """Cuts each file into windows of `inputs + targets` tokens, and each window at the same place.

    A full window is cut where the inputs are full; a shorter one (the end of a file) in the same proportion. A single
    last token is dropped.

    Args:
      dataset: elements {"targets": int32 [length]}, one file each, its EOS included.
      sequence_length: {"inputs": tokens, "targets": tokens}.

    Returns:
      Elements with `inputs`, `targets`, `targets_bytes` (int32 scalar: UTF-8 bytes that the targets stand for) and
      `targets_pretokenized` (their text).

    Example (inputs 3, targets 2): [71, 9, 4, 33, 8, 20, 21, 22, 1]
      -> [71, 9, 4 | 33, 8] [20, 21 | 22, 1]
    """
    vocabulary = output_features["targets"].vocabulary
    delimited = objectives.uses_delimiter()
    max_inputs, max_targets = objectives.room(sequence_length, delimited=delimited)
    window = max_inputs + max_targets
    codec = prompt.Codec(vocabulary.sp_model)
    byte_lengths = tf.constant([len(piece) for piece in codec.piece_bytes()], tf.int32)

    def cut(tokens):
        num_prefix = tf.maximum(1, tf.size(tokens) * max_inputs // window)
        example = objectives.split_prefix(tokens, num_prefix)
        example["targets_bytes"] = tf.reduce_sum(tf.gather(byte_lengths, example["targets"]))
        example["targets_pretokenized"] = vocabulary.decode_tf(example["targets"])
        return objectives.delimit_example(example) if delimited else example

    def windows_of(example):
        return objectives.cut_file(example["targets"], tf.constant(window), window=window)

    windows = dataset.flat_map(windows_of)
    return windows.map(cut, num_parallel_calls=tf.data.AUTOTUNE)


def bytes_or_score(value: str | float, *, example: dict, is_target: bool = False) -> float:
    """The Task's postprocessor: of a target its bytes, of a prediction the model's score (log-likelihood in nats)."""
    return float(example["targets_bytes"]) if is_target else value


def bits_per_byte(targets: list[float], scores: list[float]) -> dict[str, float]:
    """Bits per byte from t5's `score_eval.gin`.

    Args:
      targets: bytes of each example's targets.
      scores: log-likelihood of each example's targets, in nats.

    Raises:
      ValueError: run with `eval.gin`, which writes text instead of scoring it.

    Example: `bits_per_byte([2.0, 6.0], [-4.0, -4.0])` is {"bits_per_byte": 1.4427}, 8 nats over 8 bytes.
    """
    if any(isinstance(score, str) for score in scores):
        raise ValueError("a _heldout Task is scored, not decoded: use t5's score_eval.gin instead of eval.gin")
    return {"bits_per_byte": -sum(scores) / math.log(2) / sum(targets)}


@gin.configurable("scores_only", module="code_t5")
def scores_only(results: list[dict[str, Any]], vocabulary: Any) -> tuple[list[float], None]:
    """What `score_eval.gin` keeps of Mesh TensorFlow's results, in the place of its own `save_scores`.

    That one also writes the texts, and fails off TPU, where it gets them as text and takes them for ids.
    """
    del vocabulary
    return [float(result["scores"]) for result in results], None
