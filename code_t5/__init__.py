"""T5 for code: importing this package registers its datasets, Tasks and Mixtures with TFDS and seqio.

It reads no file, parses no flag and opens no connection: `--module_import=code_t5` is all that
`t5.models.mesh_transformer_main` needs, and the data directory is looked up when a Task is first used.
"""

__version__ = "0.1.0"

from code_t5.data import builder, mixtures, objectives, tasks
from code_t5.training import loop

__all__ = ["builder", "loop", "mixtures", "objectives", "tasks"]
