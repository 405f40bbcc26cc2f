"""What the exported model writes to prompts of one's own. The engine's command writes it: this room has no engine."""

import json
import pathlib
import subprocess
import sys

from pipeline.report_page import Section, Table

COMPLETIONS = "completions.jsonl"
# Beams of the search, as the evaluation has at the least.
_BEAMS = 4


def prompts(file: pathlib.Path, export: pathlib.Path, into: pathlib.Path) -> Section:
    """Completes the prompts of a file, into `COMPLETIONS` of a folder.

    Args:
      file: JSONL of prompts, as `completion.complete` takes it.
      export: made by code_t5.main.export for the engine.

    Example of a line: "    def __init__( -> self, *args, **kwargs):"
    """
    section = Section("Prompts", str(file))
    made = into / COMPLETIONS
    words = ["--model", export, "--input", file, "--output", made, "--beam_size", str(_BEAMS)]
    done = subprocess.run(
        [sys.executable, "-m", "completion.complete", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or f"completion.complete ended with status {done.returncode}").splitlines()[-1]
        section.wrong.append(f"{file}: the prompts could not be completed: {said.removeprefix('error: ')}")
        return section
    rows = [json.loads(line) for line in made.read_text(encoding="utf-8").splitlines()]
    first = [(row["prompt"], (row["completions"] or ["(nothing)"])[0]) for row in rows]
    # Of a prompt the line that is gone on with says most.
    section.lines = [f"{prompt.rpartition(chr(10))[2]} -> {text}" for prompt, text in first]
    section.tables.append(Table("What it writes", ["prompt", "completion"], first))
    section.links["all completions"] = COMPLETIONS
    return section
