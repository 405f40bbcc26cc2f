"""T5 for code: importing this package registers its datasets, Tasks and Mixtures with TFDS and seqio.

It reads no file, parses no flag and opens no connection: `--module_import=code_t5` is all that
`t5.models.mesh_transformer_main` needs, and the data directory is looked up when a Task is first used.
"""

import os
import warnings

__version__ = "0.1.0"

# TensorFlow reads this when it is imported: errors only, unless the user asks for more.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# tensorflow_hub says this at each start; the lock pins the setuptools that still has it.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated")

from code_t5.data import builder, mixtures, names, objectives, packing, tasks  # noqa: E402
from code_t5.training import embedding, loop, validation  # noqa: E402

__all__ = ["builder", "embedding", "loop", "mixtures", "names", "objectives", "packing", "tasks", "validation"]
