"""Makes the shards of a cache: streams examples through the Task's preprocessors and writes them."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import seqio
import tensorflow as tf

from code_t5.data import cache_manifest, cache_plan, example_proto
from code_t5.data.cache_manifest import INCOMPLETE
from code_t5.data.cache_plan import SplitPlan, Unit
from preprocessing.contract import DataContractError

# TensorFlow hands examples to Python so many at a time: handing them one by one costs 50 microseconds each.
_BATCH = 64

Record = tuple[bytes, np.ndarray]  # a serialised example, and its tokens: int64 [counted features]


def make_shards(
    task: seqio.Task, plan: SplitPlan, units: Sequence[Unit], *, folder: str, progress: Callable[[int], Any]
) -> Iterator[dict[str, dict[str, Any]]]:
    """Makes units of a split, in order; the shards of each are in their places when their entries are given out.

    Args:
      units: those of the plan that are to be made, in its order.
      folder: where to.
      progress: called with 1 for each example that is written.

    Yields:
      For each unit: shard -> its entry in the manifest.

    Raises:
      DataContractError: the input has not as many examples as it says, a file of it is damaged, or examples differ in
        more than the first dimension of a feature.
    """
    counted = counted_features(task, plan)
    try:
        for unit, records in _streams(task, plan, units, counted):
            yield _write(folder, unit, records, counted, progress)
    except tf.errors.DataLossError as error:
        damaged = [path for path in task.source.list_shards(plan.split) if not _is_readable(path)]
        raise DataContractError(
            f"the input of {task.name}, split {plan.split}, is damaged: {', '.join(damaged) or error.message}. Copy it "
            "again, or make the dataset again"
        ) from error
    except tf.errors.InvalidArgumentError as error:
        if "EnsureShape" not in error.message:
            raise
        raise DataContractError(
            f"examples of {task.name}, split {plan.split}, differ in more than the first dimension of a feature, which "
            f"seqio could not read back from a cache: {error.message}"
        ) from error


def counted_features(task: seqio.Task, plan: SplitPlan) -> list[str]:
    """The output features whose tokens seqio counts: integers, and not ragged."""
    return [
        name
        for name in task.output_features
        if name in plan.features
        and plan.features[name]["dtype"] in ("int32", "int64")
        and None not in plan.features[name]["shape"][1:]
    ]


def _streams(
    task: seqio.Task, plan: SplitPlan, units: Sequence[Unit], counted: list[str]
) -> Iterator[tuple[Unit, Iterator[Record]]]:
    """The records of each unit; they must be read to their end before the next unit is asked for."""
    for run in _runs(units):
        first, last = run[0], run[-1]
        raw = cache_plan.input_dataset(task, plan.split, input_file=first.input_file)
        if first.input_file is None:
            raw = raw.skip(first.start)
            # The run up to the end of the input is not cut, so that an input that is longer than it says is noticed.
            raw = raw if last.stop == plan.num_examples else raw.take(last.stop - first.start)
        dataset = task.preprocess_precache(raw, seed=cache_plan.shard_seed(task, first.input_file or 0))
        records = _records(task, plan, dataset, counted)
        for unit in run:
            length = None if unit.input_file is not None else unit.stop - unit.start
            yield unit, itertools.islice(records, length)
        if next(records, None) is not None:
            raise DataContractError(
                f"the input of {task.name}, split {plan.split}, has more than the {plan.num_examples:,} examples that "
                "it says: make the dataset again"
            )


def _runs(units: Sequence[Unit]) -> list[list[Unit]]:
    """Puts together what can be read in one go: units that follow one another, so that nothing is skipped twice."""
    runs: list[list[Unit]] = []
    for unit in units:
        if runs and unit.input_file is None and runs[-1][-1].stop == unit.start:
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return runs


def _records(task: seqio.Task, plan: SplitPlan, dataset: tf.data.Dataset, counted: list[str]) -> Iterator[Record]:
    @tf.autograph.experimental.do_not_convert
    def record(example: example_proto.Example) -> tuple[tf.Tensor, tf.Tensor]:
        for name, value in example.items():
            if isinstance(value, tf.Tensor):
                example[name] = tf.ensure_shape(value, plan.features[name]["shape"])
        tokens = [_num_tokens(example[name], task.output_features[name].vocabulary) for name in counted]
        return example_proto.serialize(example), tf.stack(tokens) if tokens else tf.zeros([0], tf.int64)

    options = tf.data.Options()
    options.deterministic = True
    dataset = dataset.map(record, num_parallel_calls=tf.data.AUTOTUNE).batch(_BATCH).prefetch(2).with_options(options)
    for serialized, tokens in dataset:
        yield from zip(serialized.numpy(), tokens.numpy(), strict=True)


def _num_tokens(value: tf.Tensor, vocabulary: seqio.Vocabulary) -> tf.Tensor:
    counts = tf.ones_like(value, tf.bool)
    for special in (vocabulary.eos_id, vocabulary.pad_id):
        if special is not None:
            counts &= value != special
    return tf.reduce_sum(tf.cast(counts, tf.int64))


def _write(
    folder: str, unit: Unit, records: Iterator[Record], counted: list[str], progress: Callable[[int], Any]
) -> dict[str, dict[str, Any]]:
    paths = [os.path.join(folder, shard) for shard in unit.shards]
    tokens: list[list[np.ndarray]] = [[] for _ in paths]
    try:
        with contextlib.ExitStack() as stack:
            writers = [stack.enter_context(tf.io.TFRecordWriter(path + INCOMPLETE)) for path in paths]
            for (serialized, counts), i in zip(records, itertools.cycle(range(len(paths)))):
                writers[i].write(serialized)
                tokens[i].append(counts)
                progress(1)
        if unit.input_file is None and len(tokens[0]) != unit.stop - unit.start:
            raise DataContractError(
                f"the input ends after {unit.start + len(tokens[0]):,} examples, where at least {unit.stop:,} were "
                "promised: make the dataset again"
            )
    except BaseException:
        for path in paths:
            with contextlib.suppress(tf.errors.OpError):
                tf.io.gfile.remove(path + INCOMPLETE)
        raise
    entries = {}
    for shard, path, counts in zip(unit.shards, paths, tokens, strict=True):
        entries[shard] = {**cache_manifest.checksum(path + INCOMPLETE), **_totals(counts, counted)}
        tf.io.gfile.rename(path + INCOMPLETE, path, overwrite=True)
    return entries


def _totals(tokens: list[np.ndarray], counted: list[str]) -> dict[str, Any]:
    table = np.array(tokens, np.int64).reshape(len(tokens), len(counted))
    by_feature = {
        name: {"sum": int(table[:, i].sum()), "max": int(table[:, i].max())} for i, name in enumerate(counted) if tokens
    }
    return {"examples": len(tokens), "tokens": by_feature}


def _is_readable(path: str) -> bool:
    try:
        for _ in tf.data.TFRecordDataset(path).batch(1000):
            pass
    except tf.errors.DataLossError:
        return False
    return True
