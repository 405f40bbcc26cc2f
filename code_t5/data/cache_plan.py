"""What a Task's cache will consist of, decided before it is made, from the input alone.

A cache is made unit by unit. Where all preprocessors before the placeholder look at one example at a time, a unit is a
run of input examples, and makes one shard. Where they do not (they batch, filter, or draw random numbers), a unit is
one file of the input, as it is for seqio's own cacher, and makes several shards in turn.
"""

import concurrent.futures
import dataclasses
import hashlib
import importlib
import inspect
import math
import os
import types
from typing import Any

import numpy as np
import seqio
import tensorflow as tf

from code_t5.data import cache_manifest, code_digest, example_proto
from preprocessing import contract

# Readers open 16 files at once (`seqio.FileDataSource`'s cycle_length); fewer would shuffle less, or leave some idle.
MIN_SHARDS = 16
# Read in a second, made in some ten seconds by a few cores: that much work is lost when a run is killed.
SHARD_BYTES = 32_000_000
# So many examples tell the bytes of an example, and stand for the content in the digest.
PROBE_EXAMPLES = 50
_READABLE = ("int32", "int64", "bool", "float32", "string")
_ONE_BY_ONE = ("MapDataset", "ParallelMapDataset", "PrefetchDataset", "OptionsDataset")


@dataclasses.dataclass(frozen=True)
class Unit:
    """What is made in one go and does not depend on other units.

    Attributes:
      shards: names of the files, examples go to them in turn.
      input_file: the number of a file of the input, None where the unit is a run of examples.
      start, stop: the run, counted over the whole split; 0, 0 for a file.
    """

    shards: tuple[str, ...]
    input_file: int | None = None
    start: int = 0
    stop: int = 0


@dataclasses.dataclass(frozen=True)
class SplitPlan:
    """One split of the cache.

    Attributes:
      split: its name.
      num_examples: of the input.
      units: in the order of the input.
      features: name -> {"shape", "dtype"}, as in seqio's `info.<split>.json`.
      made_of: this split's part of the manifest's.
    """

    split: str
    num_examples: int
    units: tuple[Unit, ...]
    features: dict[str, dict[str, Any]]
    made_of: dict[str, str | int]

    @property
    def shards(self) -> list[str]:
        return sorted(shard for unit in self.units for shard in unit.shards)

    def info(self) -> dict[str, Any]:
        """What seqio writes into `info.<split>.json`."""
        return {"num_shards": len(self.shards), "features": self.features, "seqio_version": seqio.__version__}


