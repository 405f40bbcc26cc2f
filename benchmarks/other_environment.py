"""The environment of the baselines that cannot live in ours: datatrove wants numpy 2, TensorFlow 2.12 refuses it."""

import os
import pathlib
import shutil
import subprocess
import sys

from benchmarks.measure import BenchmarkError

REQUIREMENTS = pathlib.Path(__file__).with_name("datatrove.txt")


def python_of(folder: pathlib.Path) -> pathlib.Path:
    """The interpreter of the environment in `folder`, which is made if it is not there with the same requirements.

    It takes about 40 s, the network that pip is set up for, and 600 MB.

    Raises:
      BenchmarkError: pip could not install the requirements.
    """
    wanted = REQUIREMENTS.read_bytes()
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.exists() and done.read_bytes() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    installed = subprocess.run(
        [*command, "--requirement", REQUIREMENTS], capture_output=True, text=True, check=False, env=_clean()
    )
    if installed.returncode:
        last = "\n".join(installed.stderr.strip().splitlines()[-5:])
        raise BenchmarkError(
            f"pip could not install {REQUIREMENTS.name} for the baselines, which needs a network:\n{last}"
        )
    done.write_bytes(wanted)
    return python


def _clean() -> dict[str, str]:
    """This process's variables without those that would show its packages to another interpreter."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
