"""Loads a completion server with many clients, kills it under load, and starts it again.

python -m tests.faults.completion_soak
python -m tests.faults.completion_soak --seconds 600 --clients 8

Eight clients type at the same time: each asks at each key of its line, in the three forms that the server speaks,
now and then as a stream that it gives up. No request may fail, and the server's memory must not grow after the first
quarter. Then the server is killed with SIGKILL under load, and must serve
again on the same port. Takes a minute and a half.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import pathlib
import random
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

import httpx

from tests import exported_models
from tests.completion.server.conftest import served

# The server may grow by so much after a quarter of the time: what allocators keep.
MAX_GROWTH = 1.15
LINES = (
    "import os\n\n\nclass A:\n    def path(self, name):\n        return os.path.join(self.root, name)",
    "def f(values):\n    total = 0\n    for value in values:\n        total += value\n    return total",
    "x = [one for one in range(10) if one % 2]",
)


@dataclasses.dataclass
class Figures:
    """What was seen.

    Attributes:
      seconds: of each request that was answered.
      errors: of those that were not, in words.
      memory_mb: of the server, once a second.
    """

    seconds: list[float] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    memory_mb: list[float] = dataclasses.field(default_factory=list)

    def wrong(self) -> list[str]:
        """What must not be."""
        found = list(self.errors[:5])
        quarter = self.memory_mb[: max(1, len(self.memory_mb) // 4)]
        if self.memory_mb and max(self.memory_mb) > max(quarter) * MAX_GROWTH:
            found.append(f"memory grew from {max(quarter):.0f} to {max(self.memory_mb):.0f} MB")
        return found


async def person(client: httpx.AsyncClient, number: int, until: float, figures: Figures) -> None:
    """Types lines over and over, and asks at each key."""
    chance = random.Random(number)
    while time.monotonic() < until:
        line = chance.choice(LINES)
        for end in range(chance.randrange(len(line)), len(line)):
            if time.monotonic() > until:
                return
            prompt = line[:end]
            started = time.perf_counter()
            try:
                await _ask(client, prompt, chance)
            except Exception as error:
                figures.errors.append(f"{type(error).__name__}: {error}")
                return
            figures.seconds.append(time.perf_counter() - started)
            await asyncio.sleep(0.01)


async def _ask(client: httpx.AsyncClient, prompt: str, chance: random.Random) -> None:
    """Asks in one of the forms.

    Raises:
      httpx.HTTPError: there is no answer, or an error.
    """
    form = chance.choice(("openai", "tabby", "infill", "given up"))
    body = {"prompt": prompt, "max_tokens": 8, "stop": "\n", "temperature": 0}
    if form == "given up":
        async with client.stream("POST", "/v1/completions", json={**body, "stream": True}) as answer:
            answer.raise_for_status()
            async for _ in answer.aiter_lines():
                return
        return
    path, asked = {
        "openai": ("/v1/completions", body),
        "tabby": ("/v1/completions", {"segments": {"prefix": prompt}}),
        "infill": ("/infill", {"prompt": prompt, "n_predict": 8, "stop": ["\n"]}),
    }[form]
    (await client.post(path, json=asked)).raise_for_status().json()


async def load(address: str, pid: int, *, clients: int, seconds: float) -> Figures:
    """What so many clients see in so many seconds."""
    figures, until = Figures(), time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        people = [asyncio.create_task(person(client, i, until, figures)) for i in range(clients)]
        while not all(one.done() for one in people):
            figures.memory_mb.append(resident_mb(pid))
            await asyncio.sleep(1)
        await asyncio.gather(*people)
    return figures


def resident_mb(pid: int) -> float:
    """Of a process, in 10^6 bytes."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS"))


async def killed_under_load(address: str, process) -> None:
    """Kills the server while clients ask."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        people = [asyncio.create_task(person(client, i, time.monotonic() + 5, Figures())) for i in range(8)]
        await asyncio.sleep(1)
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*people)
    process.wait(30)


def soak(model: pathlib.Path, *, clients: int, seconds: float) -> tuple[Figures, Figures]:
    """The figures before the server was killed, and of a tenth of the time after it was started again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("--model", str(model), "--port", str(port), "--usage", str(model.parent / "usage.sqlite"))
    with served(*words) as (process, address):
        before = asyncio.run(load(address, process.pid, clients=clients, seconds=seconds))
        asyncio.run(killed_under_load(address, process))
    with served(*words) as (process, address):
        after = asyncio.run(load(address, process.pid, clients=clients, seconds=max(2.0, seconds / 10)))
    return before, after


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns 1 if something was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.completion_soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of load (%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="at the same time (%(default)s)")
    arguments = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model = exported_models.random_export(folder / "model")
        figures = soak(model, clients=arguments.clients, seconds=arguments.seconds)
    for name, one in zip(("before it was killed", "after it was started again"), figures, strict=True):
        seconds = sorted(one.seconds)
        p50, p95 = statistics.median(seconds), seconds[int(0.95 * len(seconds))]
        print(
            f"{name}: {len(seconds):,} requests of {arguments.clients} clients, p50 {p50 * 1000:.0f} ms, "
            f"p95 {p95 * 1000:.0f} ms, memory {one.memory_mb[0]:.0f} to {one.memory_mb[-1]:.0f} MB"
        )
    wrong = [line for one in figures for line in one.wrong()]
    print("\n".join(wrong) or "no error, memory flat, served again after it was killed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
