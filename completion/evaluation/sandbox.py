"""Runs a Python program that nobody has read, and says what came of it.

It runs in a session and in user, process, network, mount and shared-memory namespaces of its own (namespaces(7)), with
limits on its time, memory, processes, files and output. It sees the system's libraries and this interpreter, read-only,
and one empty folder of its own in memory, where it starts. It has no network, no input, no rights, nothing of the
caller's environment or other files, and all its processes are dead when `run` returns. That keeps a machine safe from
mistakes and mischief of a model's code, not from somebody who knows a hole in the Linux kernel.

Example: `run("print(1)").verdict` is "passed", and `run("assert 1 == 2, 'no'").last_line` is "AssertionError: no".
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

_JAIL = pathlib.Path(__file__).with_name("jail.py")
# What Python's own libraries are linked with, and where loaders look for it.
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime"),
)
# One thread: where threads are not the question, a library's own take memory and processes from the limits.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
}
_KEPT_BYTES = 4096
# Beyond the time of the program: to build the sandbox and to take it down, on a machine that has much to do.
_GRACE_S = 60.0

PASSED, FAILED, TIMED_OUT = "passed", "failed", "timed_out"
TOO_MUCH_MEMORY, TOO_MUCH_OUTPUT, KILLED = "too_much_memory", "too_much_output", "killed"


class SandboxError(RuntimeError):
    """No program could be run; says why, which has nothing to do with the program."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a program may take.

    Attributes:
      wall_s: seconds until it is ended.
      cpu_s: seconds of computing of each process.
      memory_bytes: of address space of each process, and of memory of all together.
      file_bytes: of each file it writes.
      folder_bytes: of all files together, which are in memory.
      processes: and threads, at a time.
      open_files: of each process.
      output_bytes: that it writes to standard output and standard error together.
    """

    wall_s: float = 10.0
    cpu_s: int = 5
    memory_bytes: int = 2 << 30
    file_bytes: int = 16 << 20
    folder_bytes: int = 64 << 20
    processes: int = 32
    open_files: int = 64
    output_bytes: int = 1 << 20


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a program.

    Attributes:
      verdict: "passed" (exit status 0), "failed" (another), "timed_out" (of either time), "too_much_memory" (it ended
        with a MemoryError, or was ended for it), "too_much_output", "killed" (by another signal: a crash, say).
      exit_status: minus the number of the signal that ended it; None where it was ended from outside.
      stdout: the last 4,096 bytes of it.
      stderr: likewise.
      seconds: from its start to the end of all its processes, the sandbox's own included.
    """

    verdict: str
    exit_status: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def last_line(self) -> str:
        """Of standard error, which for an exception that nothing caught names it; "" where there is none."""
        return next((line for line in reversed(self.stderr.splitlines()) if line.strip()), "")


def run(program: str, limits: Limits | None = None, *, allow_unsandboxed: bool = False) -> Result:
    """Runs a program. Threads may do so at the same time.

    Args:
      allow_unsandboxed: whether to run it where no sandbox can be made: with the same limits but `folder_bytes`, in a
        folder that is deleted, and all its processes are ended; but it can read and write whatever the caller can, use
        the network, and where the caller is root nothing limits the number of its processes.

    Raises:
      SandboxError: no sandbox can be made, and `allow_unsandboxed` is False; or it broke.
    """
    reason = permitted()
    if reason and not allow_unsandboxed:
        raise SandboxError(
            f"programs that a model wrote are not run without a sandbox, and none can be made here: {reason}. Allow "
            "user namespaces, or use a machine or container that has them (docker run --privileged); or, where nothing "
            "can be lost, give --allow_unsandboxed"
        )
    return _run(program, limits or Limits(), sandboxed=reason is None)


@functools.cache
def permitted() -> str | None:
    """Why no sandbox can be made here, found out by making one; None where it can."""
    if sys.platform != "linux":
        return f"namespaces are a thing of Linux, and this is {sys.platform}"
    try:
        result = _run("", Limits(wall_s=_GRACE_S), sandboxed=True)
    except SandboxError as error:
        return str(error) + _known_reason()
    if result.verdict == PASSED:
        return None
    return f"a program that does nothing {result.verdict.replace('_', ' ')} in it: {result.last_line}"


