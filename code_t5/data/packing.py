"""The training set of gin's `utils.run.train_dataset_fn`: whole documents to packed examples with full rows."""

import random
from collections.abc import Callable

import gin
import numpy as np
import seqio
import tensorflow as tf

from code_t5.data import context, data_dir, names, service, window_objectives, windows
from code_t5.data import reading as reading_lib
from preprocessing import contract

# Windows of one document follow one another: so many are mixed, about 8 MB of them at 512 + 512 tokens.
_MIXED_WINDOWS = 2_000
# Between the seeds of two passes, and of two parts: primes, so that those of small seeds do not meet.
_EPOCH_SEEDS, _SHARD_SEEDS = 1_000_003, 15_485_863
_STOCK = "t5.models.mesh_transformer.mesh_train_dataset_fn"


@gin.configurable(module="code_t5.packing", denylist=["epoch", "shard_info", "with_text_tokens"])
def train_dataset(
    mixture_or_task_name: str,
    sequence_length: dict[str, int],
    vocabulary: seqio.Vocabulary | None = None,
    dataset_split: str = "train",
    objective: Callable[..., window_objectives.WindowObjective] = window_objectives.prefix_lm,
    *,
    epoch: int | None = None,
    shard_info: seqio.ShardInfo | None = None,
    with_text_tokens: bool = False,
) -> tf.data.Dataset:
    """Packed training examples without padding: one pass over the documents, or as many as are asked for.

    The Task's or Mixture's documents, mixed, are laid end to end and cut into windows; the windows are mixed, and each
    is made an example by the objective. Whether the documents come from a cache, in which order and with which seed
    stands where t5's users put it: `mesh_train_dataset_fn.use_cached`, `.shuffle` and `.seed`.

    Args:
      mixture_or_task_name: whose documents.
      sequence_length: {"inputs": tokens, "targets": tokens}.
      vocabulary: taken because Mesh TensorFlow passes it; the Task's own is used.
      dataset_split: "train", or another split.
      objective: of `window_objectives`.
      epoch: the number of a pass, which has an order and draws of its own; None for one after the other without end.
        A pass over a Mixture has as many documents as its members have together, drawn by their rates. A data service
        has no passes: one that a worker left without a word would never end.
      shard_info: the part of the documents to take, and of how many; None for all of them. A part has an order and
        draws of its own, too.
      with_text_tokens: for inspection, see the result.

    Returns:
      Elements in Mesh TensorFlow's packed form: `targets`, `targets_segmentation`, `targets_position`, and the same of
      `inputs` where the objective has any; int32 [tokens] each. With `with_text_tokens` also `text_tokens`, int32: how
      many the window had (`is_text`), of which the example may have left out some.

    Raises:
      ValueError: no such Task or Mixture, gin binds what only t5's own function uses, or a pass is asked of a service.
    """
    del vocabulary
    _check_bindings(sequence_length)
    source = names.find(mixture_or_task_name)
    shuffle = data_dir.gin_value("mesh_train_dataset_fn.shuffle") is not False
    seed = data_dir.gin_value("mesh_train_dataset_fn.seed")
    seed = random.randrange(2**31) if seed is None else int(seed)
    seed = (seed + _EPOCH_SEEDS * (epoch or 0) + _SHARD_SEEDS * (shard_info.index if shard_info else 0)) % 2**31
    reading = reading_lib.Reading()
    is_mixture = isinstance(source, seqio.Mixture)
    dispatcher = None if shard_info else service.address()
    if dispatcher and epoch is not None:
        raise ValueError(f"epoch = {epoch}: the data service at {dispatcher} gives examples without end")
    with reading.of_tfds(shared=bool(dispatcher)):
        documents = source.get_dataset(
            None,
            split=dataset_split,
            use_cached=bool(data_dir.gin_value("mesh_train_dataset_fn.use_cached")),
            shuffle=shuffle,
            seed=seed,
            num_epochs=None if epoch is None or is_mixture else 1,
            shard_info=shard_info,
            # Where the input stands is saved with each snapshot, and would hold all documents.
            try_in_mem_cache=False,
            **({"log_mixing_proportions": False} if is_mixture else {}),
        )
    if epoch is not None and is_mixture:
        count = sum(task.num_input_examples(dataset_split) for task in seqio.get_subtasks(source))
        documents = documents.take(count // (shard_info.num_shards if shard_info else 1))
    if dispatcher and shuffle:
        documents = service.in_an_order_of_each_worker(documents)
    own_vocabulary = source.output_features["targets"].vocabulary
    vocab_size = own_vocabulary.vocab_size
    examples = pack_documents(
        documents,
        objective(sequence_length, own_vocabulary),
        seed=seed,
        shuffle=shuffle,
        with_contexts=context.context_budget() > 0,
        first_reserved=contract.special_ids(vocab_size)["first_reserved"] if with_text_tokens else None,
    )
    if dispatcher:
        examples = service.distribute(examples, dispatcher, job_name=f"{source.name}-{seed}")
    return reading.limit(examples)


def pack_documents(
    documents: tf.data.Dataset,
    objective: window_objectives.WindowObjective,
    *,
    seed: int,
    shuffle: bool = True,
    with_contexts: bool = False,
    first_reserved: int | None = None,
) -> tf.data.Dataset:
    """Packs documents: the i-th window is planned, and cut into pieces, by the seed and i alone.

    Args:
      documents: elements {"targets": int32 [tokens], "inputs": int32 [tokens of the context]}.
      objective: what becomes of a window.
      seed: of all draws.
      shuffle: whether windows are mixed.
      with_contexts: whether documents have contexts.
      first_reserved: the lowest id that is no text; where given, examples tell the `text_tokens` of their windows.
    """

    def plans(number, count):
        seeds = tf.stack([tf.constant(seed, tf.int64), number])
        return objective.plan(tf.random.stateless_uniform([count, 3], seeds))

    def example(number, window):
        # The plans' seeds are small numbers after the first; these are beyond them.
        packed = objective.example(window, tf.stack([tf.constant(seed, tf.int64) + 2**32, number]))
        if first_reserved is not None:
            tokens = tf.concat([window.context, window.tokens], axis=0)
            packed["text_tokens"] = tf.reduce_sum(tf.cast(is_text(tokens, first_reserved), tf.int32))
        return packed

    cut = windows.cut_windows(documents, plans, least=objective.least, with_contexts=with_contexts)
    if shuffle:
        cut = cut.shuffle(_MIXED_WINDOWS, seed=seed, reshuffle_each_iteration=True)
    return cut.enumerate().map(example, num_parallel_calls=tf.data.AUTOTUNE)


def is_text(ids: tf.Tensor | np.ndarray, first_reserved: int) -> tf.Tensor | np.ndarray:
    """Which ids are pieces of text: no padding, no EOS, no reserved piece."""
    return (ids > contract.EOS_ID) & (ids < first_reserved)


def _check_bindings(sequence_length: dict[str, int]) -> None:
    """Refuses gin bindings that this function would pass over in silence, or that leave no room for text.

    Raises:
      ValueError: there is one.
    """
    if data_dir.gin_value("preprocessors.unsupervised.preprocessors"):
        raise ValueError(
            "gin binds preprocessors.unsupervised.preprocessors, an objective of t5's (objectives/prefix_lm.gin or "
            "another): packed training does not use it. Train with t5's own pipeline, "
            f'--gin_param="utils.run.train_dataset_fn = @{_STOCK}", or leave that file out and choose one of '
            "gin_configs/objectives/"
        )
    if data_dir.gin_value("mesh_train_dataset_fn.pack") is False:
        raise ValueError(
            "mesh_train_dataset_fn.pack = False: packed training cannot do without packing. Train with t5's own "
            f'pipeline, --gin_param="utils.run.train_dataset_fn = @{_STOCK}"'
        )
    if 2 * context.context_budget() > sequence_length["inputs"]:
        raise ValueError(
            f"code_t5.context.budget = {context.context_budget()} takes more than half of the "
            f"{sequence_length['inputs']} tokens of the inputs (utils.run.sequence_length): make it smaller"
        )
