"""Import dropout: files as they stood before their authors had added some of the imports.

People use a name and import it afterwards, but a finished file has all imports at its top. So for each document and
epoch a cursor is drawn, and of the import statements before it those that are used first after it are left out at
random. Where the statements stand was found when the dataset was built (`preprocessing.import_spans`): what is done
here is only to select by it, before documents are packed into windows.

Train documents carry the spans as three features from TFDS through caches up to here. Held-out documents have none,
and neither have datasets and caches from before there were any: nothing is left out of them.
"""

from collections.abc import Sequence

import gin
import seqio
import tensorflow as tf

from preprocessing import prompt

# Parallel int32 features: `preprocessing.import_spans.ImportSpan`, field by field.
FEATURES = ("import_starts", "import_ends", "import_first_uses")
# Beyond the seeds that seqio gives out from one number upwards, and those of `weights`.
_SEED_OFFSET = 2_000
# What a vocabulary that changes text, or merges over the ends of lines, would betray itself by.
_PROBE = "\ufb01\t x\u00a0\r\n\n    y = 1\nimport os\n"


@gin.configurable("imports", module="code_t5")
def share_dropped(dropout_share: float = 0.0) -> float:
    """The share of import statements left out where they are not used yet; `code_t5.imports.dropout_share = 0.5`.

    Raises:
      ValueError: out of range.
    """
    if not 0 <= dropout_share <= 1:
        raise ValueError(f"code_t5.imports.dropout_share is a share from 0.0 to 1.0, got {dropout_share}")
    return float(dropout_share)


def drop_imports(dataset: tf.data.Dataset, output_features: dict[str, seqio.Feature]) -> tf.data.Dataset:
    """The preprocessor of the Tasks: leaves out imports as gin says, with seqio's seed; takes the features off.

    Args:
      dataset: elements {"targets": int32 [length], one whole file without EOS}, and FEATURES where there are any.
      output_features: for the vocabulary.

    Raises:
      ValueError: the vocabulary changes text, or has pieces with a newline inside, so that spans are not whole tokens.
    """
    if not set(FEATURES) <= set(dataset.element_spec):
        return dataset
    share = share_dropped()
    if not share:
        return dataset.map(_without_spans, num_parallel_calls=tf.data.AUTOTUNE)
    codec = prompt.Codec(output_features["targets"].vocabulary.sp_model)
    pieces = codec.piece_bytes()
    check_pieces(codec, pieces)
    byte_lengths = tf.constant([len(piece) for piece in pieces], tf.int32)

    @seqio.map_over_dataset(num_seeds=2)
    def drop(example, seeds):
        tokens = example["targets"]
        lengths = tf.gather(byte_lengths, tokens)
        cursor = tf.random.stateless_uniform([], seeds[0], 0, tf.reduce_sum(lengths) + 1, tf.int32)
        spans = [tf.cast(example[name], tf.int32) for name in FEATURES]
        chosen = tf.random.stateless_uniform(tf.shape(spans[0]), seeds[1]) < share
        keep = kept_tokens(lengths, *spans, cursor=cursor, chosen=chosen)
        return {**_without_spans(example), "targets": tf.boolean_mask(tokens, keep)}

    seed = seqio.utils._NEXT_MAP_SEED
    with seqio.utils.map_seed_manager(None if seed is None else seed + _SEED_OFFSET):
        return drop(dataset)


def kept_tokens(
    lengths: tf.Tensor,
    starts: tf.Tensor,
    ends: tf.Tensor,
    first_uses: tf.Tensor,
    *,
    cursor: tf.Tensor,
    chosen: tf.Tensor,
) -> tf.Tensor:
    """Which tokens of a file stay.

    Args:
      lengths: int32 [tokens], the bytes of each.
      starts, ends, first_uses: int32 [spans], in bytes; spans do not overlap and begin and end between tokens.
      cursor: int32 scalar, in bytes.
      chosen: bool [spans], whether the draw is against it.

    Returns:
      bool [tokens]: False inside of spans that are chosen, end at the cursor or before it, and are first used at the
      cursor or after it.

    Example: lengths [2, 4, 3, 1], one chosen span 2..6 first used at 9. Cursors 6 to 9 give [True, False, True, True],
      others True everywhere.
    """
    gone = chosen & (ends <= cursor) & (first_uses >= cursor)
    token_starts = tf.cumsum(lengths, exclusive=True)
    edges = tf.concat([tf.boolean_mask(starts, gone), tf.boolean_mask(ends, gone)], axis=0)
    num_gone = tf.size(edges) // 2
    steps = tf.concat([tf.ones([num_gone], tf.int32), -tf.ones([num_gone], tf.int32)], axis=0)
    # A span at the end of the file ends behind the last token.
    places = tf.searchsorted(token_starts, edges)
    inside = tf.cumsum(tf.math.unsorted_segment_sum(steps, places, tf.size(lengths) + 1))
    # t5's entry point switches off `==` of tensors, which would compare identities.
    return tf.equal(inside[:-1], 0)


def check_pieces(codec: prompt.Codec, pieces: Sequence[bytes]) -> None:
    """Raises ValueError where the bytes of tokens are not the file's, or a newline stands inside of a piece."""
    inside = [i for i, piece in enumerate(pieces) if b"\n" in piece[1:]]
    if inside or b"".join(pieces[i] for i in codec.encode(_PROBE)) != prompt.escape(_PROBE).encode():
        found = f"piece {inside[0]} has a newline inside" if inside else "it does not keep every byte of a text"
        raise ValueError(
            f"import dropout needs a vocabulary whose tokens are the file's bytes, newlines first; of this one {found}."
            " Make one with `python -m preprocessing.vocabulary`, or switch the dropout off, "
            '--gin_param="code_t5.imports.dropout_share = 0.0"'
        )


def _without_spans(example: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: value for name, value in example.items() if name not in FEATURES}
