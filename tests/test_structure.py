"""The design's rules about rooms, imports, names and sizes, kept by reading every file's syntax tree."""

import ast
import importlib.util
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).parents[1]
ROOMS = ("preprocessing", "code_t5", "completion", "pipeline")
# The import table of the design, part 1, with the change written in CHANGELOG.md. A room may always import itself.
ALLOWED = {
    "preprocessing": set(),
    "code_t5": {
        "preprocessing.contract",
        "preprocessing.prompt",
        "preprocessing.symbols",
        "preprocessing.shards",
        "preprocessing.import_spans",
        "preprocessing.related_files",
        "completion.metrics",
        "completion.requests",
        "completion.healing",
        "completion.exported",
        "completion.runtime",
        "completion.engine",
        "completion.search",
    },
    "completion": {"preprocessing.contract", "preprocessing.prompt", "preprocessing.symbols"},
    "pipeline": {"preprocessing.contract"},
}
NOT_ROOMS = {"scripts", "notebooks", "tests", "benchmarks", "docs"}
LIGHT_ROOMS = ("preprocessing", "completion", "pipeline")
HEAVY = ("tensorflow", "tensorflow_text", "tensorflow_datasets", "seqio", "t5", "mesh_tensorflow", "torch", "jax")
# What only an extra of setup.py installs: a module that needs it may refuse to be imported without it.
EXTRAS = ("apache_beam", "onnxruntime", "tree_sitter", "fastapi", "uvicorn", "pygls", "luigi", "matplotlib")
# In code_t5 these would not understand gs:// addresses; tf.io.gfile does.
LOCAL_FILE_CALLS = {
    "open",
    *("io.open", "os.open", "gzip.open", "os.makedirs", "os.mkdir", "os.listdir", "os.scandir", "os.walk"),
    *("os.remove", "os.unlink", "os.rename", "os.replace", "os.path.exists", "os.path.isdir", "os.path.isfile"),
    *("shutil.copy", "shutil.copyfile", "shutil.copytree", "shutil.move", "shutil.rmtree", "glob.glob"),
}
# What ONNX Runtime, CTranslate2 and safetensors read and write is on this machine; the program refuses gs:// addresses.
LOCAL_EXPORTS = ("code_t5/export/", "code_t5/main/export.py")
LOCAL_FILE_METHODS = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "rglob"}


def python_files(room: str) -> list[pathlib.Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: pathlib.Path, root: pathlib.Path = ROOT) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import, wherever it stands; `from a import b` gives `a.b`, also if relative."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = list(path.relative_to(root).parts[: -node.level]) if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def breaches(room: str, path: pathlib.Path, root: pathlib.Path = ROOT) -> list[str]:
    found = []
    for line, name in imported(path, root):
        top = name.partition(".")[0]
        ours = top in ROOMS and top != room
        allowed = any(name == module or name.startswith(module + ".") for module in ALLOWED[room])
        heavy = room in LIGHT_ROOMS and top in HEAVY
        if (ours and not allowed) or heavy or top in NOT_ROOMS:
            found.append(f"{path.relative_to(root)}:{line} imports {name}")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_the_table_allows(room):
    assert [breach for path in python_files(room) for breach in breaches(room, path)] == []


@pytest.mark.parametrize(
    ("room", "text", "expected"),
    [
        ("preprocessing", "from preprocessing import contract\nimport pyarrow", []),
        ("preprocessing", "import completion.metrics", ["completion.metrics"]),
        ("preprocessing", "def f():\n    import tensorflow.io", ["tensorflow.io"]),
        ("code_t5", "from preprocessing.prompt import Codec\nimport tensorflow", []),
        ("code_t5", "from preprocessing import shards, dedup", ["preprocessing.dedup"]),
        ("completion", "from ..preprocessing import shards", ["preprocessing.shards"]),
        ("pipeline", "import preprocessing", ["preprocessing"]),
        ("code_t5", "from tests import trees", ["tests.trees"]),
    ],
)
def test_the_table_is_enforced(room, text, expected, tmp_path):
    path = tmp_path / room / "module.py"
    path.parent.mkdir()
    path.write_text(text)
    assert [breach.split(" imports ")[1] for breach in breaches(room, path, tmp_path)] == expected


@pytest.mark.parametrize("room", LIGHT_ROOMS)
def test_importing_every_module_brings_in_nothing_heavy(room):
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in python_files(room)
        if path.name != "__main__.py"
    ]
    program = f"""
import importlib, sys
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] not in {EXTRAS!r}:
            raise
heavy = sorted(set({HEAVY!r}) & set(sys.modules))
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_names_say_what_is_inside():
    vague = {"utils", "common", "helpers", "misc"}
    found = [
        path.relative_to(ROOT)
        for room in (*ROOMS, "scripts", "tests", "benchmarks", "gin_configs")
        for path in (ROOT / room).rglob("*")
        if path.stem in vague
    ]
    assert found == []


def test_no_file_is_longer_than_400_lines():
    files = [path for room in (*ROOMS, "scripts", "benchmarks") for path in python_files(room)]
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {path: length for path, length in lengths.items() if length > 400} == {}


@pytest.mark.parametrize("name", ["models", "objectives", "proto"])
def test_no_folder_shadows_what_libraries_look_for(name):
    """gin looks in the working directory first; a folder proto/ hides proto-plus from apache-beam."""
    assert not (ROOT / name).exists()


def local_file_calls(text: str) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        method = isinstance(node.func, ast.Attribute) and node.func.attr in LOCAL_FILE_METHODS
        if name in LOCAL_FILE_CALLS or method:
            found.append((node.lineno, name))
    return found


def test_code_t5_opens_files_only_through_gfile():
    found = [
        f"{path.relative_to(ROOT)}:{line} calls {name}"
        for path in python_files("code_t5")
        if not path.relative_to(ROOT).as_posix().startswith(LOCAL_EXPORTS)
        for line, name in local_file_calls(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_local_file_calls_are_seen():
    text = "open(p)\nq.read_text()\ntf.io.gfile.GFile(p).read()\ntf.io.gfile.exists(p)\nos.path.exists(p)\nq.open('rb')"
    assert local_file_calls(text) == [(1, "open"), (2, "q.read_text"), (5, "os.path.exists"), (6, "q.open")]


def test_no_gin_file_has_the_relative_path_of_one_of_t5s():
    """gin takes t5's own file where both have one, without a word."""
    (package,) = importlib.util.find_spec("t5").submodule_search_locations
    packaged = pathlib.Path(package, "models", "gin")
    theirs = {path.relative_to(packaged) for path in packaged.rglob("*.gin")}
    assert pathlib.Path("objectives/prefix_lm.gin") in theirs
    ours = {path.relative_to(ROOT / "gin_configs") for path in (ROOT / "gin_configs").rglob("*.gin")}
    assert ours
    assert ours & theirs == set()