def plan_split(task: seqio.Task, split: str) -> SplitPlan:
    """Reads the head of a split and decides on its units.

    Raises:
      ValueError: an example has a feature that a cache cannot hold.
    """
    raw = input_dataset(task, split)
    num_examples = _num_examples(task, split, raw)
    head = raw.take(PROBE_EXAMPLES)
    dataset = task.preprocess_precache(head, seed=shard_seed(task, 0))
    one_by_one = is_one_by_one(head, dataset)
    features, probe = _probe(task, dataset)
    size = sum(map(len, probe)) / max(1, min(PROBE_EXAMPLES, num_examples)) * num_examples
    num_shards = max(MIN_SHARDS, math.ceil(size / SHARD_BYTES))
    if one_by_one:
        num_shards = max(1, min(num_shards, num_examples))
        num_units = num_shards
    else:
        num_units = len(task.source.list_shards(split))
        num_shards = num_units * math.ceil(num_shards / num_units)
    prefix = seqio.utils.get_cached_tfrecord_prefix("", split)
    names = [f"{prefix}-{i:05d}-of-{num_shards:05d}" for i in range(num_shards)]
    if one_by_one:
        bounds = [i * num_examples // num_shards for i in range(num_shards + 1)]
        units = [Unit((names[i],), None, bounds[i], bounds[i + 1]) for i in range(num_shards)]
    else:
        units = [Unit(tuple(names[i::num_units]), i) for i in range(num_units)]
    made_of = {
        f"{split}: input files": _input_digest(task.source, split),
        f"{split}: input examples": num_examples,
        f"{split}: first examples": hashlib.sha256(b"".join(probe)).hexdigest(),
        f"{split}: shards": num_shards,
    }
    return SplitPlan(split, num_examples, tuple(units), features, made_of)


def made_of(task: seqio.Task) -> dict[str, str | int]:
    """What determines the content besides the input: versions, code, vocabularies."""
    libraries = ("seqio", "tensorflow", "tensorflow_text", "tensorflow_datasets")
    step = task._cache_step_idx
    reading = [value for value in vars(task.source).values() if isinstance(value, types.FunctionType)]
    return {
        **{f"version of {name}": importlib.import_module(name).__version__ for name in libraries},
        "code of the preprocessors": code_digest.code_digest(
            *task.preprocessors[:step], type(task.source).get_dataset, *reading
        ),
        **{
            f"vocabulary of {name}": code_digest.vocabulary_digest(feature.vocabulary)
            for name, feature in task.output_features.items()
        },
    }


def input_dataset(task: seqio.Task, split: str, *, input_file: int | None = None) -> tf.data.Dataset:
    """The examples of a split, or of one of its files, as the Task's source gives them, in its order."""
    shard_info = None
    if input_file is not None:
        shard_info = seqio.ShardInfo(index=input_file, num_shards=len(task.source.list_shards(split)))
    is_function = isinstance(task.source, seqio.FunctionDataSource)
    seeded = is_function and "seed" in inspect.signature(task.source._dataset_fn).parameters
    seed = shard_seed(task, 0) if seeded else None
    options = tf.data.Options()
    # When a dataset ends, autotuning sleeps on until its next turn, for up to as long again as it has run, at most a
    # minute. Without it up to 16 threads work on each step.
    options.autotune.enabled = len(os.sched_getaffinity(0)) > 16
    dataset = task.source.get_dataset(split=split, shuffle=False, shard_info=shard_info, seed=seed)
    return dataset.with_options(options)


def shard_seed(task: seqio.Task, index: int) -> int:
    """The seed that `seqio.beam_utils.PreprocessTask` gives to the preprocessors for a file of the input."""
    digest = hashlib.md5(f"{task.name}shard{index}".encode()).digest()
    seed = int.from_bytes(digest, "little")
    return seed if seed < 2**63 else int.from_bytes(digest[:7], "little")


def is_one_by_one(raw: tf.data.Dataset, dataset: tf.data.Dataset) -> bool:
    """Whether `dataset` is `raw` with nothing but maps between: one example for each, whatever stands beside it.

    Example: True for `raw.map(f).map(g)`, False for `raw.filter(f)`, `raw.batch(2)` and `zip(raw, random_numbers)`.
    """
    while dataset is not raw:
        inputs = dataset._inputs()
        if type(dataset).__name__.lstrip("_") not in _ONE_BY_ONE or len(inputs) != 1:
            return False
        dataset = inputs[0]
    return True


def _num_examples(task: seqio.Task, split: str, raw: tf.data.Dataset) -> int:
    known = task.source.num_input_examples(split)
    # TFDS's number for "unknown" becomes infinity in seqio.
    if known is not None and math.isfinite(known):
        return int(known)
    return int(raw.reduce(np.int64(0), lambda count, _: count + 1))


def _probe(task: seqio.Task, dataset: tf.data.Dataset) -> tuple[dict[str, dict[str, Any]], list[bytes]]:
    """What is to be written of features, and all examples of a dataset, serialised."""
    for name, spec in dataset.element_spec.items():
        if not isinstance(spec, tf.TensorSpec | tf.RaggedTensorSpec) or spec.dtype.name not in _READABLE:
            dtype = getattr(spec, "dtype", None)
            raise ValueError(
                f"Task {task.name} makes a feature {name!r} ({type(spec).__name__}, {dtype and dtype.name}) that seqio "
                f"could not read back from a cache: it reads dense and ragged tensors of {', '.join(_READABLE)}"
            )
    features, records = {}, []

    @tf.autograph.experimental.do_not_convert
    def with_record(example: example_proto.Example) -> tuple[example_proto.Example, tf.Tensor]:
        return example, example_proto.serialize(example)

    for example, record in dataset.map(with_record):
        features = features or {name: _feature(value) for name, value in example.items()}
        records.append(record.numpy())
    return features or {name: _feature(spec) for name, spec in dataset.element_spec.items()}, records


def _feature(value: tf.Tensor | tf.RaggedTensor | tf.TensorSpec | tf.RaggedTensorSpec) -> dict[str, Any]:
    shape = value.shape.as_list()
    return {"shape": [None, *shape[1:]] if shape else [], "dtype": value.dtype.name}


def _input_digest(source: seqio.DataSource, split: str) -> str:
    """SHA-256, in hex, of the names and contents of the input's files; of the names alone where they are no files."""
    paths = list(source.list_shards(split))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        digests = list(pool.map(_file_digest, paths))
    return contract.canonical_digest(
        [[os.path.basename(path), digest] for path, digest in zip(paths, digests, strict=True)]
    )


def _file_digest(path: str) -> str | None:
    return cache_manifest.checksum(path)["sha256"] if tf.io.gfile.exists(path) else None
