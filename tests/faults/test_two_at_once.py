"""Two runs into the same folder at once: the second is refused, and the first does not notice.

`preprocessing.beam` takes the same lock as `preprocessing.run`; the cache's has tests of its own.
"""

import os
import signal
import time

import pytest

from tests.faults import processes
from tests.faults.rounds import differences
from tests.faults.stages import content


@pytest.mark.parametrize(
    "name",
    [
        "build_flcc",
        "dev",
        "run",
        "vocabulary",
        "statistics",
        "weights",
        pytest.param("build_dataset", marks=pytest.mark.slow),
    ],
)
def test_the_second_run_is_refused(made, tmp_path, name):
    undisturbed, stage = made.undisturbed(name), made.stages[name]
    out = tmp_path / "out"
    with processes.running(stage.argv(out)) as first:
        while first.process.poll() is None and not any(path.is_file() for path in tmp_path.rglob("*")):
            time.sleep(0.002)  # the lock is the first file of all
        os.killpg(first.process.pid, signal.SIGSTOP)
        assert first.process.poll() is None, "it had ended before it could be stopped"
        with processes.running(stage.argv(out)) as second:
            assert second.wait() in (1, 2), second.stdout
            line = processes.error_line(second.stderr)
        os.killpg(first.process.pid, signal.SIGCONT)
        assert first.wait() == 0, first.stderr
    assert line.startswith("error: another process is making ")
    assert str(out) in line
    assert " at this moment: wait for it, or choose another --" in line
    assert differences(content(tmp_path), undisturbed.content) == []
