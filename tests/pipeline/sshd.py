"""A real sshd on a loopback port, of the user who runs the tests, with its own keys."""

import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from types import TracebackType

import psutil

from pipeline.hosts import Host

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def missing() -> str:
    """Why there can be no such host here; "" if there can."""
    if not SSHD:
        return "no command `sshd` (Debian's openssh-server)"
    return "" if shutil.which("rsync") else "no command `rsync` (Debian's rsync)"


def make_key(path: pathlib.Path) -> pathlib.Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


class Sshd:
    """A context in which sshd runs, and `host` reaches it."""

    def __init__(self, folder: pathlib.Path, name: str = "near"):
        folder.mkdir(parents=True)
        self.folder, self.name = folder, name
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        host_key, self.key = make_key(folder / "host key"), make_key(folder / "user key")
        public = host_key.with_suffix(".pub").read_text()
        (folder / "known hosts").write_text(f"[127.0.0.1]:{self.port} {public}")
        shutil.copy(self.key.with_suffix(".pub"), folder / "authorized")
        (folder / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey \"{host_key}\"\n"
            f"AuthorizedKeysFile \"{folder / 'authorized'}\"\nStrictModes no\nUsePAM no\nPidFile none\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n"
        )

    @property
    def there(self) -> pathlib.Path:
        return self.folder / "there, with a space"

    def host(self, **changed: object) -> Host:
        fields = {
            "name": self.name,
            "address": "127.0.0.1",
            "user": getpass.getuser(),
            "port": self.port,
            "key": str(self.key),
            "known_hosts": str(self.folder / "known hosts"),
            "folder": str(self.there),
            "python": sys.executable,
        }
        return Host(**{**fields, **changed})

    def start(self) -> None:
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(self.folder / "config")], stderr=log)
        deadline = time.monotonic() + 10
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def drop_connections(self) -> int:
        """Kills the sessions, but nothing that was started by them; says how many there were."""
        dropped = 0
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if child.name() == "sshd":
                child.send_signal(signal.SIGKILL)
                dropped += 1
        return dropped

    def die(self) -> None:
        """Stops taking connections, and drops those that it has."""
        sessions = psutil.Process(self.process.pid).children(recursive=True)
        self.stop()
        for session in sessions:
            if session.is_running() and session.name() == "sshd":
                session.kill()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Sshd":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()
