"""Prints the absolute folder of the gin files, for `--gin_location_prefix` outside the repository:

    python -m t5.models.mesh_transformer_main --gin_location_prefix="$(python -m code_t5.main.configs)" ...

Standard output carries the path and nothing else. Python imports `code_t5` before this module, and that registers the
Tasks, so the answer takes as long as importing TensorFlow does (about 12 s).
"""

import os
import sys

import tensorflow as tf


def folder() -> str:
    """The absolute folder that holds `models/`, `sizes/` and the other layers.

    In a wheel they lie inside the package, in a checkout beside it.

    Raises:
      FileNotFoundError: neither folder holds `models/`.
    """
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    places = [os.path.join(package, "gin_configs"), os.path.join(os.path.dirname(package), "gin_configs")]
    for place in places:
        if tf.io.gfile.isdir(os.path.join(place, "models")):
            return place
    raise FileNotFoundError(f"no folder gin_configs with models/ in it; looked at {' and '.join(places)}")


def main() -> None:
    if len(sys.argv) > 1:
        sys.exit(f"python -m code_t5.main.configs takes no arguments, found: {' '.join(sys.argv[1:])}")
    print(folder())


if __name__ == "__main__":
    main()
