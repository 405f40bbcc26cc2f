import subprocess
import sys

import pytest

from benchmarks import measure
from benchmarks.measure import BenchmarkError, Measurement

# Holds 100 MB in a process that the measured one started, and 50 MB in the measured one, long enough to be seen.
TWO_PROCESSES = """
import subprocess, sys, time
hold = b"x" * {own}
subprocess.run([sys.executable, "-c", "import time; hold = b'x' * {childs}; time.sleep(0.6)"])
print("done")
"""
BUSY = "import time\nwhile time.process_time() < 0.6: pass"


def test_memory_of_all_processes_is_added_up():
    small, large = (
        measure.run([sys.executable, "-c", TWO_PROCESSES.format(own=own, childs=childs)])
        for own, childs in ((1, 1), (50_000_000, 100_000_000))
    )
    assert 140 < large.peak_mb - small.peak_mb < 160
    assert large.output == "done\n"
    assert large.seconds >= 0.6


def test_core_seconds_are_those_of_the_processes_and_not_the_time_that_passed():
    busy = measure.run(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"]
    )
    idle = measure.run([sys.executable, "-c", "import time; time.sleep(0.6)"])
    assert busy.core_seconds >= 0.4
    assert idle.core_seconds < 0.4


def test_a_command_that_fails_is_not_measured():
    with pytest.raises(BenchmarkError, match="(?s)exit status 3 of .*no such thing"):
        measure.run([sys.executable, "-c", "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"])


def test_an_interrupted_command_is_ended(monkeypatch):
    started = []

    class Interrupted(subprocess.Popen):
        def communicate(self, *args, **kwargs):
            started.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        measure.run([sys.executable, "-c", "import time; time.sleep(60)"])
    (process,) = started
    assert process.wait() == -9


def test_contestants_take_turns():
    calls, said = [], []

    def contestant(name: str, seconds: float):
        def run() -> Measurement:
            calls.append(name)
            return Measurement(seconds * len(calls), 10.0 * len(calls), 0.5)

        return run

    found = measure.interleaved({"a": contestant("a", 1), "b": contestant("b", 2)}, 3, say=said.append)
    assert calls == ["a", "b"] * 3
    assert measure.median_seconds(found["a"]) == 3
    assert measure.median_seconds(found["b"]) == 8
    assert measure.peak_mb(found["a"]) == 50
    assert said[1] == "  b, run 1 of 3: 4.00 s, 0.5 core s, 20 MB"
