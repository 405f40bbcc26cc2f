"""How full are the rows that a training pipeline makes, and how many tokens a second come out of it? In one process.

python -m benchmarks.pipeline_rows --data_dir DATA_DIR --windows 1000
"""

import argparse
import json
import pathlib
import time

import gin
import mesh_tensorflow
import numpy as np
import seqio
import t5
import tensorflow as tf
from t5.models import mesh_transformer

from benchmarks import input_turns, timed_training  # noqa: F401 (gin needs their names)
from benchmarks.measure import ROOT
from benchmarks.training_variants import PACKED, STOCK, Settings, gin_layers

LENGTHS = ((128, 128), (512, 512), (512, 128))
BATCH_SIZE = 16


def dataset_of(settings: Settings, lengths: dict[str, int]) -> tf.data.Dataset:
    """The training set of a variant, as t5's program would make it."""
    packages = (pathlib.Path(package.__file__).parent for package in (mesh_tensorflow, t5))
    defaults, t5s = (
        package / folder for package, folder in zip(packages, ("transformer/gin", "models/gin"), strict=True)
    )
    gin.clear_config()
    for folder in (t5s, ROOT / "gin_configs"):
        gin.add_config_file_search_path(str(folder))
    gin.parse_config_file(str(defaults / "defaults.gin"))
    files, params = gin_layers(settings)
    gin.parse_config_files_and_bindings(files, params, skip_unknown=mesh_transformer.DEPRECATED_GIN_REFERENCES)
    make = gin.query_parameter("utils.run.train_dataset_fn").scoped_configurable_fn
    return make(sequence_length=lengths, vocabulary=None, dataset_split="train")


def measure_rows(dataset: tf.data.Dataset, *, windows: int, seconds: float) -> dict[str, float]:
    """Fill over the first `windows` examples, then the speed over so many seconds.

    Returns:
      `inputs` and `targets`: the share of positions that hold a token, of the targets one that is learnt from (Mesh
      TensorFlow gives negative ids no loss); `tokens_per_s`: such tokens, both sides together.
    """
    filled, positions, count = dict.fromkeys(("inputs", "targets"), 0), dict.fromkeys(("inputs", "targets"), 0), 0
    batches = iter(dataset.batch(BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE))
    while count < windows:
        batch = next(batches)
        for name in filled:
            rows = batch[name].numpy()[: windows - count]
            filled[name] += int(np.sum(rows > 0))
            positions[name] += rows.size
        count += len(rows)
    started, tokens = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        batch = next(batches)
        tokens += sum(int(np.sum(batch[name].numpy() > 0)) for name in filled)
    rate = tokens / (time.perf_counter() - started)
    return {**{name: filled[name] / positions[name] for name in filled}, "tokens_per_s": rate, "windows": count}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=pathlib.Path, required=True)
    parser.add_argument("--windows", type=int, default=1000, help="examples to look at (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="to measure the speed in (%(default)g)")
    arguments = parser.parse_args(argv)
    seqio.set_tfds_data_dir_override(str(arguments.data_dir))
    found = {}
    for inputs, targets in LENGTHS:
        for variant in (STOCK, PACKED):
            dataset = dataset_of(Settings(variant, 0, 1.0), {"inputs": inputs, "targets": targets})
            row = measure_rows(dataset, windows=arguments.windows, seconds=arguments.seconds)
            found[f"{inputs}/{targets} {variant.name}"] = row
    print(json.dumps(found))


if __name__ == "__main__":
    main()
