"""Says, before training, whether a model fits a device, and how many tokens a microbatch to use.

python -m code_t5.main.memory --gin_location_prefix=gin_configs/ --gin_file=models/shared-prefix_lm.gin \\
  --gin_file=sizes/base.gin --device_gb 16,24,80
"""

import os

import gin
import t5.models
from absl import flags
from mesh_tensorflow.transformer import utils as mesh_utils

import code_t5  # noqa: F401 (registers what the gin files name)
from code_t5.main import program
from code_t5.training import memory

DEVICE_GB = flags.DEFINE_list("device_gb", "16,24,80", "Memory of devices, 10^9 bytes, with commas between.")
VOCAB_SIZE = flags.DEFINE_integer("vocab_size", 16_000, "Pieces of the vocabulary.")


def main() -> None:
    if not flags.FLAGS.gin_file:
        raise ValueError(
            "which model? Give --gin_file=models/shared-prefix_lm.gin and --gin_location_prefix=gin_configs/"
        )
    try:
        devices = [float(gigabytes) for gigabytes in DEVICE_GB.value]
    except ValueError as error:
        raise ValueError(f"--device_gb {','.join(DEVICE_GB.value)}: give numbers, as in 16,24,80") from error
    gin.add_config_file_search_path(os.path.join(os.path.dirname(t5.models.__file__), "gin"))
    # MIXTURE_NAME need not be known.
    mesh_utils.parse_gin_defaults_and_flags(skip_unknown=True, finalize_config=False)
    gin.bind_parameter("utils.run.mesh_shape", memory.MESH_SHAPE)
    lengths = dict(gin.query_parameter("utils.run.sequence_length"))
    found = memory.footprint(lengths, vocab_size=VOCAB_SIZE.value)
    print(f"parameters        {found.parameters:,}, with {VOCAB_SIZE.value:,} pieces")
    for name in ("weights", "gradients", "optimizer"):
        print(f"{name:<17} {getattr(found, name) / 1e6:,.2f} MB")
    row = found.activations_per_row / 1e6
    print(f"activations       {row:,.2f} MB for each row of {lengths['inputs']} + {lengths['targets']} tokens")
    for gigabytes in devices:
        rows = found.rows_that_fit(gigabytes * 1e9)
        if not rows:
            print(f"does not fit {gigabytes:g} GB: not even one row does")
            continue
        print(
            f'fits {gigabytes:g} GB: {rows} rows at a time, --gin_param="serialize_num_microbatches.'
            f'tokens_per_microbatch_per_replica = {rows * max(lengths.values())}"'
        )


if __name__ == "__main__":
    program.run(main)
