"""Machines that have no sandbox: why, what is refused there, and what holds where the user allows it all the same."""

import pathlib
import secrets
import subprocess
import sys

import pytest

from completion.evaluation import sandbox
from completion.evaluation.sandbox import Limits, SandboxError, run
from tests.completion.evaluation.sandbox_programs import DAEMON, ENDS, processes_with, ran

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def unsandboxed(monkeypatch):
    """A machine that does not permit namespaces, as far as `run` knows."""
    monkeypatch.setattr(sandbox, "permitted", lambda: "not here")


def test_where_none_can_be_made_nothing_runs(unsandboxed, tmp_path):
    with pytest.raises(SandboxError, match="none can be made here: not here.*give --allow_unsandboxed"):
        run(f"open({str(tmp_path / 'x')!r}, 'w')")
    assert list(tmp_path.iterdir()) == []


def test_why_none_can_be_made_is_told(monkeypatch):
    """The one thing that every refusal begins with: a limit of no user namespaces at all, set from outside."""
    program = "from completion.evaluation import sandbox; print(sandbox.permitted())"
    nothing = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c",
         "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh", sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if nothing.returncode:
        pytest.skip(f"needs unshare of util-linux, and leave to use it: {nothing.stderr.strip()}")
    assert nothing.stdout == ("[Errno 28] unshare: No space left on device (/proc/sys/user/max_user_namespaces is 0)\n")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox.permitted.__wrapped__() == "namespaces are a thing of Linux, and this is darwin"


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
@pytest.mark.usefixtures("unsandboxed")
class TestAllowed:
    """What holds without namespaces, where the user allows it."""

    def test_limits_hold(self):
        assert ran("print(1)", allow_unsandboxed=True).stdout == "1\n"
        assert ran("assert 0, 'no'", allow_unsandboxed=True).last_line == "AssertionError: no"
        assert ran("x = bytearray(10 * 2**30)", allow_unsandboxed=True).verdict == "too_much_memory"
        assert ran("while True: pass", Limits(120.0, cpu_s=1), allow_unsandboxed=True).verdict == "timed_out"
        assert ran("while True: print('x' * 9999)", allow_unsandboxed=True).verdict == "too_much_output"

    def test_the_environment_is_empty_and_the_folder_is_deleted(self, monkeypatch):
        monkeypatch.setenv("CODE_T5_SECRET", "x")
        result = ran("import os; print('CODE_T5_SECRET' in os.environ, os.getcwd())", allow_unsandboxed=True)
        found, folder = result.stdout.split()
        assert found == "False"
        assert not pathlib.Path(folder).exists()

    @ENDS
    def test_a_daemon_is_dead_afterwards(self, then, verdict):
        word = f"daemon-{secrets.token_hex(8)}"
        result = ran(DAEMON.format(word=word, then=then), Limits(wall_s=3.0), allow_unsandboxed=True)
        assert result.verdict == verdict
        assert processes_with(word) == []
