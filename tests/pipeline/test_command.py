import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from pipeline import command

ROOT = pathlib.Path(__file__).parents[2]


def python(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends; one that nobody waits for (a zombie) has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def number_in(path: pathlib.Path, seconds: float = 20) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text().endswith("\n"):
            return int(path.read_text())
        time.sleep(0.05)
    raise AssertionError(f"nothing in {path}")


def test_output_goes_to_the_log_and_the_last_line_is_told(tmp_path):
    told = []
    log = tmp_path / "logs" / "a.log"
    text = "import os, sys; print('one'); print(os.environ['COLOUR'], os.getcwd(), file=sys.stderr); print('1\\r2\\r')"
    command.run(python(text), log, progress=told.append, folder=tmp_path, environment={"COLOUR": "red"})
    assert log.read_bytes().decode() == f"one\nred {tmp_path}\n1\r2\r\n"
    assert told[-1] == "2"


def test_a_failure_tells_status_and_the_last_20_lines_of_this_run(tmp_path):
    log = tmp_path / "log"
    log.write_text("of an earlier run\n")
    with pytest.raises(command.CommandError) as error:
        command.run(python("import sys; [print(n) for n in range(30)]; sys.exit(3)"), log)
    assert error.value.code == 3
    assert error.value.last_lines == [str(n) for n in range(10, 30)]
    assert error.value.reason.endswith("ended with status 3")
    assert log.read_text().startswith("of an earlier run\n0\n")
    with pytest.raises(command.CommandError) as error:
        command.run(["false"], log)
    assert error.value.last_lines == []
    assert str(error.value) == f"false ended with status 1; all of its output is in {log}"


def test_a_killed_command_names_the_signal(tmp_path):
    with pytest.raises(command.CommandError, match="was killed by SIGKILL: out of memory"):
        command.run(python("import os; os.kill(os.getpid(), 9)"), tmp_path / "log")


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(command.CommandError, match="could not be started") as error:
        command.run(["no-such-program"], tmp_path / "log")
    assert error.value.code == 127
    assert "no-such-program" in error.value.last_lines[0]


def test_children_that_a_command_leaves_are_ended(tmp_path):
    started = time.monotonic()
    command.run(["sh", "-c", f"sleep 100 & echo $! > {tmp_path}/pid"], tmp_path / "log")
    assert time.monotonic() - started < 10
    assert gone(number_in(tmp_path / "pid"))


def test_an_error_in_a_callback_ends_the_command(tmp_path):
    def progress(line):
        raise OSError(f"nobody hears {line}")

    started = time.monotonic()
    with pytest.raises(OSError, match="nobody hears one"):
        command.run(["sh", "-c", "echo one; sleep 100"], tmp_path / "log", progress=progress)
    assert time.monotonic() - started < 10


# A pipeline that runs a command with a child; both are deaf to SIGTERM where it is told so.
PIPELINE = """
import pathlib, sys
from pipeline import command
deaf = "trap '' TERM; " if sys.argv[2] == "deaf" else ""
words = ["sh", "-c", deaf + 'sleep 100 & echo $! > "$0"/child; echo $$ > "$0"/pid; wait; sleep 100', sys.argv[1]]
try:
    command.run(words, pathlib.Path(sys.argv[1], "log"), grace_seconds=0.5)
except KeyboardInterrupt as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("deaf", ["deaf", "not"])
@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "Stopped"), (signal.SIGINT, "KeyboardInterrupt")])
def test_told_to_stop_it_ends_the_command_and_its_children(tmp_path, number, name, deaf):
    words = [sys.executable, "-c", PIPELINE, tmp_path, deaf]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        pids = [number_in(tmp_path / "child"), number_in(tmp_path / "pid")]
        os.kill(process.pid, number)
        assert process.communicate(timeout=20)[0] == f"{name}\n"
    assert [gone(pid) for pid in pids] == [True, True]


def test_the_handlers_of_before_are_back(tmp_path):
    both = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in both]
    command.run(["true"], tmp_path / "log")
    assert [signal.getsignal(number) for number in both] == before
