"""Several hosts on one machine: network namespaces joined by a bridge, or loopback where those are not permitted."""

import os
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Sequence
from types import TracebackType


def _run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(words, capture_output=True, text=True, check=False)


class Hosts:
    """A context in which `count` hosts see each other.

    Attributes:
      refused: why they are processes on loopback, None where they are namespaces.
    """

    def __init__(self, count: int):
        self._name = f"ct{os.getpid() % 10_000}"
        self._count = count
        self.refused: str | None = None

    def __enter__(self) -> "Hosts":
        if not shutil.which("ip"):
            self.refused = "no command `ip` (Debian's iproute2)"
            return self
        made = _run("ip", "link", "add", f"{self._name}br", "type", "bridge")
        if made.returncode:
            self.refused = f"network namespaces are not permitted: {made.stderr.strip()}"
            return self
        for words in self._setup():
            done = _run(*words.split())
            if done.returncode:
                self.__exit__(None, None, None)
                self.refused = f"network namespaces are not permitted: {words}: {done.stderr.strip()}"
                break
        return self

    def _setup(self) -> list[str]:
        bridge = f"{self._name}br"
        words = [f"ip link set {bridge} up"]
        for number in range(self._count):
            space, outer, inner = f"{self._name}h{number}", f"{self._name}o{number}", f"{self._name}i{number}"
            words += [
                f"ip netns add {space}",
                f"ip link add {outer} type veth peer name {inner}",
                f"ip link set {inner} netns {space}",
                f"ip link set {outer} master {bridge}",
                f"ip link set {outer} up",
                f"ip -n {space} addr add {self._address(number)}/24 dev {inner}",
                f"ip -n {space} link set {inner} up",
                f"ip -n {space} link set lo up",
            ]
        return words

    def _address(self, number: int) -> str:
        return f"10.77.{os.getpid() % 250}.{number + 1}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number in range(self._count):
            _run("ip", "netns", "del", f"{self._name}h{number}")
            _run("ip", "link", "del", f"{self._name}o{number}")
        _run("ip", "link", "del", f"{self._name}br")

    def address(self, number: int) -> str:
        """At which the others reach a host."""
        return "127.0.0.1" if self.refused else self._address(number)

    def port(self) -> int:
        """A port that is free on each host."""
        with socket.socket() as probe:
            probe.bind(("", 0))
            return probe.getsockname()[1]

    def start(
        self, number: int, words: Sequence[str | os.PathLike], log: pathlib.Path, **environment: str
    ) -> subprocess.Popen:
        """Starts a command on a host; what it says goes to `log`."""
        space = [] if self.refused else ["ip", "netns", "exec", f"{self._name}h{number}"]
        with log.open("ab") as output:
            return subprocess.Popen(
                [*space, *map(os.fspath, words)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
            )