def _known_reason() -> str:
    for name, value in (("kernel/apparmor_restrict_unprivileged_userns", "1"), ("user/max_user_namespaces", "0")):
        path = pathlib.Path("/proc/sys", name)
        if path.exists() and path.read_text().strip() == value:
            return f" ({path} is {value})"
    return ""


def _visible() -> list[tuple[str, str]]:
    """Where something is seen in the sandbox, and where it is outside: by the name it is asked for, and by its own."""
    shown: dict[str, str] = {}
    for name in (*_SYSTEM, sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix):
        path = pathlib.Path(name)
        if path.exists():
            real = str(path.resolve())
            shown |= {real: real, str(path): real}
    return list(shown.items())


def _run(program: str, limits: Limits, *, sandboxed: bool) -> Result:
    with contextlib.ExitStack() as stack:
        folder = None
        if not sandboxed:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        request = {
            "program": program,
            "python": sys.executable,
            "environment": _ENVIRONMENT,
            "limits": dataclasses.asdict(limits),
            "sandboxed": sandboxed,
            "visible": _visible() if sandboxed else [],
            "folder": folder,
        }
        started = time.monotonic()
        report, written = os.pipe()
        report = stack.enter_context(os.fdopen(report, "rb", buffering=0))
        try:
            jail = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_JAIL), str(written)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={},
                cwd="/",
                start_new_session=True,
                pass_fds=(written,),
            )
        finally:
            os.close(written)
        stack.enter_context(jail)
        stack.callback(jail.stdin.close)  # whatever happens here: it ends everything, and `jail` is waited for
        with contextlib.suppress(BrokenPipeError):  # it ended at once; what it said is read below
            left = memoryview(json.dumps(request).encode() + b"\n")
            while left:
                left = left[jail.stdin.write(left) :]
        texts, ended_for = _read(jail, report, limits)
        seconds = time.monotonic() - started
    return _result(texts, ended_for, seconds, limits)


def _read(jail: subprocess.Popen, report, limits: Limits) -> tuple[list[bytes], str | None]:
    """Ends of standard output, standard error and the report; and what the program was ended for."""
    texts = {jail.stdout: b"", jail.stderr: b"", report: b""}
    room, ended_for = limits.output_bytes, None
    deadline = time.monotonic() + limits.wall_s + _GRACE_S
    with selectors.DefaultSelector() as selector:
        for file in texts:
            selector.register(file, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(deadline - time.monotonic())
            if not ready:
                # Its keeper dies with it, and with the keeper all that it keeps.
                os.killpg(jail.pid, signal.SIGKILL)
                return list(texts.values()), "nothing was heard of it"
            for key, _ in ready:
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                texts[key.fileobj] = (texts[key.fileobj] + chunk)[-_KEPT_BYTES:]
                room -= len(chunk) if key.fileobj is not report else 0
                if room < 0 and not ended_for:
                    ended_for = "output"
                    jail.stdin.close()
    return list(texts.values()), ended_for


def _result(texts: list[bytes], ended_for: str | None, seconds: float, limits: Limits) -> Result:
    stdout, stderr = (text.decode("utf-8", errors="replace") for text in texts[:2])
    reports = [json.loads(line) for line in texts[2].splitlines()]
    # The first says more: of one that could not be started, too, it is said that it ended.
    found: dict[str, Any] = next((one for one in reports if one), {})
    if "error" in found:
        raise SandboxError(found["error"])
    ended_for = ended_for or found.get("ended_for")
    status = None if ended_for else found.get("exit_status")
    result = Result(FAILED, status, stdout, stderr, seconds)
    known = {"output": TOO_MUCH_OUTPUT, "memory": TOO_MUCH_MEMORY, "time": TIMED_OUT}
    if ended_for in known:
        verdict = known[ended_for]
    elif status is None:
        raise SandboxError(f"the sandbox itself was killed, or broke: {ended_for or result.last_line or 'no report'}")
    elif status == -signal.SIGXCPU or (status == -signal.SIGKILL and found["cpu_s"] >= limits.cpu_s):
        verdict = TIMED_OUT
    elif status < 0:
        verdict = KILLED
    elif status and result.last_line.startswith("MemoryError"):
        verdict = TOO_MUCH_MEMORY
    else:
        verdict = FAILED if status else PASSED
    return dataclasses.replace(result, verdict=verdict)
