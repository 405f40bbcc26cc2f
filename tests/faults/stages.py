"""The commands that make a folder, from repositories to cached tokens, as users type them."""

import dataclasses
import hashlib
import json
import os
import pathlib
import sysconfig
import time

from tests.faults import processes

OUT = "OUT"
# Packages of Python's standard library, each a repository: real code, the same on every machine with this Python.
SMALL = ("asyncio", "concurrent", "ctypes", "email", "html", "http", "importlib", "json", "logging", "unittest")
DATASET = "flcc_python/dev"
TASK = "fl_py_dev"
BENCHMARK = "benchmark.jsonl"


@dataclasses.dataclass(frozen=True)
class Stage:
    """A command that makes a folder.

    Attributes:
      name: also that of its folder among the undisturbed outputs.
      command: its arguments; OUT stands for the folder to make.
      finished: what in that folder says that it is finished; "" for the folder itself.
      has_workers: whether it has processes beside the main one.
      has_tensorflow: whether it takes some ten seconds to start.
      status_again: how it ends where its output is finished already.
    """

    name: str
    command: tuple[str, ...]
    finished: str = ""
    has_workers: bool = False
    has_tensorflow: bool = False
    status_again: int = 0

    def argv(self, out: pathlib.Path) -> list[str]:
        return [str(out) if argument == OUT else argument for argument in self.command]

    def looks_finished(self, out: pathlib.Path) -> bool:
        return (out / self.finished).exists()


def stages(made: pathlib.Path, *, source: tuple[str, ...], max_mb: float) -> dict[str, Stage]:
    """All stages, in an order in which each finds its input among the outputs of those before.

    Args:
      made: the folder of undisturbed outputs: `made / <name of the stage> / "out"`.
      source: what `build_flcc` makes a tree of.
      max_mb: megabytes of that tree to go on with.
    """

    def python(module: str, *arguments: str) -> tuple[str, ...]:
        return ("python", "-m", module, *arguments)

    def output(name: str) -> str:
        return str(made / name / "out")

    tree = ("--output_dir", OUT, "--pattern", "*", "--input_dir", output("build_flcc"))
    chain = (
        "--input_dir",
        output("dev"),
        "--output_dir",
        OUT,
        "--validation_permille",
        "200",
        "--test_permille",
        "100",
    )
    chain += ("--against", output("earlier"), "--benchmarks", str(made / BENCHMARK))
    documents = ("--documents", output("run"), "--output_dir", OUT)
    small = ("--vocab_size", "1500", "--sample_mb", "0.4")
    workers = ("--workers", "2")
    built = ("--dataset", DATASET, "--data_dir", OUT, "--documents", output("run"))
    built += ("--vocabulary", output("vocabulary"))
    cached = ("--tasks", TASK, "--cache_dir", OUT, "--data_dir", output("build_dataset"))
    listed = [
        Stage("build_flcc", python("preprocessing.build_flcc", "--output_dir", OUT, *source), status_again=2),
        Stage("dev", ("scripts/dev_dataset.sh", *tree, "--max_mb", f"{max_mb}")),
        Stage("earlier_dev", ("scripts/dev_dataset.sh", *tree, "--max_mb", f"{max_mb / 4}", "--seed", "1")),
        Stage(
            "earlier",
            python("preprocessing.run", "--input_dir", output("earlier_dev"), "--output_dir", OUT, *workers),
            has_workers=True,
        ),
        Stage("run", python("preprocessing.run", *chain, *workers), has_workers=True),
        Stage("beam", python("preprocessing.beam", *chain)),
        Stage("vocabulary", python("preprocessing.vocabulary", *documents, *small)),
        Stage("statistics", python("preprocessing.statistics", *documents, *workers), has_workers=True),
        Stage("weights", python("preprocessing.weights", *documents, "--by", "symbol", *workers), has_workers=True),
        Stage(
            "build_dataset",
            python("code_t5.main.build_dataset", *built),
            finished=f"{DATASET}/1.0.0",
            has_tensorflow=True,
        ),
        Stage("cache", python("code_t5.main.cache", *cached), finished=f"{TASK}/COMPLETED", has_tensorflow=True),
    ]
    return {stage.name: stage for stage in listed}


def small_sources() -> tuple[str, ...]:
    """Arguments that make `build_flcc` take packages of the standard library, 4 MB in all."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    return ("--source", *(str(library / name) for name in SMALL))


@dataclasses.dataclass(frozen=True)
class Undisturbed:
    """What a stage does when nothing happens.

    Attributes:
      content: as `content` gives it.
      begin_s: when the first file or folder was there, in seconds after the start.
      end_s: when it had ended.
    """

    content: dict[str, str]
    begin_s: float
    end_s: float


def run_undisturbed(stage: Stage, made: pathlib.Path) -> Undisturbed:
    """Makes `made / <name> / "out"`.

    Raises:
      AssertionError: the command fails.
    """
    folder = made / stage.name
    folder.mkdir(parents=True)
    if str(made / BENCHMARK) in stage.command:
        write_benchmark(made)
    with processes.running(stage.argv(folder / "out")) as command:
        begin_s = wait_for_beginning(command, folder)
        assert command.wait(timeout_s=600) == 0, command.stderr[-3000:]
        end_s = command.seconds
    assert stage.looks_finished(folder / "out"), command.stdout
    return Undisturbed(content(folder), begin_s, end_s)


def wait_for_beginning(command: processes.Running, folder: pathlib.Path) -> float:
    """Waits until a command has left something in its folder, or has ended; seconds after its start."""
    while command.process.poll() is None and not any(folder.iterdir()):
        time.sleep(0.002)
    return command.seconds


def content(folder: pathlib.Path) -> dict[str, str]:
    """Everything below a folder: path -> SHA-256 of a file, target of a link, or "folder"."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = pathlib.Path(place, name)
            if path.is_symlink():
                found[path.relative_to(folder).as_posix()] = f"link to {path.readlink()}"
            elif path.is_dir():
                found[path.relative_to(folder).as_posix()] = "folder"
            else:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[path.relative_to(folder).as_posix()] = digest
    return found


def write_benchmark(made: pathlib.Path) -> None:
    """Writes a benchmark whose problems stand in the files of the dev dataset, so that there is something to drop."""
    files = sorted(path for path in (made / "dev").rglob("*_*.py") if path.stat().st_size > 4_000)
    with (made / BENCHMARK).open("w", encoding="utf-8") as out:
        for number, path in enumerate(files[:: max(1, len(files) // 10)]):
            text = path.read_text(encoding="utf-8", errors="replace")
            row = {"task_id": f"task/{number}", "prompt": text[2_000:3_000], "canonical_solution": text[3_000:4_000]}
            out.write(json.dumps(row) + "\n")
