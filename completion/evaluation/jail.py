"""What `sandbox` starts for each program: it builds the sandbox, runs the program in it, and ends all that is left.

Three processes. The warden, which `sandbox` starts, makes the namespaces, holds the clock, and lives outside the
program's process namespace. The keeper is that namespace's first process: it makes the file system, starts the program
and looks at the memory of all; when it ends, the kernel kills every process in the namespace, daemons and fork bombs
too (pid_namespaces(7)). The third is the program. What came of it is written as JSON to the file descriptor that is the
only argument; the request is a line of JSON on standard input, and when that is closed all is ended.

It imports nothing of this package, because it is run by its address with an interpreter that knows no packages.
"""

import ctypes
import json
import os
import pathlib
import resource
import select
import signal
import sys
import time
from typing import Any

# Names and numbers of linux/sched.h, linux/mount.h and linux/prctl.h; mount_setattr is 442 on every architecture.
_NEW_MOUNTS, _NEW_NAMES, _NEW_IPC, _NEW_USER, _NEW_PIDS, _NEW_NETWORK = (
    *(0x00020000, 0x04000000, 0x08000000),
    *(0x10000000, 0x20000000, 0x40000000),
)
_NOSUID, _NODEV, _BIND, _REC, _SLAVE, _DETACH = 0x2, 0x4, 0x1000, 0x4000, 0x80000, 0x2
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _ATTR_RDONLY, _ATTR_NOSUID = 442, -100, 0x8000, 0x1, 0x2
_SET_PDEATHSIG, _SET_DUMPABLE, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 4, 36, 38

FOLDER = "/sandbox"
PROGRAM = "program.py"
# Who the program is where root starts it: nothing limits how many processes root has.
_NOBODY = 65534
_DEVICES = ("null", "zero", "full", "random", "urandom")
_LOOK_S = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


def _call(what: str, name: str, *arguments) -> None:
    """Calls a function of the C library; `what` is named in its error."""
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _prctl(option: int, value: int) -> None:
    _call(f"prctl {option}", "prctl", option, *map(ctypes.c_ulong, (value, 0, 0, 0)))


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [text and text.encode() for text in (source, target, kind)]
    _call(f"mount {target}", "mount", *texts, ctypes.c_ulong(flags), options.encode())


def _read_only(path: str) -> None:
    """Of a mount and all that are mounted in it."""
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | _ATTR_NOSUID, 0, 0, 0)
    numbers = [ctypes.c_long(n) for n in (_MOUNT_SETATTR, _AT_FDCWD)]
    size = ctypes.c_long(ctypes.sizeof(attributes))
    flags = ctypes.c_long(_AT_RECURSIVE)
    _call("mount_setattr (of Linux 5.12)", "syscall", *numbers, path.encode(), flags, attributes, size)


def _enter_namespaces() -> None:
    """Has own users, processes, network, names and shared memory from here on; processes: of its children.

    Whoever is in a new user namespace can give itself no second user, so a child that stays outside writes who is who:
    the caller and, where that is root, nobody.
    """
    users, groups = ([(own, own)] for own in (os.geteuid(), os.getegid()))
    if os.geteuid() == 0:
        users, groups = [(0, 0), (_NOBODY, _NOBODY)], [(0, 0), (_NOBODY, _NOBODY)]
    entered, tell = os.pipe()
    writer = os.fork()
    if writer == 0:
        try:
            os.close(tell)
            if os.read(entered, 1):
                folder = pathlib.Path(f"/proc/{os.getppid()}")
                if users[0][0] != 0:
                    (folder / "setgroups").write_text("deny")
                for name, numbers in (("gid_map", groups), ("uid_map", users)):
                    (folder / name).write_text("".join(f"{inside} {out} 1\n" for inside, out in numbers))
            os._exit(0)
        except OSError as error:
            os._exit(error.errno)
    _call("unshare", "unshare", _NEW_USER | _NEW_PIDS | _NEW_NETWORK | _NEW_IPC | _NEW_NAMES)
    os.write(tell, b"x")
    number = os.waitstatus_to_exitcode(os.waitpid(writer, 0)[1])
    if number:
        raise OSError(number, f"the map of users: {os.strerror(number)}")


def _show(source: str, target: str) -> None:
    if pathlib.Path(target).exists():
        return  # in something that is shown already
    if pathlib.Path(source).is_dir():
        pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    else:
        pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(target).touch()
    _mount(source, target, None, _BIND | _REC)


def _make_root(visible: list[list[str]], folder_bytes: int) -> None:
    """Makes a file system of what is visible, all of it read-only, and one empty folder, which is not.

    Files that are not shown cannot be read, and sockets (a container engine's, say) cannot be spoken to.
    """
    _call("unshare", "unshare", _NEW_MOUNTS)
    _mount("none", "/", None, _REC | _SLAVE)
    _mount("tmpfs", "/tmp", "tmpfs", _NOSUID | _NODEV, "mode=755")
    os.chdir("/tmp")
    pathlib.Path("outside").mkdir()
    _call("pivot_root", "pivot_root", b".", b"outside")
    os.chdir("/")
    for target, source in [*visible, *([f"/dev/{name}"] * 2 for name in _DEVICES)]:
        _show(f"/outside{source}", target)
    for name in ("proc", FOLDER):
        pathlib.Path("/", name).mkdir()
    _mount("proc", "/proc", "proc", _NOSUID | _NODEV)
    # In a user namespace of its own the program would have rights again that it lost.
    pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
    if not os.path.lexists("/tmp"):
        pathlib.Path("/tmp").symlink_to(FOLDER)
    _call("umount", "umount2", b"/outside", _DETACH)
    pathlib.Path("/outside").rmdir()
    _read_only("/")
    _mount("tmpfs", FOLDER, "tmpfs", _NOSUID | _NODEV, f"mode=1777,size={folder_bytes},nr_inodes=4096")


