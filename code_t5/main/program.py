"""What the programs of this folder share: the data directory's flag, quiet logs, and errors in one line."""

import os
import sys
from collections.abc import Callable

import seqio
import tensorflow as tf
import tensorflow_datasets as tfds
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
        logging.set_verbosity(logging.ERROR)
        if not sys.stderr.isatty():
            tfds.disable_progress_bar()
        try:
            main()
        except (ValueError, OSError, tf.errors.OpError) as error:
            message = error.message if isinstance(error, tf.errors.OpError) else error
            print(f"error: {message}", file=sys.stderr)
            sys.exit(2)

    app.run(wrapped)
