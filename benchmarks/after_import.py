"""Runs a module as `python -m` does, and says how long it took after its libraries were imported.

Importing TensorFlow, seqio and t5 takes 5 to 15 s, however much or little is done after it. The times that are printed
last are those of the rest: {"seconds": 20.1, "core_seconds": 38.4}.

python -m benchmarks.after_import code_t5.main.cache --tasks fl_py_dev --cache_dir CACHE --data_dir DATA_DIR
"""

import json
import runpy
import sys

import code_t5  # noqa: F401 (with seqio, TensorFlow and t5: all that a program that caches imports)
from benchmarks.stopwatch import Stopwatch


def main() -> None:
    """The command; see the text at the head of this file."""
    del sys.argv[0]
    status = None
    stopwatch = Stopwatch()
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
    times = stopwatch.read()
    if status:
        sys.exit(status)
    print(json.dumps(times))


if __name__ == "__main__":
    main()