def _descendants(of: int) -> list[int]:
    """Processes that a process started, or those did, dead ones that nobody waited for left out."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                # pid (name) state parent ...; the name may have brackets in it.
                state, parent = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[:2]
            except (OSError, UnicodeDecodeError):
                continue  # it has ended meanwhile
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(entry))
    found = list(children.get(of, []))
    for pid in found:
        found += children.get(pid, [])
    return found


def _memory_bytes() -> int:
    """What this process's descendants hold; pages that several share are counted for each."""
    pages = 0
    for pid in _descendants(os.getpid()):
        try:
            pages += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * resource.getpagesize()


def _threads_of_user() -> int:
    found = 0
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == os.geteuid():
                found += len(list((path / "task").iterdir()))
        except OSError:
            continue
    return found


def _become_program(request: dict[str, Any], folder: str) -> None:
    """Turns this process into the program."""
    os.setsid()
    os.chdir(folder)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    limits, processes = request["limits"], request["limits"]["processes"]
    if not request["sandboxed"]:
        processes += _threads_of_user()  # without a user namespace all of the user's are counted
    for name, value in (
        ("CORE", 0),
        ("AS", limits["memory_bytes"]),
        ("FSIZE", limits["file_bytes"]),
        ("NOFILE", limits["open_files"]),
        ("NPROC", processes),
    ):
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    # At the first a signal says why, at the second it is killed.
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))
    if request["sandboxed"] and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    _prctl(_SET_NO_NEW_PRIVS, 1)
    # By the name it was called with an interpreter knows its virtual environment; links on the way to it are not shown.
    python = request["python"]
    environment = {**request["environment"], "HOME": folder, "TMPDIR": folder}
    os.execve(os.path.realpath(python), [python, PROGRAM], environment)


def _keep(request: dict[str, Any]) -> dict[str, Any]:
    """The keeper: makes the file system, runs the program, and says how it ended."""
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    limits, folder = request["limits"], request["folder"]
    if request["sandboxed"]:
        folder = FOLDER
        _make_root(request["visible"], limits["folder_bytes"])
        _prctl(_SET_DUMPABLE, 0)  # as the same user the program could open the report by /proc/1/fd, and write it
    else:
        _prctl(_SET_CHILD_SUBREAPER, 1)
    # Half a surrogate pair, which JSON can bring from a server, is for the program's Python to refuse.
    pathlib.Path(folder, PROGRAM).write_bytes(request["program"].encode("utf-8", "surrogatepass"))
    program = _fork(lambda: _become_program(request, folder), request["report"])
    ended = select.poll()
    ended.register(os.pidfd_open(program), select.POLLIN)
    while True:
        while (found := os.wait4(-1, os.WNOHANG))[0]:
            pid, status, usage = found
            if pid == program:
                return {"exit_status": os.waitstatus_to_exitcode(status), "cpu_s": usage.ru_utime + usage.ru_stime}
        if _memory_bytes() > limits["memory_bytes"]:
            return {"ended_for": "memory"}
        ended.poll(_LOOK_S * 1000)


def _fork(act, report: int) -> int:
    """A child that does something, reports what it returns, or its error, and ends."""
    child = os.fork()
    if child:
        return child
    try:
        try:
            found = act()
        except BaseException as error:
            found = {"error": str(error) if isinstance(error, OSError) else repr(error)}
        os.write(report, json.dumps(found).encode() + b"\n")
    finally:
        os._exit(0)  # whatever happens: a child must not go on with what its parent does


def _watch(keeper: int, wall_s: float) -> str | None:
    """Waits for the keeper, until time is up or nobody wants to know any more; says which, None for neither."""
    waiting = select.poll()
    ended = os.pidfd_open(keeper)
    waiting.register(ended, select.POLLIN)
    waiting.register(0, select.POLLIN)
    ready = dict(waiting.poll(wall_s * 1000))
    os.kill(keeper, signal.SIGKILL)  # still there, or a zombie
    os.waitpid(keeper, 0)  # returns when everything in its process namespace is dead
    if ended in ready:
        return None
    return "nobody" if ready else "time"


def _kill_descendants() -> None:
    """Where there is no process namespace: until none is left."""
    while left := _descendants(os.getpid()):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.01)


def main() -> None:
    report = int(sys.argv[1])
    os.set_inheritable(report, False)
    request = json.loads(sys.stdin.buffer.readline())
    request["report"] = report
    try:
        os.umask(0o022)
        if request["sandboxed"]:
            _enter_namespaces()
        _prctl(_SET_CHILD_SUBREAPER, 1)
        keeper = _fork(lambda: _keep(request), report)
        ended_for = _watch(keeper, request["limits"]["wall_s"])
        if not request["sandboxed"]:
            _kill_descendants()
        found = {"ended_for": ended_for} if ended_for else {}
    except OSError as error:
        found = {"error": str(error)}
    os.write(report, json.dumps(found).encode() + b"\n")


if __name__ == "__main__":
    main()
