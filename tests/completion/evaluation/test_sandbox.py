"""The sandbox, with programs that try what it is there against. Each is a real program, run in a real sandbox."""

import concurrent.futures
import http.server
import os
import pathlib
import resource
import secrets
import subprocess
import sys
import threading
import time

import pytest

from completion.evaluation import sandbox
from completion.evaluation.sandbox import Limits
from tests.completion.evaluation.sandbox_programs import DAEMON, ENDS, PATIENT, processes_with, ran

ROOT = pathlib.Path(__file__).parents[3]
needs_sandbox = pytest.mark.skipif(sandbox.permitted() is not None, reason=f"no sandbox here: {sandbox.permitted()}")


@needs_sandbox
def test_a_normal_program_passes():
    result = ran("import json, sys\nprint(json.dumps(sys.version_info[:2]))")
    assert (result.verdict, result.exit_status, result.stderr) == ("passed", 0, "")
    assert result.stdout == f"[{sys.version_info[0]}, {sys.version_info[1]}]\n"
    assert result.last_line == ""


@needs_sandbox
def test_it_has_the_packages_of_this_interpreter_and_a_folder_to_write_to():
    program = """
        import numpy, os, pathlib, tempfile
        assert os.listdir() == ["program.py"]
        pathlib.Path("a").write_text("é")
        assert pathlib.Path(tempfile.mkdtemp()).parent == pathlib.Path.cwd() == pathlib.Path.home()
        try:
            input()
        except EOFError:
            print(numpy.arange(3).sum())
    """
    assert ran(program).stdout == "3\n"


@needs_sandbox
@pytest.mark.parametrize(
    ("program", "verdict", "status", "last_line"),
    [
        ("assert 1 == 2, 'no'", "failed", 1, "AssertionError: no"),
        ("def f(:", "failed", 1, "SyntaxError: invalid syntax"),
        ("import sys; sys.exit(7)", "failed", 7, ""),
        ("def f(): f()\nf()", "failed", 1, "RecursionError: maximum recursion depth exceeded"),
        ("import os; os.kill(os.getpid(), 11)", "killed", -11, ""),
        ("import os; os.kill(os.getpid(), 9)", "killed", -9, ""),
        ("print('\ud800')", "failed", 1, None),
        ("raise ValueError('\\x00')", "failed", 1, "ValueError: \x00"),
    ],
)
def test_what_fails_says_how(program, verdict, status, last_line):
    result = ran(program)
    assert (result.verdict, result.exit_status) == (verdict, status)
    assert last_line is None or result.last_line == last_line


@needs_sandbox
def test_an_endless_loop_runs_out_of_computing_time():
    result = ran("while True: pass", Limits(wall_s=120.0, cpu_s=1))
    assert (result.verdict, result.exit_status) == ("timed_out", -24)
    deaf = ran("import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", Limits(120.0, cpu_s=1))
    assert (deaf.verdict, deaf.exit_status) == ("timed_out", -9)


@needs_sandbox
def test_a_sleep_longer_than_the_limit_is_ended():
    result = ran("import time; print('slept', flush=True); time.sleep(600)", Limits(wall_s=1.5))
    assert (result.verdict, result.exit_status, result.stdout) == ("timed_out", None, "slept\n")
    assert 1.5 <= result.seconds < 30


@needs_sandbox
def test_a_fork_bomb_stays_small_and_is_gone_afterwards():
    word = f"bomb-{secrets.token_hex(8)}"
    program = f"""
        import ctypes, os, sys, time
        children = 0
        try:
            while True:
                if os.fork() == 0:
                    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "{word}"])
                children += 1
        except OSError as error:
            print(children, error, flush=True)
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """
    result = ran(program, Limits(wall_s=4.0, processes=20))
    assert result.verdict == "timed_out"
    children, _, reason = result.stdout.partition(" ")
    assert reason == "[Errno 11] Resource temporarily unavailable\n"
    # Where the caller is not root, the two processes around the program are counted, too.
    assert 16 <= int(children) <= 19
    assert processes_with(word) == []
    assert ran("").verdict == "passed", "and the next one may have processes again"


