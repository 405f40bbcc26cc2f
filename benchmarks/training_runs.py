"""One training run, from its data to its record: t5's own program by the clock, then its checkpoints are scored."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import inputs, measure, results, run_records
from benchmarks.measure import BenchmarkError
from benchmarks.training_data import TrainingData
from benchmarks.training_variants import BATCH_SIZE, LENGTHS, TASK, Settings, gin_layers, train_command
from preprocessing import shards

# The name is written here once more, because importing the module that writes it would import TensorFlow.
PROGRESS = "progress.json"
TELL_EVERY_S = 60
# Python's own hashes choose seeds in Mesh TensorFlow; a fixed one makes two runs of a seed alike.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONHASHSEED": "0"}


def model_dir(data: TrainingData, settings: Settings) -> pathlib.Path:
    """The folder of a run's model; other settings have another one."""
    return data.folder / "models" / f"{settings.name}-{settings.digest}"


def run(settings: Settings, data: TrainingData, *, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Trains, goes on with what was stopped, scores, and keeps the record.

    Returns:
      The record's content, see `finish`.

    Raises:
      BenchmarkError: a process failed; its log is named.
    """
    folder = model_dir(data, settings)
    data_dir = data.data_dir(settings.data, settings.variant.vocabulary, settings.vocab_size)
    begin_again_if_scored(folder)
    if not trained(folder):
        say(f"{settings.name}: {settings.minutes:g} minutes of training, in {folder}")
        train(settings, folder, data_dir, say=say)
    scores = folder / "scores.json"
    command = [*inputs.module("benchmarks.score_checkpoints"), "--model_dir", folder, "--data_dir", data_dir]
    command += ["--documents", data.documents(settings.data), "--output", scores, "--lines", str(settings.lines)]
    say(output([*command, "--kilobytes", str(settings.scored_kb)]).rstrip())
    result = finish(settings, data, json.loads(scores.read_text(encoding="utf-8")))
    if settings.evaluate:
        result["evaluation"] = evaluate(folder, data_dir, say=say)
    say(f"{settings.name}: {run_records.write(settings, result).relative_to(measure.ROOT)}")
    keep_last_checkpoint(folder)
    return result


def trained(folder: pathlib.Path) -> bool:
    """Whether a run came to its end: its clock says so, and the last checkpoint is there."""
    progress = read_progress(folder)
    return bool(progress.get("finished")) and (folder / f"model.ckpt-{progress['saved'][-1][0]}.index").exists()


def begin_again_if_scored(folder: pathlib.Path) -> None:
    """Deletes a model that was scored already: who asks for its run again has deleted the record, to train anew."""
    saved = [step for step, _ in read_progress(folder).get("saved", []) if step]
    if trained(folder) and not all((folder / f"model.ckpt-{step}.index").exists() for step in saved):
        shutil.rmtree(folder)


def read_progress(folder: pathlib.Path) -> dict[str, Any]:
    """What the clock of a model directory keeps; {} where there is none yet."""
    path = folder / PROGRESS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def train(
    settings: Settings,
    folder: pathlib.Path,
    data_dir: pathlib.Path,
    *,
    say: Callable[[str], None] = print,
    **more: Any,
) -> None:
    """Starts t5's program, or starts it again from its last checkpoint, and waits for its end.

    `more` are arguments of `gin_layers`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "train.log"
    command = train_command(folder, data_dir, layers=gin_layers(settings, **more))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=measure.ROOT, env={**os.environ, **ENVIRONMENT}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                try:
                    process.wait(TELL_EVERY_S)
                except subprocess.TimeoutExpired:
                    say(f"  {_last_step(log)}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise BenchmarkError(
            f"the training of {settings.name} ended with status {process.returncode}, see {log}\n{last}"
        )


def output(command: Sequence[str | os.PathLike], *, environment: Mapping[str, str] | None = None) -> str:
    """Runs a command from the repository root and gives what it printed.

    `measure.run` would look at its memory ten times a second, which takes a tenth of a core from it.

    Args:
      environment: variables to add to this process's and `ENVIRONMENT`.

    Raises:
      BenchmarkError: its exit status is not 0; the last lines of its error output are in the message.
    """
    words = [os.fspath(word) for word in command]
    variables = {**os.environ, **ENVIRONMENT, **(environment or {})}
    done = subprocess.run(words, cwd=measure.ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-20:])
        raise BenchmarkError(f"exit status {done.returncode} of {' '.join(words)}\n{last}")
    return done.stdout


