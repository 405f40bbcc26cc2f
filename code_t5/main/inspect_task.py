"""Shows what a Task or Mixture feeds to the model: examples as text, their pieces, and the share of padding.

python -m code_t5.main.inspect_task --list --data_dir DATA_DIR
python -m code_t5.main.inspect_task --task fl_py_dev --data_dir DATA_DIR

The objective is the default one, or that of the trainer's own flags --gin_location_prefix, --gin_file and --gin_param.
"""

import contextlib
import itertools
import os
from collections.abc import Iterable

import gin
import numpy as np
import seqio
import t5.models
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import flags
from mesh_tensorflow.transformer import dataset as mesh_dataset
from mesh_tensorflow.transformer import utils as mesh_utils

import code_t5  # noqa: F401 (registers the Tasks)
from code_t5.data import data_dir, mixtures, names, packing, tasks
from code_t5.main import program
from preprocessing import contract

LIST = flags.DEFINE_bool("list", False, "List the Tasks and Mixtures, and stop.")
TASK = flags.DEFINE_string("task", None, "Name of a Task or Mixture.")
SPLIT = flags.DEFINE_string("split", None, "train, or validation where there is no train split.")
NUM_EXAMPLES = flags.DEFINE_integer("num_examples", 3, "How many examples to print.")
NUM_MEASURED = flags.DEFINE_integer("num_measured", 500, "Over how many examples lengths and padding are measured.")
INPUTS = flags.DEFINE_integer("inputs_length", 512, "Tokens of the inputs.")
TARGETS = flags.DEFINE_integer("targets_length", 512, "Tokens of the targets.")
USE_CACHED = flags.DEFINE_bool("use_cached", False, "Read from a cache, see --additional_task_cache_dirs.")
CACHE_DIRS = flags.DEFINE_list("additional_task_cache_dirs", [], "Folders made by code_t5.main.cache.")
SEED = flags.DEFINE_integer("seed", 0, "Of the objective's random choices.")


def list_all() -> None:
    print(f"{'Task':<28} {'TFDS dataset':<42} source")
    for row in tasks.TABLE:
        print(f"{row.task:<28} {row.tfds_name:<42} {row.source}")
    print(
        "\nEach has `<task>_line` (line completion) and `<task>_heldout` (bits per byte), validation and test only.\n"
    )
    print(f"{'Mixture':<28} of, and their rates where --data_dir has all of them")
    for name, members in mixtures.TABLE.items():
        print(f"{name:<28} {', '.join(members)}")
        with contextlib.suppress(FileNotFoundError):  # rates are known when all its datasets are there
            print(rates(names.find(name)))


def rates(mixture: seqio.Mixture) -> str:
    """How often each Task of a Mixture is drawn: the sum of its train documents' weights, and its share of all.

    Raises:
      FileNotFoundError: the dataset of one of them is not there.
    """
    found = {task.name: mixture.get_rate(task) for task in seqio.get_subtasks(mixture)}
    return "\n".join(f"  {name:<36} {rate:>14,.1f} {rate / sum(found.values()):>7.1%}" for name, rate in found.items())


def is_packed(provider: seqio.Task | seqio.Mixture) -> bool:
    """Whether training takes its examples from `code_t5.packing.train_dataset`, and not from t5's own pipeline."""
    bound = data_dir.gin_value("preprocessors.unsupervised.preprocessors")
    return "train" in provider.splits and not bound


def packed_examples(lengths: dict[str, int], split: str) -> Iterable[dict[str, np.ndarray]]:
    """What the trainer gets, in the order of the documents."""
    options = {"shuffle": False, "use_cached": USE_CACHED.value, "seed": SEED.value}
    with gin.unlock_config():
        for name, value in options.items():
            gin.bind_parameter(f"mesh_train_dataset_fn.{name}", value)
    return tfds.as_numpy(packing.train_dataset(TASK.value, lengths, dataset_split=split, with_text_tokens=True))


def show_packed(example: dict[str, np.ndarray], vocabulary: seqio.Vocabulary) -> None:
    names_here = [name for name in ("inputs", "targets") if name in example]
    last = example["targets_segmentation"].max()
    for number in range(1, last + 1):
        for name in names_here:
            ids = example[name][example[f"{name}_segmentation"] == number].tolist()
            print(f"{name}, piece {number} of {last} ({len(ids)} tokens):\n{text_of(ids, vocabulary)}")


