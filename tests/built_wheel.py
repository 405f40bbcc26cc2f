"""The wheel, built from a copy of the sources."""

import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
ROOMS = ("code_t5", "preprocessing", "completion", "pipeline")
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


def build(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The sources as they were taken, and the wheel."""
    source, wheels = folder / "source", folder / "wheels"
    for name in (*ROOMS, "gin_configs"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    words = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", wheels, source]
    subprocess.run([*PIP, *words], check=True)
    (wheel,) = wheels.glob("code_t5-0.1.0-*.whl")
    return source, wheel