@needs_sandbox
def test_ten_gigabytes_cannot_be_had():
    result = ran("x = bytearray(10 * 2**30)")
    assert (result.verdict, result.exit_status, result.last_line) == ("too_much_memory", 1, "MemoryError")


@needs_sandbox
def test_nor_can_they_be_had_by_many_processes():
    program = """
        import os, time
        for _ in range(20):
            if os.fork() == 0:
                break
        x = b"x" * (80 * 2**20)
        time.sleep(600)
    """
    result = ran(program, Limits(wall_s=120.0, memory_bytes=512 * 2**20))
    assert (result.verdict, result.exit_status) == ("too_much_memory", None)


@needs_sandbox
def test_nothing_is_written_outside(tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("as it was")
    name = f"code-t5-{secrets.token_hex(8)}"
    places = [str(tmp_path / name), f"/{name}", f"/tmp/{name}", f"/usr/{name}", f"/dev/shm/{name}", f"/var/tmp/{name}"]
    places += [str(pathlib.Path.home() / name), str(ROOT / name), f"{sys.prefix}/{name}", str(victim)]
    program = f"""
        import os
        for place in {places!r}:
            try:
                os.makedirs(os.path.dirname(place), exist_ok=True)
            except OSError:
                pass
            try:
                with open(place, "w") as file:
                    file.write("here I am")
            except OSError as error:
                print(error.errno)
    """
    result = ran(program)
    assert result.verdict == "passed"
    assert [place for place in places[:-1] if os.path.lexists(place)] == []
    assert victim.read_text() == "as it was"


@needs_sandbox
def test_nothing_of_the_caller_can_be_read(tmp_path, monkeypatch):
    secret = f"secret-{secrets.token_hex(8)}"
    monkeypatch.setenv("CODE_T5_SECRET", secret)
    (tmp_path / "secret.txt").write_text(secret)
    program = f"""
        import glob, os
        print(sorted(os.environ))
        places = glob.glob("/proc/*/environ") + glob.glob("/proc/*/cmdline") + glob.glob("/proc/*/task/*/environ")
        places += [f"/proc/{{os.getppid()}}/environ", "/proc/{os.getpid()}/environ", {str(tmp_path / "secret.txt")!r}]
        for place in places:
            try:
                print(place, open(place, "rb").read())
            except OSError as error:
                print(place, error)
        print(len([name for name in os.listdir("/proc") if name.isdecimal()]), "processes")
    """
    result = ran(program)
    assert result.verdict == "passed"
    assert "CODE_T5_SECRET" not in result.stdout
    assert secret not in result.stdout
    assert result.stdout.splitlines()[-1] == "2 processes"
    names = "HOME LANG MKL_NUM_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH PYTHONDONTWRITEBYTECODE PYTHONHASHSEED"
    assert result.stdout.splitlines()[0] == str([*names.split(), "TMPDIR"])


@needs_sandbox
def test_it_cannot_get_rights_or_speak_for_its_keeper():
    program = """
        import contextlib, ctypes, os, signal
        libc = ctypes.CDLL(None)
        remount_writable = 0x1000 | 0x20
        print(
            libc.unshare(0x10000000),
            libc.mount(b"none", b"/sandbox", b"tmpfs", 0, None),
            libc.mount(None, b"/", None, remount_writable, None),
            libc.umount2(b"/usr", 2),
            libc.setuid(0),
        )
        with contextlib.suppress(PermissionError):
            os.kill(1, signal.SIGKILL)
    """
    result = ran(program)
    assert (result.verdict, result.stdout) == ("passed", "-1 -1 -1 -1 -1\n")
    mounts = [line.split() for line in ran("print(open('/proc/self/mounts').read())").stdout.splitlines() if line]
    assert [target for _, target, _, options, *_ in mounts if not options.startswith("ro,")] == ["/sandbox"]
    forged = ran(
        """
        import glob, os
        for place in [*glob.glob("/proc/1/fd/*"), *[f"/proc/1/fd/{i}" for i in range(12)]]:
            try:
                os.write(os.open(place, os.O_WRONLY), b'{"exit_status": 0}\\n')
            except OSError:
                pass
        for i in range(3, 256):
            try:
                os.write(i, b'{"exit_status": 0}\\n')
            except OSError:
                pass
        raise SystemExit(3)
        """
    )
    assert (forged.verdict, forged.exit_status) == ("failed", 3)


@needs_sandbox
def test_there_is_no_network():
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802 (the library's name)
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        program = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{server.server_port}/x', timeout=20)"
        inside = ran(program)
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
        server.shutdown()
    assert inside.verdict == "failed"
    assert "Network is unreachable" in inside.last_line
    assert asked == ["/x"], "of the program outside"


@needs_sandbox
@ENDS
def test_a_daemon_is_dead_afterwards(then, verdict):
    word = f"daemon-{secrets.token_hex(8)}"
    assert ran(DAEMON.format(word=word, then=then), Limits(wall_s=3.0)).verdict == verdict
    assert processes_with(word) == []


@needs_sandbox
def test_huge_output_is_ended_and_not_kept():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = ran("import sys\nwhile True: sys.stdout.write('x' * 2**20)")
    assert (result.verdict, result.exit_status, len(result.stdout)) == ("too_much_output", None, 4096)
    errors = ran("import os, time\nos.write(2, b'y' * 900_000)\nos.write(1, b'y' * 900_000)\ntime.sleep(600)")
    assert errors.verdict == "too_much_output"
    assert errors.seconds < PATIENT.wall_s, "it is ended at once"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes"
    enough = ran("import os\nos.write(2, b'y' * 500_000)\nos.write(1, b'z' * 500_000)")
    assert (enough.verdict, enough.stdout, enough.stderr) == ("passed", "z" * 4096, "y" * 4096)


@needs_sandbox
def test_a_huge_file_ends_at_the_limit():
    program = """
        import os
        try:
            with open("huge", "wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 2**20)
        finally:
            print(os.path.getsize("huge"))
    """
    result = ran(program)
    assert (result.verdict, result.last_line) == ("failed", "OSError: [Errno 27] File too large")
    assert result.stdout == f"{16 * 2**20}\n"
    many = ran("for i in range(9):\n    open(str(i), 'wb').write(b'x' * 2**20 * 10)")
    assert (many.verdict, many.last_line) == ("failed", "OSError: [Errno 28] No space left on device")


@needs_sandbox
def test_many_at_once():
    def one(number: int) -> tuple[str, str]:
        result = ran(f"import time; open('own', 'x').close(); time.sleep(0.2); print({number}); assert {number} % 3")
        return result.verdict, result.stdout

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        found = list(pool.map(one, range(18)))
    assert found == [("passed" if number % 3 else "failed", f"{number}\n") for number in range(18)]


@needs_sandbox
def test_everything_ends_with_the_caller():
    word = f"orphan-{secrets.token_hex(8)}"
    sleeper = ["-c", "import time; time.sleep(600)", word]
    program = f"import os, sys; os.execv(sys.executable, [sys.executable, *{sleeper}])"
    caller = f"from completion.evaluation import sandbox; sandbox.run({program!r}, sandbox.Limits(wall_s=300.0))"
    with subprocess.Popen([sys.executable, "-c", caller], cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not any("sandbox" not in text for text in processes_with(word)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    deadline = time.monotonic() + 30
    while processes_with(word):
        assert time.monotonic() < deadline, "it lives on without its caller"
        time.sleep(0.05)