def text_of(ids: list[int], vocabulary: seqio.Vocabulary) -> str:
    """Text, with the names of EOS, sentinels and markers in it: they have no text of their own."""
    special = dict(enumerate(contract.reserved_pieces(), vocabulary.vocab_size - contract.NUM_RESERVED))
    special[contract.EOS_ID] = "</s>"
    runs = itertools.groupby(ids, special.get)
    return "".join(name * len(list(run)) if name else vocabulary.decode(list(run)) for name, run in runs)


def measure_packed(examples: list[dict[str, np.ndarray]], vocabulary: seqio.Vocabulary) -> None:
    """Prints pieces, padding, and the share of the documents' tokens that found no place in a row."""
    pieces = [int(example["targets_segmentation"].max()) for example in examples]
    print(f"pieces a row: mean {np.mean(pieces):.2f}, most {max(pieces)}")
    for name in ("inputs", "targets"):
        if name in examples[0]:
            print(f"{name:<8} padding: {np.mean([example[name] == 0 for example in examples]):.2%}")
    first_reserved = contract.special_ids(vocabulary.vocab_size)["first_reserved"]
    given = sum(int(example["text_tokens"]) for example in examples)
    packed = sum(
        int(packing.is_text(example[name], first_reserved).sum())
        for example in examples
        for name in ("inputs", "targets")
        if name in example
    )
    print(f"left out: {given - packed:,} of {given:,} tokens of text")


def show(example: dict[str, np.ndarray], vocabulary: seqio.Vocabulary) -> None:
    for name in ("inputs", "targets"):
        ids = example[name].tolist()
        print(f"{name} ({len(ids)} tokens):\n{text_of(ids, vocabulary)}")


def measure(examples: list[dict[str, np.ndarray]], lengths: dict[str, int]) -> None:
    """Prints lengths, and the share of padding when the examples are packed as t5's trainer packs them."""
    for name in ("inputs", "targets"):
        sizes = np.array([len(example[name]) for example in examples])
        print(f"{name:<8} tokens: mean {sizes.mean():.1f}, median {np.median(sizes):.0f}, longest {sizes.max()}")
    stream = tf.data.Dataset.from_generator(
        lambda: ({name: e[name] for name in lengths} for e in examples),
        output_signature={name: tf.TensorSpec([None], tf.int32) for name in lengths},
    )
    for label, pack in (("alone", False), ("packed", True)):
        rows = mesh_dataset.pack_or_pad(stream, lengths, pack=pack, feature_keys=tuple(lengths))
        rows = list(tfds.as_numpy(rows))
        fill = {name: np.mean([np.mean(row[name] != 0) for row in rows]) for name in lengths}
        print(f"padding, examples {label:<7}: inputs {1 - fill['inputs']:.1%}, targets {1 - fill['targets']:.1%}")


def main() -> None:
    if flags.FLAGS.gin_file or flags.FLAGS.gin_param:  # mesh_tensorflow's own flags, as the trainer takes them
        gin.add_config_file_search_path(os.path.join(os.path.dirname(t5.models.__file__), "gin"))
        mesh_utils.parse_gin_defaults_and_flags(skip_unknown=True)
    if LIST.value:
        return list_all()
    if not TASK.value:
        raise ValueError("which Task? Give --task NAME, or --list to see their names")
    seqio.add_global_cache_dirs(CACHE_DIRS.value)
    provider = names.find(TASK.value)
    split = SPLIT.value or ("train" if "train" in provider.splits else "validation")
    lengths = {"inputs": INPUTS.value, "targets": TARGETS.value}
    packed = is_packed(provider)
    dataset = (
        packed_examples(lengths, split)
        if packed
        else tfds.as_numpy(
            provider.get_dataset(
                lengths, split=split, shuffle=False, use_cached=USE_CACHED.value, seed=SEED.value, num_epochs=1
            )
        )
    )
    examples = list(itertools.islice(dataset, max(NUM_EXAMPLES.value, NUM_MEASURED.value)))
    print(f"{provider.name}, {split}, {'from the cache' if USE_CACHED.value else 'made from text'}, sizes {lengths}")
    if isinstance(provider, seqio.Mixture):
        print(f"drawn from, with the sums of their weights as rates:\n{rates(provider)}")
    vocabulary = provider.output_features["targets"].vocabulary
    for number, example in enumerate(examples[: NUM_EXAMPLES.value], start=1):
        print(f"--- example {number}")
        (show_packed if packed else show)(example, vocabulary)
    print(f"--- over {len(examples)} examples")
    measure_packed(examples, vocabulary) if packed else measure(examples, lengths)


if __name__ == "__main__":
    program.run(main)
