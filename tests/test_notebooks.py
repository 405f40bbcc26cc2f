"""Notebooks run to their end, and what is committed of them can be read anywhere."""

import ast
import os
import pathlib
import re
import subprocess
import sys

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_BYTES = 200_000
# Paths of somebody's machine, and a file name that ends in a host name. `$WORK/...` is no absolute path.
LOCAL = re.compile(
    r"(?<![\w$}.~])/(?:home|root|work|tmp|usr|opt|var|mnt|media|srv|private|Users)/|events\.out\.tfevents"
)
NOISE = re.compile(r"\b\w*Warning: |^WARNING|^[WE]\d{4} |Traceback", re.MULTILINE)

# The last file that each of them makes.
LEAVES = {
    "dev_dataset_walk.ipynb": "completions.jsonl",
    "statistics.ipynb": "statistics/statistics.html",
    "training_runs.ipynb": "compared.svg",
}


def shown(output: nbformat.NotebookNode) -> str:
    """All that a reader sees of an output."""
    if output.output_type == "stream":
        return output.text
    return "\n".join(str(value) for value in output.get("data", {}).values())


def problems(path: pathlib.Path) -> list[str]:
    """What makes a notebook unfit to be committed; each begins with the place."""
    notebook = nbformat.read(path, as_version=4)
    found = []
    if path.stat().st_size >= MAX_BYTES:
        found.append(f"{path.name}: {path.stat().st_size} bytes, at most {MAX_BYTES}")
    if set(notebook.metadata) - {"kernelspec", "language_info"} or "version" in notebook.metadata.get(
        "language_info", {}
    ):
        found.append(f"{path.name}: metadata of the machine that ran it")
    run_so_far = 0
    for number, cell in enumerate(notebook.cells, start=1):
        where = f"{path.name} cell {number}"
        if cell.metadata:
            found.append(f"{where}: metadata {sorted(cell.metadata)}")
        if LOCAL.search(cell.source):
            found.append(f"{where}: local path {LOCAL.search(cell.source)[0]} in its source")
        if cell.cell_type != "code":
            continue
        run_so_far += 1
        if cell.execution_count != run_so_far:
            found.append(f"{where}: not executed in order from the top (In [{cell.execution_count}])")
        if not cell.outputs:
            found.append(f"{where}: shows nothing")
        for output in cell.outputs:
            if output.output_type == "error" or output.get("name") == "stderr":
                found.append(f"{where}: {output.output_type} {output.get('ename', 'stderr')}")
                continue
            for what, pattern in (("local path", LOCAL), ("warning", NOISE)):
                if match := pattern.search(shown(output)):
                    found.append(f"{where}: {what} {match[0]} in its output")
    return found


def execute(path: pathlib.Path, output: pathlib.Path, **variables: str) -> subprocess.CompletedProcess:
    program = ROOT / "notebooks" / "execute.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CODE_T5_WALK")}
    return subprocess.run(
        [sys.executable, program, path, "--output", output],
        env={**environment, **variables, "IPYTHONDIR": str(output.parent / "ipython")},
        capture_output=True,
        text=True,
    )


def write(path: pathlib.Path, *cells: nbformat.NotebookNode) -> pathlib.Path:
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


def printed(source: str, text: str, *, count: int = 1, name: str = "stdout") -> nbformat.NotebookNode:
    output = nbformat.v4.new_output("stream", name=name, text=text)
    return nbformat.v4.new_code_cell(source, execution_count=count, outputs=[output])


def test_there_is_a_walk():
    assert "dev_dataset_walk.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_committed_notebooks_can_be_read_anywhere(path):
    assert problems(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_assert_what_they_say(path):
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    with_asserts = [
        source for source in cells if any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(source)))
    ]
    assert len(with_asserts) >= len(cells) / 2


ERROR = nbformat.v4.new_output("error", ename="KeyError", evalue="'x'", traceback=[])


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (printed("print(1)", "$WORK/data and a/usr/b"), []),
        (printed("print(1)", "written to /tmp/x7/data\n"), ["bad.ipynb cell 1: local path /tmp/ in its output"]),
        (printed("open('/home/ann/a')", "1"), ["bad.ipynb cell 1: local path /home/ in its source"]),
        (
            printed("1", "events.out.tfevents.17.box"),
            ["bad.ipynb cell 1: local path events.out.tfevents in its output"],
        ),
        (printed("1", "x", name="stderr"), ["bad.ipynb cell 1: stream stderr"]),
        (printed("1", "a.py:3: UserWarning: old"), ["bad.ipynb cell 1: warning UserWarning:  in its output"]),
        (printed("1", "x", count=3), ["bad.ipynb cell 1: not executed in order from the top (In [3])"]),
        (nbformat.v4.new_code_cell("x = 1", execution_count=1), ["bad.ipynb cell 1: shows nothing"]),
        (nbformat.v4.new_code_cell("x", execution_count=1, outputs=[ERROR]), ["bad.ipynb cell 1: error KeyError"]),
    ],
)
def test_what_is_unfit_is_found(cell, expected, tmp_path):
    assert problems(write(tmp_path / "bad.ipynb", cell)) == expected


def test_a_large_notebook_is_found(tmp_path):
    path = write(tmp_path / "large.ipynb", printed("1", "x" * MAX_BYTES))
    assert problems(path) == [f"large.ipynb: {path.stat().st_size} bytes, at most {MAX_BYTES}"]


def test_a_cell_that_fails_fails_the_execution_and_nothing_is_written(tmp_path):
    path = write(tmp_path / "wrong.ipynb", nbformat.v4.new_code_cell("assert 1 + 1 == 3, 'a law is broken'"))
    result = execute(path, tmp_path / "out.ipynb")
    assert result.returncode == 1
    assert "wrong.ipynb failed, nothing was written" in result.stderr
    assert "AssertionError: a law is broken" in result.stderr
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_run_to_their_end(path, tmp_path):
    before = {file: file.read_bytes() for file in (ROOT / "notebooks").iterdir() if file.is_file()}
    work = tmp_path / "a work folder"
    result = execute(path, tmp_path / path.name, CODE_T5_WALK_DIR=str(work))
    assert result.returncode == 0, result.stderr[-5000:]
    assert problems(tmp_path / path.name) == []
    assert (work / LEAVES[path.name]).exists()
    assert {file: file.read_bytes() for file in (ROOT / "notebooks").iterdir() if file.is_file()} == before
