"""What the programs of this folder share: a data directory flag, quiet logs, and errors in one line."""

import os
import sys
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import seqio
from absl import app, flags, logging

DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "The data directory (as t5's --t5_tfds_data_dir); TFDS_DATA_DIR where it is not given."
)


def run(main: Callable[[], None]) -> None:
    """Parses the flags, sets the data directory, runs `main`, and turns our own errors into one clear line.

    Exits with status 2 after such an error.
    """

    def wrapped(arguments: list[str]) -> None:
        if arguments[1:]:
            sys.exit(f"error: {arguments[1:]} is not a flag; --help lists them")
        if DATA_DIR.value:
            seqio.set_tfds_data_dir_override(os.path.expanduser(DATA_DIR.value))
        logging.set_verbosity(logging.WARNING)
        try:
            main()
        except (ValueError, OSError) as error:
            if logging.level_debug() or os.environ.get("CODE_T5_TRACEBACK"):
                raise
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)

    app.run(wrapped)
