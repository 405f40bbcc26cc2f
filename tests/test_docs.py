"""What README.md and GENTLE_INTRO.md say, against the repository: commands, flags, files, gin files, tables.

A core of the commands is run, in the order of GENTLE_INTRO.md, as somebody would who pastes them.
"""

import ast
import functools
import importlib.util
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from pipeline import experiment, links
from pipeline.stages import ARGUMENTS, STAGES
from preprocessing import contract

ROOT = pathlib.Path(__file__).parents[1]
PAGES = ("training", "exporting", "serving", "editors", "evaluation", "pipeline")
DOCS = ("README.md", "GENTLE_INTRO.md", *(f"docs/{name}.md" for name in PAGES))
TRAINER = "t5.models.mesh_transformer_main"
# What a flag names: something that must be there, or something that the command makes.
READS = {
    *("input_dir", "documents", "vocabulary", "data_dir", "t5_tfds_data_dir", "model_dir", "input", "source"),
    *("additional_task_cache_dirs", "logdir"),
}
MAKES = {"output_dir", "output", "cache_dir", "download_dir", "folder", "work_dir"}
# What the reader has to fill in, or has.
THEIR_OWN = ("~/", "gs://", "/path/to/")
UNSET = {"PWD": "/clone", "LD_LIBRARY_PATH": "", "PYTORCH_CPU_INDEX": "https://index.invalid/whl/cpu"}
TOOLS = ("echo", "printf", "cat", "ls", "head", "tail", "zcat", "grep", "sed", "rm", "curl", "git", "cd")
HERE_DOCUMENT = re.compile(r"^([^\n]*) <<'EOF'\n(.*?)^EOF\n", re.M | re.S)
OPERATORS = {"|", "&&", ";", "||"}


