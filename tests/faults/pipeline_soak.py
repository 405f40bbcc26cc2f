"""Kills the pipeline at random moments until it ends: the results must be those of an undisturbed run.

python -m tests.faults.pipeline_soak
python -m tests.faults.pipeline_soak --kills 30 --seed 7

Ten steps through everything, as in experiments/smoke.yaml, of packages of the standard library: once undisturbed, once
killed with SIGKILL, all processes or the pipeline alone, and started again; where it comes to its end before so many
kills, in a new place. Takes 15 minutes.
"""

import hashlib
import itertools
import json
import pathlib
import random
import sys
from collections.abc import Sequence

from tests.code_t5 import conftest
from tests.faults import processes, soak_command

# Results whose bytes are a function of what they are made from; of the others it is the place.
SAME_BYTES = ("DevTree", "Documents", "Vocabulary")
# A life lasts at most this share of an undisturbed run.
LONGEST_LIFE = 0.5


def experiment(made: pathlib.Path) -> pathlib.Path:
    """An experiment file: the smoke test, of some packages of the standard library."""
    sources = []
    for name, files in conftest.standard_library().items():
        sources.append(made / "source" / name)
        for path, content in files.items():
            (sources[-1] / path).parent.mkdir(parents=True, exist_ok=True)
            (sources[-1] / path).write_bytes(content)
    path = made / "soak.yaml"
    base = processes.ROOT / "experiments" / "smoke.yaml"
    tree = {"installed_packages": False, "source": [str(source) for source in sources]}
    path.write_text(json.dumps({"base": str(base), "FlccTree": tree}), encoding="utf-8")  # JSON is YAML
    return path


def command(asked: pathlib.Path, results: pathlib.Path) -> list[str]:
    return ["python", "-m", "pipeline", "run", "--experiment", str(asked), "--results", str(results)]


def found(results: pathlib.Path) -> dict[str, str]:
    """Each result, and the digest of its bytes where they are a function of what it is made from."""
    folders = sorted(path for path in results.glob("*/*") if path.is_dir() and not path.parent.name.startswith("."))
    return {
        f"{path.parent.name}/{path.name}": _bytes(path) if path.parent.name in SAME_BYTES else "" for path in folders
    }


def _bytes(folder: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def soak(made: pathlib.Path, *, kills: int, seed: int) -> list[str]:
    """Runs undisturbed, then with kills; prints each of them and gives what went wrong."""
    asked, generator = experiment(made), random.Random(seed)
    with processes.running(command(asked, made / "undisturbed" / "results")) as whole:
        if whole.wait(timeout_s=1800) != 0:
            return [f"the undisturbed run failed: {whole.stdout[-2000:]}{whole.stderr[-1000:]}"]
        seconds = whole.seconds
    print(f"undisturbed: {seconds:.0f} s", flush=True)
    left = kills
    for begun in itertools.count(1):
        results = made / f"killed-{begun}" / "results"
        killed, found = _killed(
            command(asked, results), kills=left, most_seconds=LONGEST_LIFE * seconds, generator=generator
        )
        left -= killed
        found = found or wrong(results, made / "undisturbed" / "results")
        if found or not left:
            return found
        print(f"it came to its end; begun anew for {left} kills more", flush=True)


def _killed(
    words: Sequence[str], *, kills: int, most_seconds: float, generator: random.Random
) -> tuple[int, list[str]]:
    """Starts one pipeline again and again until it comes to its end; how often it was killed, and what went wrong."""
    lives: list[processes.Running] = []
    try:
        for life in range(kills + 1):
            lives.append(processes.Running(words))
            code = lives[-1].wait(timeout_s=generator.uniform(1, most_seconds) if life < kills else 1800)
            if code is not None:
                said = [f"a run failed: {lives[-1].stdout[-2000:]}{lives[-1].stderr[-1000:]}"] if code else []
                return life, said
            # What the pipeline had started goes on where it is killed alone: the next one waits for it.
            alone = generator.random() < 0.3
            lives[-1].kill("main") if alone else lives[-1].end()
            said = lives[-1].stdout.strip().rpartition("\n")[2]
            print(f"kill {life + 1:>2}, {'the pipeline alone' if alone else 'everything'}, after {said}", flush=True)
        return kills, ["the last run did not end in 30 minutes"]
    finally:
        for one in lives:
            one.end()


def wrong(results: pathlib.Path, expected: pathlib.Path) -> list[str]:
    """What differs from the undisturbed run, and what was left half made."""
    there, wanted = found(results), found(expected)
    said = [f"{name} is {'missing' if name in wanted else 'one too many'}" for name in sorted(there.keys() ^ wanted)]
    said += [f"{name} has other bytes" for name in sorted(there.keys() & wanted) if there[name] != wanted[name]]
    for path in sorted(results.glob("[!.]*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["status"] != "finished":
            said.append(f"{path.parent.name}/{path.stem} is {record['status']}")
    return said


if __name__ == "__main__":
    right = "the results are those of the undisturbed run"
    sys.exit(soak_command.run(soak, name="pipeline_soak", about=__doc__, right=right))
