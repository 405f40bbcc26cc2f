"""Commands on other hosts: a real sshd on loopback, real transfers, connections and processes really killed."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest

from pipeline import many_hosts, remote, sending, ssh
from pipeline.hosts import Host
from tests.pipeline.sshd import Sshd, make_key, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all there")

# Adds the numbers of a file, says a line every 0.1 s, and notes each start of it in a file.
_PROGRAM = """
import os, pathlib, sys, time
source, output, lines, starts = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with open(starts, "a") as file:
    print(os.getpid(), os.getcwd(), file=file)
for line in range(lines):
    print("line", line, flush=True)
    time.sleep(0.1)
if "fail" in sys.argv:
    sys.exit("that was wrong")
(output / "inner folder").mkdir(parents=True)
(output / "inner folder" / "sum é\\n.txt").write_text(str(sum(map(int, source.read_text().split()))))
(output / "empty").touch()
"""


class World:
    """A repository, an input, and the paths of one result."""

    def __init__(self, folder: pathlib.Path):
        self.code, self.source = folder / "the code", folder / "numbers.txt"
        self.output, self.log, self.starts = (
            folder / "results" / "sum",
            folder / "results" / "sum.log",
            folder / "starts",
        )
        self.code.mkdir()
        (self.code / "program.py").write_text(_PROGRAM)
        (self.code / ".gitignore").write_text("ignored\n")
        (self.code / "ignored").touch()
        self.source.write_text("1 2 39")
        subprocess.run(["git", "init", "-q", str(self.code)], check=True)

    def command(self, lines: int, *more: str, output: pathlib.Path | None = None) -> list[str]:
        paths = [str(self.source), str(output or self.output)]
        return [sys.executable, "program.py", *paths, str(lines), str(self.starts), *more]

    def run(self, host: Host, lines: int, *more: str, **options: object) -> None:
        remote.run(
            host,
            self.command(lines, *more),
            inputs=[self.source],
            output=self.output,
            log=self.log,
            code=self.code,
            **options,
        )

    def assert_made(self, lines: int) -> None:
        assert (self.output / "inner folder" / "sum é\n.txt").read_text() == "42"
        assert sorted(path.name for path in self.output.iterdir()) == ["empty", "inner folder"]
        assert self.log.read_text() == "".join(f"line {line}\n" for line in range(lines))
        assert sorted(path.name for path in self.output.parent.iterdir()) == ["sum", "sum.log"]

    def num_starts(self) -> int:
        return len(self.starts.read_text().splitlines()) if self.starts.exists() else 0

    def wait_for_line(self, line: int) -> None:
        deadline = time.monotonic() + 60
        while not self.log.exists() or f"line {line}\n" not in self.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    return World(tmp_path)


@pytest.fixture
def sshd(tmp_path: pathlib.Path):
    with Sshd(tmp_path / "near") as server:
        yield server


def test_a_command_runs_there_and_its_output_comes_back(world, sshd):
    world.run(sshd.host(), 2)
    world.assert_made(2)
    [folder] = (sshd.there / "code").iterdir()
    assert world.starts.read_text().split(maxsplit=1)[1].strip() == str(folder)
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "program.py"]
    assert list((sshd.there / "runs").iterdir()) == []


def test_a_process_with_many_open_files_can_follow_a_run(world, sshd):
    """`select` takes no descriptor above 1,023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2048
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this process may open {hard} files only, not {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(1100):
                stack.enter_context(pathlib.Path(os.devnull).open())
            world.run(sshd.host(), 2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    world.assert_made(2)


def test_what_is_there_is_not_sent_again(world, sshd):
    world.run(sshd.host(), 1)
    [sent] = (sshd.there / "inputs").iterdir()
    before = (sent / "numbers.txt").stat().st_ctime_ns
    world.output.rename(world.output.with_name("first"))
    world.run(sshd.host(), 1)
    assert (sent / "numbers.txt").stat().st_ctime_ns == before
    world.source.write_text("1 2 40")
    world.output.rename(world.output.with_name("second"))
    world.run(sshd.host(), 1)
    assert (world.output / "inner folder" / "sum é\n.txt").read_text() == "43"
    assert len(list((sshd.there / "inputs").iterdir())) == 2
    assert len(list((sshd.there / "code").iterdir())) == 1


def test_a_failure_there_is_a_failure_here_and_the_next_call_is_another_attempt(world, sshd):
    with pytest.raises(remote.CommandFailedError, match="on host near, exit code 1") as raised:
        world.run(sshd.host(), 3, "fail")
    assert raised.value.exit_code == 1
    assert raised.value.last_lines == ["line 0", "line 1", "line 2", "that was wrong"]
    assert not world.output.exists()
    world.log.unlink()
    world.run(sshd.host(), 2)
    world.assert_made(2)
    assert world.num_starts() == 2


def test_a_command_that_makes_nothing_has_failed(world, sshd):
    with pytest.raises(remote.CommandFailedError, match="exit code 1"):
        remote.run(sshd.host(), ["true"], inputs=[], output=world.output, log=world.log, code=world.code)


def test_dropped_connections_are_taken_up_without_a_line_lost_or_a_second_start(world, sshd):
    said: list[str] = []
    thread = threading.Thread(target=world.run, args=(sshd.host(), 40), kwargs={"say": said.append})
    thread.start()
    for line in (3, 15):
        world.wait_for_line(line)
        assert sshd.drop_connections() >= 1
    thread.join()
    world.assert_made(40)
    assert world.num_starts() == 1
    assert sum("trying again" in line for line in said) >= 2


def test_a_killed_process_here_leaves_the_run_going_and_the_next_takes_it_up(world, sshd, tmp_path):
    host, script = sshd.host(), tmp_path / "local.py"
    script.write_text(
        "import pathlib, sys\nfrom pipeline import remote\nfrom pipeline.hosts import Host\n"
        f"remote.run({host!r}, {world.command(40)!r}, inputs=[pathlib.Path({str(world.source)!r})],\n"
        f"    output=pathlib.Path({str(world.output)!r}), log=pathlib.Path({str(world.log)!r}),\n"
        f"    code=pathlib.Path({str(world.code)!r}))\n"
    )
    here = subprocess.Popen([sys.executable, str(script)], env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin"})
    world.wait_for_line(3)
    here.kill()
    here.wait()
    said: list[str] = []
    world.run(host, 40, say=said.append)
    world.assert_made(40)
    assert world.num_starts() == 1
    assert "taken up again" in said[0]


def test_ctrl_c_ends_it_there(world, sshd, tmp_path):
    script = tmp_path / "local.py"
    script.write_text(
        "import pathlib\nfrom pipeline import remote\nfrom pipeline.hosts import Host\n"
        f"remote.run({sshd.host()!r}, {world.command(300)!r}, inputs=[pathlib.Path({str(world.source)!r})],\n"
        f"    output=pathlib.Path({str(world.output)!r}), log=pathlib.Path({str(world.log)!r}),\n"
        f"    code=pathlib.Path({str(world.code)!r}), say=print)\n"
    )
    here = subprocess.Popen(
        [sys.executable, str(script)],
        env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    world.wait_for_line(2)
    here.send_signal(signal.SIGINT)
    said, error = here.communicate(timeout=60)
    assert "ended on host near" in said
    assert "KeyboardInterrupt" in error
    assert (
        not pathlib.Path("/proc", world.starts.read_text().split()[0], "cmdline").exists()
        or not pathlib.Path("/proc", world.starts.read_text().split()[0], "cmdline").read_bytes()
    )  # a zombie has none
    assert json.loads(remote.run_file(world.output).read_text())["ended"]


def test_a_command_that_is_killed_there_is_told(world, sshd):
    thread_error: list[BaseException] = []

    def work() -> None:
        try:
            world.run(sshd.host(), 300)
        except remote.CommandFailedError as error:
            thread_error.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    world.wait_for_line(2)
    [pid] = (sshd.there / "runs").glob("*/1/pid")
    group = int(pid.read_text().split()[0])
    subprocess.run(["/bin/kill", "-KILL", "--", f"-{group}"], check=True)
    thread.join(timeout=60)
    assert thread_error[0].exit_code is None
    assert "no exit code: it was killed there" in str(thread_error[0])


def test_keys_that_do_not_match_are_refused_and_told(world, sshd, tmp_path):
    known = tmp_path / "none known"
    known.touch()
    with pytest.raises(ssh.HostRefusedError, match=rf"its key is not in .*ssh-keyscan -p {sshd.port} 127\.0\.0\.1"):
        world.run(sshd.host(known_hosts=str(known)), 1)
    other = make_key(tmp_path / "other")
    known.write_text(f"[127.0.0.1]:{sshd.port} {other.with_suffix('.pub').read_text()}")
    with pytest.raises(ssh.HostRefusedError, match=r"is not the one in .*ssh-keygen -f .* -R '\[127\.0\.0\.1\]"):
        world.run(sshd.host(known_hosts=str(known)), 1)
    with pytest.raises(ssh.HostRefusedError, match=r"does not take the key .*other: .*authorized_keys"):
        world.run(sshd.host(key=str(other)), 1)
    assert not sshd.there.exists()


def test_a_host_that_is_not_there_is_soon_told(world, sshd):
    sshd.stop()
    with pytest.raises(ssh.HostUnreachableError, match="host near .*no connection: .*Connection refused"):
        world.run(sshd.host(), 1, patience_s=1)
    sshd.start()


def test_a_file_that_changes_after_the_end_does_not_become_a_result(world, sshd, tmp_path):
    there = tmp_path / "made"
    there.mkdir()
    (there / "a").write_text("abc")
    listing = tmp_path / "listing"
    listing.write_bytes(subprocess.run(sending.LISTING, shell=True, cwd=there, capture_output=True, check=True).stdout)
    connection = ssh.Connection(sshd.host(), patience_s=0)
    # The same size and time, other bytes: left by a bad disk in an interrupted transfer. It is sent again.
    world.output.parent.mkdir()
    beside = world.output.with_name("sum.incomplete")
    beside.mkdir()
    (beside / "a").write_text("xyz")
    (beside / "stale").touch()
    subprocess.run(["touch", "-r", str(there / "a"), str(beside / "a")], check=True)
    sending.bring(connection, str(there), str(listing), world.output)
    assert [(path.name, path.read_text()) for path in world.output.iterdir()] == [("a", "abc")]
    (there / "a").write_text("abd")
    again = world.output.with_name("again")
    with pytest.raises(sending.DamagedError, match=r"1 of 1 files .* as a: SHA-256 a52d.*, expected ba78"):
        sending.bring(connection, str(there), str(listing), again)
    assert not again.exists()


def test_a_prefix_stands_before_the_command(world, sshd):
    world.run(sshd.host(prefix=("env", "FIRST=1", "sh", "-c", 'echo prefix $FIRST; exec "$@"', "sh")), 1)
    assert world.log.read_text() == "prefix 1\nline 0\n"


def test_after_wrap_the_command_is_one_word_and_log_is_its_path(world, sshd):
    world.run(sshd.host(prefix=("sh", "-c", 'echo "$1" | grep -c "/1/log$"; eval "$3"', "sh", "{log}", "--wrap")), 1)
    assert world.log.read_text() == "1\nline 0\n"


def parts_of(world: World, count: int, lines: int) -> list[many_hosts.Part]:
    outputs = [world.output.with_name(f"part{number}") for number in range(count)]
    return [
        many_hosts.Part(tuple(world.command(lines, output=output)), (world.source,), output, output.with_suffix(".log"))
        for output in outputs
    ]


def assert_all_made(parts: list[many_hosts.Part]) -> None:
    assert [(part.output / "inner folder" / "sum é\n.txt").read_text() for part in parts] == ["42"] * len(parts)


def test_two_hosts_share_the_parts(world, sshd, tmp_path):
    parts = parts_of(world, 2, 30)
    with Sshd(tmp_path / "far", "far") as far:
        shares = many_hosts.run_many([sshd.host(), far.host()], parts, code=world.code)
        assert_all_made(parts)
        assert shares.done.total() == 2
        assert set(shares.done) == {"near", "far"}
        assert shares.moved.total() == 0
        assert many_hosts.run_many([sshd.host()], parts, code=world.code).found == 2
    assert world.num_starts() == 2


def test_the_part_of_a_host_that_dies_goes_to_another(world, sshd, tmp_path):
    parts = parts_of(world, 2, 60)
    with Sshd(tmp_path / "far", "far") as far:
        result: list[many_hosts.Shares] = []
        hosts = [sshd.host(), far.host()]
        work = threading.Thread(
            target=lambda: result.append(many_hosts.run_many(hosts, parts, code=world.code, patience_s=3))
        )
        work.start()
        deadline = time.monotonic() + 60
        while "far" not in [remote.host_of(part.output) for part in parts] or world.num_starts() < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        far.die()
        work.join(timeout=120)
        far.start()
    assert_all_made(parts)
    assert result[0].done == {"near": 2}
    assert result[0].moved == {"far": 1}


def test_a_part_that_fails_is_told_when_the_others_are_made(world, sshd):
    parts = parts_of(world, 3, 1)
    parts[1] = many_hosts.Part((*parts[1].command, "fail"), parts[1].inputs, parts[1].output, parts[1].log)
    with pytest.raises(ssh.RemoteError, match=r"2 parts were made, 0 have no host left:\n.*part1: the command failed"):
        many_hosts.run_many([sshd.host()], parts, code=world.code)
    assert_all_made([parts[0], parts[2]])
