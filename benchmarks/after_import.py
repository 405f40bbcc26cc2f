"""Runs a module as `python -m` does, and says how long it took after its libraries were imported.

Importing TensorFlow, seqio and t5 takes 5 to 15 s, however much or little is done after it. The times that are printed
are those of the rest: on the clock, and of all cores together.

python -m benchmarks.after_import code_t5.main.cache --tasks fl_py_dev --cache_dir CACHE --data_dir DATA_DIR
"""

import json
import os
import runpy
import sys
import time

import code_t5  # noqa: F401 (with seqio, TensorFlow and t5: all that a program that caches imports)



def after_import(output: str) -> dict[str, float]:
    """Reads back what this program printed: `seconds` and `core_seconds`."""
    return json.loads(output.splitlines()[-1])


def core_seconds() -> float:
    """What this process has used so far, and those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    """The command; see the text at the head of this file."""
    del sys.argv[0]
    status = None
    started, used = time.perf_counter(), core_seconds()
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = end.code
    seconds, used = time.perf_counter() - started, core_seconds() - used
    if status:
        sys.exit(status)
    print(json.dumps({"seconds": round(seconds, 3), "core_seconds": round(used, 3)}))


if __name__ == "__main__":
    main()
