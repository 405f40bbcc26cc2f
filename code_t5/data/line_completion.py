"""The `_line` Tasks: a cursor inside a line, the text before it, and the rest of the line.

One example a file, always the same one: the line and the place in it are drawn by a hash of the file's text. The
cursor stands at the end of a lexical token (a word or a punctuation mark), where people ask for completions, and the
rest of the line holds at least one more.
"""

import seqio
import tensorflow as tf

from code_t5.data import objectives
from completion import metrics
from preprocessing import prompt

# A word, or one mark of punctuation. (RE2 syntax: \pL is any letter, \pN any digit.)
_LEXICAL_TOKEN = r"([\pL\pN_]+|[^\pL\pN_\s])"
# Two of them: words with white space between them, a mark and anything after it, or anything and a mark after it.
_TWO_TOKENS = r".*([\pL\pN_]\s+[\pL\pN_]|[^\pL\pN_\s]\s*\S|\S\s*[^\pL\pN_\s]).*"
# Marks the end of each lexical token while a line is taken apart; no document holds a NUL byte.
_MARK = "\x00"


def has_cursor(content: tf.Tensor) -> tf.Tensor:
    """Whether any line of a file has two lexical tokens, so that a cursor can stand between them. Scalar bool."""
    return tf.reduce_any(tf.strings.regex_full_match(tf.strings.split(content, "\n"), _TWO_TOKENS))


def cut_at_cursor(content: tf.Tensor, number: int = 0) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws a line and a cursor by the hash of the text.

    Args:
      content: scalar string for which `has_cursor` is true.
      number: each gives a draw of its own; 0 is that of the `_line` Tasks.

    Returns:
      The text before the cursor, and the rest of its line without the newline (and without a carriage return).

    Example: of "import os\\nreturn os.path\\n" one of
      ("import", " os"), ("import os\\nreturn", " os.path"), ("import os\\nreturn os", ".path"), ...
    """
    lines = tf.strings.split(content, "\n")
    marked = tf.strings.regex_replace(lines, _LEXICAL_TOKEN, rf"\1{_MARK}")
    parts = tf.strings.split(marked, _MARK)  # ragged: after the last token of a line there is always one more part
    num_cuts = tf.cast(parts.row_lengths(), tf.int32) - 2
    candidates = tf.squeeze(tf.where(num_cuts > 0), axis=1)
    seed = tf.stack([tf.strings.to_hash_bucket_fast(content, 2**31 - 1), tf.cast(number, tf.int64)])
    draws = tf.random.stateless_uniform([2], seed)
    line = candidates[_index(draws[0], tf.size(candidates))]
    cut = 1 + _index(draws[1], num_cuts[line])
    before = tf.concat([lines[:line], [tf.strings.reduce_join(parts[line][:cut])]], axis=0)
    rest = tf.strings.reduce_join(parts[line][cut:])
    return tf.strings.reduce_join(before, separator="\n"), tf.strings.regex_replace(rest, r"\r$", "")


def _index(draw: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """A draw in [0, 1) as an index in [0, size)."""
    return tf.minimum(tf.cast(draw * tf.cast(size, tf.float32), tf.int32), size - 1)


def line_examples(
    dataset: tf.data.Dataset,
    sequence_length: dict[str, int] | None,
    output_features: dict[str, seqio.Feature],
) -> tf.data.Dataset:
    """Makes one line completion of each file that has a line with two lexical tokens.

    Args:
      dataset: elements {"content": scalar string}.
      sequence_length: cuts the prompt on the left, and the target on the right; None keeps both whole.

    Returns:
      Elements with `inputs` and `targets` (int32, no EOS unless the objective delimits), and their texts as
      `inputs_pretokenized` and `targets_pretokenized`.
    """
    vocabulary = output_features["inputs"].vocabulary
    delimited = objectives.uses_delimiter()
    max_inputs, max_targets = objectives.room(sequence_length, delimited=delimited) if sequence_length else (None, None)

    def to_example(features):
        before, rest = cut_at_cursor(features["content"])
        inputs, targets = vocabulary.encode_tf(before), vocabulary.encode_tf(rest)
        if max_inputs:
            inputs, targets = inputs[-max_inputs:], targets[:max_targets]
        example = {
            "inputs": inputs,
            "inputs_pretokenized": before,
            "targets": targets,
            "targets_pretokenized": rest,
        }
        return objectives.delimit_example(example) if delimited else example

    dataset = dataset.filter(lambda features: has_cursor(features["content"]))
    return dataset.map(to_example, num_parallel_calls=tf.data.AUTOTUNE)


def first_line(text: str, *, example=None, is_target: bool = False) -> str:
    """The Task's postprocessor: a prediction ends before its first newline; a target has none."""
    del example, is_target
    return prompt.first_line(text)


def exact_match(targets: list[str], predictions: list[str]) -> dict[str, float]:
    """`exact_match` in percent, see `completion.metrics`."""
    return {"exact_match": metrics.line_completion(targets, predictions)["exact_match"]}


def edit_similarity(targets: list[str], predictions: list[str]) -> dict[str, float]:
    """`edit_similarity`, 0 to 100, see `completion.metrics`."""
    return {"edit_similarity": metrics.line_completion(targets, predictions)["edit_similarity"]}
