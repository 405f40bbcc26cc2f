"""Many commands on several hosts: each host takes the next part when it is free."""

import collections
import dataclasses
import pathlib
import threading
from collections.abc import Callable, Sequence

from pipeline import remote
from pipeline.hosts import Host
from pipeline.sending import DamagedError
from pipeline.ssh import HostRefusedError, HostUnreachableError, RemoteError, StoppedError


@dataclasses.dataclass(frozen=True)
class Part:
    """One command of many; see `remote.run` for its fields."""

    command: tuple[str, ...]
    inputs: tuple[pathlib.Path, ...]
    output: pathlib.Path
    log: pathlib.Path


@dataclasses.dataclass
class Shares:
    """Who did what.

    Attributes:
      done: host -> the number of parts that it made.
      moved: host that failed -> the number of parts that were begun there and went to another one.
      found: the number of parts whose output was there before.
    """

    done: collections.Counter
    moved: collections.Counter
    found: int = 0


def run_many(
    hosts: Sequence[Host],
    parts: Sequence[Part],
    *,
    code: pathlib.Path,
    patience_s: float = 600.0,
    say: Callable[[str], None] = lambda line: None,
) -> Shares:
    """Runs all parts, up to `max_parallel` at once on each host, and brings every output here.

    A host that cannot be reached, or refuses, is not asked again, and its parts go to the others: what it was making
    may go on there, and is thrown away. A command that fails would fail elsewhere, too: the other parts are made first,
    and then it is an error. The same call after a failure makes what is missing. Ctrl-C ends all of them.

    Args:
      hosts: where, with different names.
      parts: what, with different outputs.
      code, say: as in `remote.run`.
      patience_s: how long a host may be out of reach before its part goes to another one.

    Raises:
      RemoteError: parts failed, or no host is left; it names each.
    """
    if len({host.name for host in hosts}) < len(hosts) or len({part.output for part in parts}) < len(parts):
        raise ValueError("two hosts have the same name, or two parts the same output")
    todo = _Queue(hosts, parts)
    stop = threading.Event()

    def work(host: Host) -> None:
        while (part := todo.take(host)) is not None:
            try:
                remote.run(
                    host,
                    part.command,
                    inputs=part.inputs,
                    output=part.output,
                    log=part.log,
                    code=code,
                    patience_s=patience_s,
                    say=lambda line, part=part: say(f"{part.output.name}: {line}"),
                    stop=stop,
                )
            except (HostUnreachableError, HostRefusedError, DamagedError) as error:
                say(f"host {host.name} takes no more parts: {error}")
                todo.give_back(host, part, str(error))
            except StoppedError:
                todo.give_up(part, "stopped from here")
            except Exception as error:  # told at the end, with all others
                todo.give_up(part, str(error))
            else:
                todo.count(host)

    threads = [threading.Thread(target=work, args=(host,)) for host in hosts for _ in range(host.max_parallel)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        stop.set()
        todo.close()
        for thread in threads:
            if thread.ident:
                thread.join()
        raise
    todo.raise_if_undone()
    return todo.shares


class _Queue:
    """Parts that wait for a host; a part that a host had begun before waits for that one, as long as it works."""

    def __init__(self, hosts: Sequence[Host], parts: Sequence[Part]):
        self._changed = threading.Condition()
        self._waiting = [part for part in parts if not part.output.exists()]
        self._working = {host.name for host in hosts}
        self._running = 0
        self._closed = False
        self._failed: dict[str, str] = {}
        self.shares = Shares(collections.Counter(), collections.Counter(), len(parts) - len(self._waiting))

    def take(self, host: Host) -> Part | None:
        with self._changed:
            while host.name in self._working and not self._closed and (self._waiting or self._running):
                for part in self._waiting:
                    began = remote.host_of(part.output)
                    if began in self._working and began != host.name:
                        continue
                    if began != host.name:
                        remote.run_file(part.output).unlink(missing_ok=True)
                    self._waiting.remove(part)
                    self._running += 1
                    return part
                # A part that another host has may come back.
                self._changed.wait()
            return None

    def give_back(self, host: Host, part: Part, reason: str) -> None:
        with self._changed:
            self._working.discard(host.name)
            self._failed[f"host {host.name}"] = reason
            self._waiting.insert(0, part)
            self.shares.moved[host.name] += 1
            self._ended()

    def give_up(self, part: Part, reason: str) -> None:
        with self._changed:
            self._failed[str(part.output)] = reason
            self._ended()

    def count(self, host: Host) -> None:
        with self._changed:
            self.shares.done[host.name] += 1
            self._ended()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def raise_if_undone(self) -> None:
        failed = {
            name: reason for name, reason in self._failed.items() if self._waiting or not name.startswith("host ")
        }
        if failed or self._waiting:
            told = "\n".join(f"{name}: {reason}" for name, reason in failed.items())
            done = sum(self.shares.done.values())
            raise RemoteError(f"{done} parts were made, {len(self._waiting)} have no host left:\n{told}")

    def _ended(self) -> None:
        self._running -= 1
        self._changed.notify_all()
