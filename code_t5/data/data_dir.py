"""Where this process was told to find its data and its model.

`--t5_tfds_data_dir` is read by t5's entry point after `code_t5` was imported, so nothing here may be asked before a
Task is used.
"""

import os
from typing import Any

import gin
import seqio
from absl import flags


def data_dir() -> str | None:
    """The data directory: `--t5_tfds_data_dir` (or `seqio.set_tfds_data_dir_override`), else `TFDS_DATA_DIR`."""
    return seqio.utils._TFDS_DATA_DIR_OVERRIDE or os.environ.get("TFDS_DATA_DIR")


def model_dir() -> str | None:
    """The `--model_dir` of t5's entry point; None in a process that has no such flag."""
    if "model_dir" not in flags.FLAGS or not flags.FLAGS.is_parsed():
        return None
    return flags.FLAGS.model_dir


def init_checkpoint_dir() -> str | None:
    """The folder of the checkpoint to start from, gin's `utils.run.init_checkpoint`; None where none is bound."""
    checkpoint = gin_value("utils.run.init_checkpoint")
    return os.path.dirname(checkpoint) if checkpoint else None


def gin_value(name: str) -> Any:
    """What a gin parameter is bound to, macros such as `%INIT_CHECKPOINT` followed; None where it is not bound."""
    try:
        bound = gin.query_parameter(name)
    except ValueError:
        return None
    return bound.scoped_configurable_fn() if isinstance(bound, gin.config.ConfigurableReference) else bound
