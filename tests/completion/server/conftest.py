"""The server as a process of its own, on a model with random weights."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests import random_models

START_S = 60


@pytest.fixture(scope="session")
def model(export_onnx, small_codec):
    return export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2))


@contextlib.contextmanager
def served(*words: str, token: str = "") -> Iterator[tuple[subprocess.Popen, str]]:
    """The server's process and its address."""
    environment = {**os.environ, "CODE_T5_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "completion.server", "--port", "0", "--threads", "1", *words],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    try:
        line = process.stdout.readline()
        address = re.search(r"http://\S+:\d+", line)
        assert address, f"no address in {line!r}"
        yield process, address[0]
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def server(model, tmp_path_factory) -> Iterator[str]:
    usage = tmp_path_factory.mktemp("usage") / "usage.sqlite"
    with served("--model", str(model), "--name", "random", "--usage", str(usage)) as (_, address):
        yield address


@pytest.fixture
def client(server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=60) as client:
        yield client


@pytest.fixture
def count(client) -> Callable[[str], float]:
    """A figure of /metrics; 0 where it is not there yet."""

    def figure(name: str) -> float:
        lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith(name + " ")]
        return float(lines[0].split()[-1]) if lines else 0.0

    return figure
