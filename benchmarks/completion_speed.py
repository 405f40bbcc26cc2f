"""How long does a completion take: our engine, CTranslate2, Hugging Face's T5 and a SavedModel, asked in turns."""

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import completion_models
from benchmarks.completion_models import CONTESTANTS, KINDS, Models
from benchmarks.completion_prompts import LONGEST, Place
from benchmarks.measure import ROOT, BenchmarkError
from benchmarks.results import Section, Target

THREADS, READ, NEW = (1, 2), (128, LONGEST), 32
OURS, THEIRS = ("engine, int8", "engine, int4"), {"Hugging Face, PyTorch": 6.0, "CTranslate2, int8": 2.0}


class Contestant:
    """A process that completes, see `completion_contestant`."""

    def __init__(self, kind: str, folder: pathlib.Path, threads: int):
        words = [sys.executable, "-m", "benchmarks.completion_contestant", "--kind", kind, "--folder", str(folder)]
        self._process = subprocess.Popen(
            [*words, "--threads", str(threads)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._what = f"{kind} on {folder.name}"
        self.start_seconds = self._answer()["ready"]

    def ask(self, **request) -> dict[str, Any]:
        """What it answers to a request."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise BenchmarkError(f"{self._what} ended with status {self._process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)


def section(models: Models, places: Sequence[Place], *, sizes: Sequence[str], say=print) -> Section:
    """Asks all contestants in turns; about half an hour."""
    found: dict[str, dict[str, Any]] = {}
    for size in sizes:
        for threads in THREADS:
            with contextlib.ExitStack() as stack:
                running = {}
                for name, (format_, _) in CONTESTANTS.items():
                    running[name] = Contestant(
                        KINDS.get(format_, format_), models.export(size, name), threads
                    )  # fmt: skip
                    stack.callback(running[name].close)
                for read in READ:
                    key = f"{size}, {threads} threads, {read} tokens"
                    found[key] = in_turns(running, places, read)
                    say(f"  {key}: " + ", ".join(f"{n} {v['new']['p50']:.0f} ms" for n, v in found[key].items()))
                for name, one in running.items():
                    found[f"{size}, {threads} threads, {READ[0]} tokens"][name]["peak_mb"] = one.ask(memory=True)[
                        "peak_mb"
                    ]
    return table(found, models, bandwidth={threads: bytes_per_second(threads) for threads in THREADS})


def in_turns(running: Mapping[str, Contestant], places: Sequence[Place], read: int) -> dict[str, dict[str, Any]]:
    """Milliseconds of each contestant: of the first token, of `NEW` tokens, and to the end of the line.

    Every place is asked of every contestant before the next place is: a slow minute meets all of them.
    """
    times: dict[str, dict[str, list[float]]] = {
        name: {"first": [], "new": [], "line": [], "step": []} for name in running
    }
    for number, place in enumerate(places):
        for name, one in running.items():
            ids = place.before[-read:]
            if not number:
                one.ask(read=ids, new=4)  # what is allocated once
            first, new, line = (one.ask(read=ids, new=count) for count in (1, NEW, place.to_end))
            for kind, answer in (("first", first), ("new", new), ("line", line)):
                times[name][kind].append(answer["seconds"] * 1000)
            if new["written"] > 1:
                times[name]["step"].append((new["seconds"] - first["seconds"]) * 1000 / (new["written"] - 1))
    return {
        name: {kind: {"p50": statistics.median(v), "p95": p95(v)} for kind, v in kinds.items() if v}
        for name, kinds in times.items()
    }


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, linearly between two values."""
    return float(np.percentile(values, 95))


def bytes_per_second(threads: int) -> float:
    """How fast this machine reads memory: the best of five sums over 400 MB, shared among threads."""
    parts = np.array_split(np.ones(100_000_000, np.float32), threads)
    best = float("inf")
    for _ in range(5):
        workers = [threading.Thread(target=part.max) for part in parts]
        started = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        best = min(best, time.perf_counter() - started)
    return 400_000_000 / best


def table(found: Mapping[str, Mapping[str, Any]], models: Models, *, bandwidth: Mapping[int, float]) -> Section:
    """The section of what was found."""
    rows, targets = [], []
    for key, contestants in found.items():
        size, threads, _ = key.split(", ")
        for name, kinds in contestants.items():
            folder = models.export(size, name)
            rows.append([
                key, name, *_cells(kinds, folder, bandwidth[int(threads.split()[0])]),
            ])  # fmt: skip
        for other, least in THEIRS.items():
            best = min(contestants[name]["new"]["p50"] for name in OURS)
            ratio = contestants[other]["new"]["p50"] / best
            what = f"at least {least:g} times as fast as {other}, {key} + {NEW}"
            targets.append(Target(what, f"{ratio:.1f} times", ratio >= least))
    return Section(
        title="A completion: engines",
        about=(
            f"Milliseconds of a completion of held-out code, one request at a time; random weights, {NEW} new tokens, "
            "and, the real case, as many as there are to the end of the line. All contestants hold the same weights, "
            "write the likeliest token each time, and are asked in turns, place by place. The floor is what reading "
            "the decoder's file once a step would take at the speed of memory that was measured: "
            + ", ".join(f"{speed / 1e9:.1f} GB/s with {threads} threads" for threads, speed in bandwidth.items())
            + ". The memory is the process's peak, after all of it."
        ),
        columns=[
            *("model, prompt", "contestant", "first token", f"{NEW} tokens: p50", "p95", "a step", "floor"),
            *("tokens/s", "line: p50", "p95", "MB peak", "MB on disk"),
        ],
        rows=rows,
        targets=targets,
        raw={"found": dict(found), "bandwidth": dict(bandwidth)},
    )


def _cells(kinds: Mapping[str, Any], folder: pathlib.Path, speed: float) -> list[str]:
    step = kinds["step"]["p50"] if "step" in kinds else None
    decoder = completion_models.size_mb(folder, "decoder.onnx")
    return [
        *(f"{kinds['first']['p50']:.0f}", f"{kinds['new']['p50']:.0f}", f"{kinds['new']['p95']:.0f}"),
        "" if step is None else f"{step:.1f}",
        f"{decoder * 1e9 / speed:.1f}" if decoder else "",
        "" if step is None else f"{1000 / step:,.0f}",
        *(f"{kinds['line']['p50']:.0f}", f"{kinds['line']['p95']:.0f}"),
        f"{kinds['peak_mb']:,.0f}" if "peak_mb" in kinds else "",
        f"{completion_models.size_mb(folder):,.0f}",
    ]