class Command(NamedTuple):
    """A command of a document, its variables filled in."""

    where: str
    words: tuple[str, ...]

    @property
    def module(self) -> str | None:
        is_python = self.words[0].rsplit("/", 1)[-1] == "python"
        return self.words[2] if is_python and self.words[1] == "-m" else None

    def flags(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each flag with its values: `--a=b`, `--a b c` and `--a`."""
        for i, word in enumerate(self.words):
            if word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                after = self.words[i + 1 :]
                stop = next((n for n, other in enumerate(after) if other.startswith("--") or other in ">"), len(after))
                yield name, (value,) if equals else after[:stop]


def blocks(doc: str, languages: tuple[str, ...] = ("sh", "bash")) -> Iterator[tuple[int, str]]:
    """The fenced blocks of some languages: line number and text."""
    text = (ROOT / doc).read_text(encoding="utf-8")
    for match in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.M | re.S):
        if match[2] in languages:
            yield text[: match.start()].count("\n") + 1, re.sub(f"^{match[1]}", "", match[3], flags=re.M)


def here_documents(doc: str) -> dict[str, str]:
    """Path -> text of the files that a document has its reader write, as `cat > PATH <<'EOF'`."""
    return {
        match[1].removeprefix("cat > "): match[2] for _, text in blocks(doc) for match in HERE_DOCUMENT.finditer(text)
    }


@functools.cache
def commands(doc: str) -> tuple[Command, ...]:
    """All commands of a document, in order, with what it exported before filled in."""
    found, variables = [], dict(UNSET)
    for number, text in blocks(doc):
        for line in HERE_DOCUMENT.sub(r"\1\n", text).replace("\\\n", " ").splitlines():
            where = f"{doc}, block at line {number}: {line.strip()[:90]}"
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = [_expand(word, variables, where) for word in lexer]
            while words:
                end = next((i for i, word in enumerate(words) if word in OPERATORS), len(words))
                command, words = words[:end], words[end + 1 :]
                if command[0] == "export":
                    variables.update(word.split("=", 1) for word in command[1:])
                    continue
                while "=" in command[0]:
                    command.pop(0)
                found.append(Command(where, tuple(command)))
    return tuple(found)


def _expand(word: str, variables: dict[str, str], where: str) -> str:
    word = re.sub(r"\$\(.*\)", "made-by-a-command", word)
    names = re.findall(r"\$\{?(\w+)", word)
    assert set(names) <= set(variables), f"{where}: {names} were not exported before"
    return re.sub(r"\$\{?(\w+)(:-)?\}?", lambda match: variables[match[1]], word)


def every_command() -> list[Any]:
    return [pytest.param(c, id=f"{doc}-{i}") for doc in DOCS for i, c in enumerate(commands(doc))]


def module_file(module: str) -> pathlib.Path:
    """Where a module is, without importing it or its parents beyond the first."""
    top, *rest = module.split(".")
    folder = ROOT / top if (ROOT / top).is_dir() else pathlib.Path(importlib.util.find_spec(top).origin).parent
    found = folder.joinpath(*rest)
    return found / "__main__.py" if found.is_dir() else found.with_suffix(".py")


@functools.cache
def known_flags(program: str) -> frozenset[str]:
    """The flags that a program's own help names."""
    if program.startswith("scripts/"):
        command = [str(ROOT / program), "--help"]
    elif program.startswith("pipeline "):
        command = [sys.executable, "-m", *program.split(), "--help"]
    else:
        absl = program.startswith(("code_t5.", "t5."))
        command = [sys.executable, "-m", program, "--helpfull" if absl else "--help"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = re.findall(r"--(\[no\])?(\w+)", run.stdout)
    assert found, f"{command} printed no flags: {run.stderr[-2000:]}"
    return frozenset(name for _, name in found) | {f"no{name}" for no, name in found if no}


@pytest.mark.parametrize("doc", DOCS[:2])
def test_there_are_commands_to_check(doc):
    assert len(commands(doc)) >= 12


@pytest.mark.parametrize("command", every_command())
def test_programs_exist(command):
    program = command.words[0]
    if program == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
        assert {word for word in command.words[1:] if "=" not in word} <= targets, command.where
    elif command.module == "pip" or program == "source" or "-c" in command.words[:2]:
        pass
    elif command.module:
        assert module_file(command.module).is_file(), command.where
    elif program.startswith("scripts/"):
        assert os.access(ROOT / program, os.X_OK), command.where
    else:
        beside_python = pathlib.Path(sys.executable).parent / program
        assert beside_python.exists() or program in TOOLS, command.where


def programs_with_flags(*, heavy: bool) -> list[Any]:
    cases = {}
    for doc in DOCS:
        for command in commands(doc):
            program = command.module or command.words[0]
            if program == "pipeline":
                # `run`, or `runs list`: each has flags of its own.
                program = " ".join(["pipeline", *command.words[3 : 5 if command.words[3] == "runs" else 4]])
            if program.startswith(("code_t5.", "t5.") if heavy else ("preprocessing.", "scripts/", "pipeline ")):
                cases.setdefault(program, []).append(command)
    return [pytest.param(program, found, id=program) for program, found in cases.items()]


def check_flags(program: str, found: list[Command]) -> None:
    for command in found:
        unknown = {name for name, _ in command.flags()} - known_flags(program) - {"help"}
        assert not unknown, f"{command.where}: {program} has no flags {unknown}"


@pytest.mark.parametrize("program, found", programs_with_flags(heavy=False))
def test_flags_exist(program, found):
    check_flags(program, found)


@pytest.mark.slow
@pytest.mark.parametrize("program, found", programs_with_flags(heavy=True))
def test_flags_of_tensorflow_programs_exist(program, found):
    check_flags(program, found)


def made_by_the_pipeline(file: pathlib.Path, until: str | None) -> set[str]:
    """What the experiments of a file leave, up to a stage."""
    found = {"data/results"}
    wanted = list(STAGES)[: list(STAGES).index(until) + 1 if until else None]
    for one in experiment.read(file, ARGUMENTS):
        folder = links.place(pathlib.Path("data/results"), one.name).relative_to(pathlib.Path.cwd())
        stages = [name for name in wanted if name in one.sections or not STAGES[name].optional]
        found |= {f"{folder}/{links.NAMES[name]}" for name in stages}
    return found


@pytest.fixture
def experiments(tmp_path, monkeypatch) -> pathlib.Path:
    """A folder with the repository's experiments, which is the working directory."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("doc", DOCS)
def test_what_is_read_was_made_before(doc, experiments):
    made = {"data"}
    for name, text in here_documents(doc).items():
        (experiments / name).write_text(text)

    def there(path: str) -> bool:
        return (
            path.startswith(THEIR_OWN)
            or ((ROOT / path).exists() and not path.startswith("data/"))
            or any(path == other or path.startswith(f"{other}/") for other in made - {"data"})
        )

    for command in commands(doc):
        flags = dict(command.flags())
        if command.words[:2] == ("make", "demo"):
            made |= made_by_the_pipeline(pathlib.Path("experiments/demo.yaml"), None)
        if command.module == "pipeline" and command.words[3] == "run" and "dry_run" not in flags:
            made |= made_by_the_pipeline(pathlib.Path(flags["experiment"][0]), *flags.get("until", [None]))
        if command.module == "pipeline" and command.words[3] in ("runs", "explain"):
            for word in set(command.words) - set(flags.get("plot", ())):
                assert there(word) or not word.startswith("data/"), f"{command.where}: nothing has made {word}"
        if ">" in command.words:
            made.add(command.words[command.words.index(">") + 1])
        for name, values in command.flags():
            builds = command.module == "code_t5.main.build_dataset" and name == "data_dir"
            trains = command.module == TRAINER and name == "model_dir"
            if name in MAKES or builds or trains:
                made.update(values)
            elif name in READS:
                for value in values:
                    assert there(value), f"{command.where}: nothing has made {value}"
            elif name == "gin_param":
                for path in re.findall(r"'([^']*/[^']*)'", values[0]):
                    if "output" in values[0]:
                        made.add(path)
                    assert there(path), f"{command.where}: nothing has made {path}"
        if command.words[0] in ("cat", "ls", "head", "zcat", "rm"):
            for word in command.words[1 : command.words.index(">") if ">" in command.words else None]:
                assert word.startswith("-") or word.isdigit() or there(word), f"{command.where}: no {word}"


@pytest.mark.parametrize("doc", DOCS)
def test_gin_files_exist(doc):
    folders = (ROOT / "gin_configs", module_file("t5.models.gin").parent)
    for command in commands(doc):
        for name, values in command.flags():
            if name == "gin_file" and not values[0].endswith("/operative_config.gin"):
                assert any((folder / values[0]).is_file() for folder in folders), f"{command.where}: {values[0]}"


@pytest.mark.parametrize("doc", DOCS)
def test_files_named_in_the_text_exist(doc):
    text = (ROOT / doc).read_text(encoding="utf-8")
    rooms = "preprocessing|code_t5|completion|pipeline|experiments|gin_configs|scripts|tests|notebooks"
    layers = "arch|sizes|objectives|models|datasets|hardware|runs"
    for path in re.findall(rf"`((?:{rooms})/[\w./-]*)`", text):
        assert (ROOT / path).exists(), f"{doc} names {path}"
    t5s = module_file("t5.models.gin").parent
    for path in re.findall(rf"`((?:{layers})/[\w.-]*)`", text):
        assert (ROOT / "gin_configs" / path).exists() or (t5s / path).exists(), f"{doc} names {path}"
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / doc).parent.joinpath(link).exists(), f"{doc} links to {link}"


def table(doc: str, first_column: str) -> list[list[str]]:
    """The rows of the Markdown table whose first column has that head; backquotes are taken off."""
    lines = (ROOT / doc).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().removeprefix("`").removesuffix("`") for cell in line.strip("|").split("|")])
    return rows


def constant(path: str, name: str) -> ast.expr:
    """What a module assigns to a name, read without importing it (which would import TensorFlow)."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return node.value
    raise AssertionError(f"{path} has no {name}")


def test_table_of_tasks():
    rows = constant("code_t5/data/tasks.py", "TABLE").elts
    assert table("README.md", "Task") == [[ast.literal_eval(cell) for cell in row.args] for row in rows]


def test_table_of_mixtures():
    mixtures = ast.literal_eval(constant("code_t5/data/mixtures.py", "TABLE"))
    assert table("README.md", "Mixture") == [
        [name, ", ".join(f"`{member}`" for member in members)[1:-1]] for name, members in mixtures.items()
    ]


def test_table_of_drop_reasons():
    expected = [[reason, meaning] for reason, meaning in contract.DROP_REASONS.items()]
    assert [[reason, meaning.strip("`")] for reason, meaning in table("README.md", "reason")] == [
        [reason, meaning.strip("`")] for reason, meaning in expected
    ]


@pytest.mark.slow
def test_parameters_named_in_the_text_exist():
    """`code_t5.Snapshots.every_seconds`, and `.keep_every_steps` after it."""
    named = set()
    for doc in DOCS:
        text = (ROOT / doc).read_text(encoding="utf-8")
        for name, first, others in re.findall(r"code_t5\.((?:\w+\.)*\w+)\.(\w+)\b((?:`, `\.\w+)*)", text):
            named |= {(f"code_t5.{name}", parameter) for parameter in [first, *re.findall(r"\.(\w+)", others)]}
    named = {(name, parameter) for name, parameter in named if name != "code_t5.main"}
    assert ("code_t5.Snapshots", "keep_every_steps") in named
    program = (
        "import gin, inspect, code_t5\n"
        f"for name, parameter in {sorted(named)!r}:\n"
        "    if gin.config._REGISTRY.get_match(f'{name}.{parameter}'): continue\n"
        "    found = gin.config._REGISTRY.get_match(name)\n"
        "    assert found, name\n"
        "    assert parameter in inspect.signature(found.wrapped).parameters, (name, parameter)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize("doc", DOCS[:2])
def test_gin_parameters_exist(doc):
    """Every trainer command of a document is parsed by gin, as t5's entry point does it, up to a typing mistake."""
    cases = []
    for command in commands(doc):
        if command.module == TRAINER:
            files = [v[0] for name, v in command.flags() if name == "gin_file"]
            model = ["models/shared-prefix_lm.gin", "sizes/tiny.gin"]
            files = [f for file in files for f in (model if file.endswith("operative_config.gin") else [file])]
            cases.append((files, [v[0] for name, v in command.flags() if name == "gin_param"]))
    program = (
        "import gin\nfrom tests.gin_configs.test_gin_configs import parse\n"
        f"for files, params in {cases!r}:\n    gin.clear_config()\n    parse(*files, params=tuple(params))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    assert cases


@pytest.mark.slow
def test_the_walk_works_as_pasted(tmp_path):
    """GENTLE_INTRO.md up to looking at examples; a few small packages stand for all that are installed."""
    clone, source = tmp_path / "clone", tmp_path / "repositories"
    clone.mkdir()
    for name in ("preprocessing", "code_t5", "completion", "pipeline", "gin_configs", "scripts"):
        (clone / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "experiments", clone / "experiments")
    packages = pathlib.Path(importlib.util.find_spec("pytest").origin).parents[1]
    for name in ("_pytest", "gin", "absl", "tqdm", "packaging"):
        shutil.copytree(packages / name, source / "ann" / name, ignore=shutil.ignore_patterns("__pycache__"))
    steps = ("--until DevTree", "dev_dataset", "--until Documents", "--until TrainingDataset", "cat", "inspect_task")
    lines = []
    training = (ROOT / "GENTLE_INTRO.md").read_text(encoding="utf-8").split("\n## 6. Train\n")[0].count("\n")
    for number, text in blocks("GENTLE_INTRO.md"):
        if number < training:
            text = HERE_DOCUMENT.sub("", text).replace("\\\n", " ")
            lines += [
                line for line in text.splitlines() if "~/" not in line and not line.startswith(("make", "source"))
            ]
    (written,) = [name for name in here_documents("GENTLE_INTRO.md") if name.endswith("/my.yaml")]
    wanted = here_documents("GENTLE_INTRO.md")[written]
    (clone / written).write_text(wanted.replace("installed_packages: true", f"source: [{source}]"))
    assert all(any(step in line for line in lines) for step in steps)
    environment = {**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = "set -euo pipefail\n" + "\n".join(lines)
    run = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"{script}\n{run.stdout[-2000:]}\n{run.stderr[-3000:]}"
    assert "exact round trips 1.0" in run.stdout
    assert "inputs (" in run.stdout
    assert (clone / "data" / "my" / "data_dir" / "vocabulary" / "code.model").is_file()
