"""What can be said to a host by OpenSSH: a shell script, a transfer by rsync; and what can go wrong with it."""

import os
import selectors
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from pipeline.hosts import Host

_Result = TypeVar("_Result")
# rsync's exit codes for a connection that broke; 255 is ssh's own.
_BROKEN = {10, 12, 30, 35, 255}
_LONGEST_PAUSE_S = 60.0


class RemoteError(RuntimeError):
    """Something went wrong on a host, or on the way to it."""


class HostUnreachableError(RemoteError):
    """No connection, or it broke: trying again may help."""


class HostRefusedError(RemoteError):
    """The host's key is not the known one, or it does not take ours: trying again does not help."""


class StoppedError(RemoteError):
    """Somebody here asked to stop."""


class Connection:
    """Says things to a host, again and again where the connection breaks.

    Args:
      host: the host.
      patience_s: how long to try again before it is given up.
      say: takes a line about what happens.
      stop: once it is set, everything ends with StoppedError.
    """

    def __init__(
        self,
        host: Host,
        *,
        patience_s: float,
        say: Callable[[str], None] = lambda line: None,
        stop: threading.Event | None = None,
    ):
        self.host = host
        self.patience_s = patience_s
        self._say = say
        self._stop = stop or threading.Event()

    def shell(self, script: str, *arguments: str) -> str:
        """Runs a script by `sh` there, with arguments `$1`, `$2` and so on, and gives what it printed.

        The script ends at the first command that fails. It may run twice, where the connection breaks.

        Raises:
          HostUnreachableError: for longer than the patience.
          HostRefusedError: keys do not match.
          RemoteError: the script failed.
        """
        return self.trying(lambda: self._run_shell(script, arguments))

    def rsync(self, *words: str, text: bytes = b"") -> None:
        """Runs rsync with this host's ssh and `text` as its input; a path there is `self.there(path)`.

        Raises:
          HostUnreachableError, HostRefusedError, RemoteError: as `shell`.
        """
        # -s: paths there are taken as they are, whatever characters they have.
        command = ["rsync", "-s", "-e", shlex.join(self.host.ssh_words()), *words]
        self.trying(lambda: self._finish(command, text, broken=_BROKEN))

    def there(self, path: str) -> str:
        address = f"[{self.host.address}]" if ":" in self.host.address else self.host.address
        return f"{self.host.user}@{address}:{path}" if self.host.user else f"{address}:{path}"

    def stream(self, script: str, *arguments: str) -> Iterator[bytes]:
        """Gives what a script prints as it comes, until it ends or the connection breaks, without trying again.

        Raises:
          HostUnreachableError, HostRefusedError, RemoteError, StoppedError: as `shell`.
        """
        command = [*self.host.ssh_words(), self.host.destination, "sh -s"]
        process = self._start(command, _whole(script, arguments))
        # select.select would take no descriptor above 1,023, and a process may have more files open than that.
        waiting = selectors.DefaultSelector()
        try:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while True:
                self._check_stop()
                if waiting.select(0.2):
                    data = os.read(process.stdout.fileno(), 1 << 16)
                    if not data:
                        break
                    yield data
            error = process.stderr.read().decode(errors="replace")
            self._raise_for(process.wait(), error, broken={255}, what="a script")
        finally:
            waiting.close()
            _end(process)

    def trying(self, action: Callable[[], _Result]) -> _Result:
        """Does it until the connection holds, with longer and longer pauses, as long as the patience lasts."""
        began, pause = time.monotonic(), 0.5
        while True:
            try:
                return action()
            except HostUnreachableError as error:
                if time.monotonic() - began + pause > self.patience_s:
                    raise
                self._say(f"{error}; trying again in {pause:g} s")
            if self._stop.wait(pause):
                self._check_stop()
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _check_stop(self) -> None:
        if self._stop.is_set():
            raise StoppedError(f"{self._where()}: stopped from here")

    def _run_shell(self, script: str, arguments: tuple[str, ...]) -> str:
        command = [*self.host.ssh_words(), self.host.destination, "sh -s"]
        return self._finish(command, _whole(script, arguments), broken={255}).decode(errors="replace")

    def _start(self, command: list[str], text: bytes) -> subprocess.Popen:
        # A file, not a pipe: nothing here has to go on writing into it. It has no name, and goes when it is closed.
        with tempfile.TemporaryFile() as file:
            file.write(text)
            file.seek(0)
            # A session of its own: Ctrl-C is for us, and we end what we started.
            return subprocess.Popen(
                command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )

    def _finish(self, command: list[str], text: bytes, *, broken: set[int]) -> bytes:
        process = self._start(command, text)
        try:
            while True:
                self._check_stop()
                try:
                    output, error = process.communicate(timeout=0.5)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            _end(process)
        self._raise_for(process.returncode, error.decode(errors="replace"), broken=broken, what=command[0])
        return output

    def _where(self) -> str:
        return f"host {self.host.name} ({self.host.destination}, port {self.host.port or 'of ssh'})"

    def _raise_for(self, code: int, error: str, *, broken: set[int], what: str) -> None:
        if code == 0:
            return
        host, error = self.host, error.strip()
        file = host.known_hosts or "~/.ssh/known_hosts"
        port = f" -p {host.port}" if host.port else ""
        name = f"[{host.address}]:{host.port}" if host.port not in (0, 22) else host.address
        if "HOST IDENTIFICATION HAS CHANGED" in error:
            raise HostRefusedError(
                f"{self._where()}: its key is not the one in {file}. Somebody may stand between you and it. If it was "
                f"set up anew, take the old key out with `ssh-keygen -f {file} -R '{name}'`, and add the new one"
            )
        if "Host key verification failed" in error:
            raise HostRefusedError(
                f"{self._where()}: its key is not in {file}. Get it with `ssh-keyscan{port} {host.address}`, compare "
                "its fingerprint (`ssh-keygen -lf -`) with what the host's owner says, and add the line to the file"
            )
        if "Permission denied (" in error:
            raise HostRefusedError(
                f"{self._where()}: it does not take the key {host.key or 'that ssh offers'}: add the public half to "
                f"~/.ssh/authorized_keys there (`ssh-copy-id`); one with a passphrase must be in ssh-agent. {error}"
            )
        last = " / ".join(error.splitlines()[-3:]) or f"exit code {code}"
        if code in broken or code < 0:
            raise HostUnreachableError(f"{self._where()}: no connection: {last}")
        raise RemoteError(f"{self._where()}: {what} failed with exit code {code}: {last}")


def _whole(script: str, arguments: tuple[str, ...]) -> bytes:
    # In braces, so that all of it has been read before it runs, and nothing in it reads the rest of it.
    words = " ".join(shlex.quote(word) for word in arguments)
    return f"set -e\nset -- {words}\n{{\n{script}\nexit 0\n}} < /dev/null\n".encode()


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        pipe.close()
