"""`scripts/dev_dataset.sh` as a user starts it, and a small tree to start it on."""

import pathlib
import subprocess

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "dev_dataset.sh"
TREE = {
    "Ann/tool": {"a.py": "a" * 100, "b.py": "b" * 100},
    "Ann/other": {"c.py": "c" * 300},
    "Ann B/é": {"x y.py": "d" * 50},
    "bob/tool": {"e.py": "e"},
}


def run(*arguments, cwd=None):
    """Status, output and error of the script."""
    done = subprocess.run([SCRIPT, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)
    return done.returncode, done.stdout, done.stderr


def snapshot(root):
    """{path: bytes} of every file of a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
