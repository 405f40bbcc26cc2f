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
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with processes.running(stage.argv(folder / "out")) as first:
            while first.process.poll() is None and not any(path.is_file() for path in folder.rglob("*")):
                time.sleep(0.002)  # the lock is the first file of all
            if first.process.poll() is None:
                os.killpg(first.process.pid, signal.SIGSTOP)
            if first.process.poll() is not None or stage.looks_finished(folder / "out"):
                continue  # too quick for a busy machine to stop it
            with processes.running(stage.argv(folder / "out")) as second:
                assert second.wait() in (1, 2), second.stdout
                line = processes.error_line(second.stderr)
            os.killpg(first.process.pid, signal.SIGCONT)
            assert first.wait() == 0, first.stderr
        assert line.startswith("error: another process is making ")
        assert str(folder / "out") in line
        assert " at this moment: wait for it, or choose another --" in line
        assert differences(content(folder), undisturbed.content) == []
        return
    pytest.fail("it had always ended before it could be stopped")
