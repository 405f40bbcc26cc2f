"""`python -m pipeline` on a few small folders of source, up to the vocabulary: seconds."""

import contextlib
import pathlib
import random
import re
import subprocess
import sys
import time

import psutil

from pipeline import records

ROOT = pathlib.Path(__file__).parents[2]
STAGES = ("FlccTree", "Documents", "Vocabulary")


class Pipeline:
    """`python -m pipeline` in a folder with a small experiment; `run` is its `run --until Vocabulary`."""

    def __init__(self, folder: pathlib.Path):
        self.folder, self.results, self.file = folder, folder / "results", folder / "small.yaml"
        draw = random.Random(5)
        for repository in range(12):
            path = folder / "source" / f"tool{repository}" / "setup.py"  # a repository has one
            path.parent.mkdir(parents=True)
            words = ["".join(draw.choices("abcdefgh", k=5)) for _ in range(40)]
            path.write_text("".join(f"{draw.choice(words)} = {draw.choice(words)}({n})\n" for n in range(40)))
        self.ask(600)

    def ask(self, *vocab_sizes: int) -> None:
        """Writes the experiment; a grid, where there are several sizes."""
        sizes = f"grid: {{Vocabulary.vocab_size: {list(vocab_sizes)}}}\n" if len(vocab_sizes) > 1 else ""
        self.file.write_text(
            f"FlccTree: {{source: [{self.folder}/source]}}\n"
            "Documents: {validation_permille: 200, test_permille: 200}\n"
            f"Vocabulary: {{vocab_size: {vocab_sizes[0]}}}\n{sizes}"
        )

    def words(self, *arguments: str) -> list[str]:
        words = ["run", "--experiment", self.file, "--results", self.results, "--until", "Vocabulary", *arguments]
        return [sys.executable, "-m", "pipeline", *map(str, words)]

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.words(*arguments), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(self.words(*arguments), cwd=ROOT, text=True, capture_output=True, check=False)

    def other(self, *arguments: object) -> subprocess.CompletedProcess:
        words = [sys.executable, "-m", "pipeline", *map(str, arguments)]
        return subprocess.run(words, cwd=ROOT, text=True, capture_output=True, check=False)

    def every(self) -> list[records.Record]:
        return records.all_records(self.results)

    def record(self, stage: str) -> records.Record:
        (found,) = (one for one in self.every() if one.stage == stage)
        return found

    def made(self) -> dict[str, bytes | None]:
        """What is there: the results, and what the vocabularies are, to the byte."""
        return {
            str(path.relative_to(self.results)): (path / "code.model").read_bytes() if "Voc" in str(path) else None
            for path in self.results.glob("*/*")
            if path.is_dir()
        }

    def processes(self) -> list[psutil.Process]:
        """All that work on these results."""
        return [
            one for one in psutil.process_iter()
            if one.status() != psutil.STATUS_ZOMBIE and any(str(self.results) in word for word in _words_of(one))
        ]  # fmt: skip


def _words_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def until(what, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.01)


def lines(done: subprocess.CompletedProcess) -> list[str]:
    """What was said, with D for digests and 0 for times."""
    return [re.sub(r"\[ *\d+ s\]", "[0 s]", re.sub(r"\b[0-9a-f]{10}\b", "D", re.sub(r"in \d+ s", "in 0 s", line)))
            for line in done.stdout.splitlines()]  # fmt: skip