def _last_step(log: pathlib.Path) -> str:
    """The last line of the training's progress."""
    found = re.findall(r"^step [\d,]+ of .*$", log.read_text(errors="replace")[-4000:], re.MULTILINE)
    return found[-1] if found else "building the graph"


def evaluate(folder: pathlib.Path, data_dir: pathlib.Path, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs `code_t5.main.evaluate` as users do; its figures, and the `completions` that it printed."""
    figures = folder / "evaluation.json"
    command = [*inputs.module("code_t5.main.evaluate"), "--model_dir", folder, "--task", TASK, "--data_dir", data_dir]
    printed = output([*command, "--output", figures])
    say(printed)
    found = json.loads(figures.read_text(encoding="utf-8"))
    del found["checkpoint"]  # a path of this machine
    lines = printed.splitlines()
    start = next((i for i, line in enumerate(lines) if "completions, drawn at random" in line), 0)
    end = next((i for i, line in enumerate(lines) if "split of" in line), len(lines))
    return {**found, "completions": "\n".join(lines[start:end]).strip()}


def finish(settings: Settings, data: TrainingData, scores: dict[str, Any]) -> dict[str, Any]:
    """Puts a record together.

    Args:
      scores: what `score_checkpoints` wrote.

    Returns:
      `curve` (minutes, step, bits per byte of each checkpoint), `losses` (minutes and mean loss of parts of the time:
      nats over all positions, padding too, so they say nothing between pipelines), `figures` of the last checkpoint,
      `steps`, `seconds`, `tokens` (positions, padding included), `starts` (processes that it took), `machine`,
      `digests` of documents, vocabulary and operative configuration.
    """
    folder = model_dir(data, settings)
    progress = read_progress(folder)
    steps, seconds = progress["saved"][-1]
    parts = progress["losses"]
    losses = [
        [round((i + 0.5) / len(parts) * settings.minutes, 3), round(total / count, 4)]
        for i, (total, count) in enumerate(parts)
        if count
    ]
    return {
        **scores,
        "losses": losses,
        "steps": steps,
        "seconds": seconds,
        "tokens": steps * BATCH_SIZE * sum(LENGTHS.values()),
        "starts": progress["starts"],
        "machine": results.machine(len(os.sched_getaffinity(0))),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
        "commit": results.commit(),
        "digests": {
            "documents": shards.read_manifest(data.documents(settings.data)).digest,
            "vocabulary": data.vocabulary_digest(settings.data, settings.variant.vocabulary, settings.vocab_size),
            "gin": _gin_digest(folder),
        },
    }


def _gin_digest(folder: pathlib.Path) -> str:
    """SHA-256 of the operative configuration without its comments, some of which name machine and time."""
    lines = (folder / "operative_config.gin").read_text(encoding="utf-8").splitlines()
    return hashlib.sha256("\n".join(line for line in lines if not line.startswith("#")).encode()).hexdigest()


def keep_last_checkpoint(folder: pathlib.Path) -> None:
    """Deletes the other checkpoints, once they are scored, events and input positions: 40 MB each."""
    last = read_progress(folder)["saved"][-1][0]
    for path in folder.glob("model.ckpt-*"):
        if not path.name.startswith(f"model.ckpt-{last}."):
            path.unlink()
    names = (f'{field}: "model.ckpt-{last}"\n' for field in ("model_checkpoint_path", "all_model_checkpoint_paths"))
    (folder / "checkpoint").write_text("".join(names), encoding="utf-8")
    for path in folder.glob("events.out.tfevents.*"):
        path.unlink()
    shutil.rmtree(folder / "snapshots", ignore_errors=True)
