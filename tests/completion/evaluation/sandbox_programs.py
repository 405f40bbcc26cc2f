"""Programs for the sandbox, and what is left of them."""

import pathlib
import textwrap

import pytest

from completion.evaluation import sandbox
from completion.evaluation.sandbox import Limits, run

# For programs that should end by themselves, on a machine that has much else to do.
PATIENT = Limits(wall_s=60.0)
# Closes its outputs and lives on in a session of its own; `then` is what the program that started it does.
DAEMON = """
    import os, signal, sys
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(3):
                os.close(number)
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "{word}"])
        os._exit(0)
    os.wait()
    os.close(1)
    os.close(2)
    {then}
"""
ENDS = pytest.mark.parametrize(("then", "verdict"), [("os._exit(0)", "passed"), ("signal.pause()", "timed_out")])


def ran(program: str, limits: Limits = PATIENT, **options) -> sandbox.Result:
    """What came of a program, which may be indented."""
    return run(textwrap.dedent(program), limits, **options)


def processes_with(word: str) -> list[str]:
    """Command lines, of all processes of this machine, that have a word in them."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [text for text in [path.read_text()] if word in text]
        except OSError:
            continue
    return found
