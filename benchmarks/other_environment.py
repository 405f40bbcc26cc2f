"""The environment of the baselines that cannot live in ours: datatrove wants numpy 2, TensorFlow 2.12 refuses it."""

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
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    installed = subprocess.run(
        [*command, "--no-deps", "--requirement", REQUIREMENTS], capture_output=True, text=True, check=False
    )
    if installed.returncode:
        last = "\n".join(installed.stderr.strip().splitlines()[-5:])
        raise BenchmarkError(
            f"pip could not install {REQUIREMENTS.name} for the baselines, which needs a network:\n{last}"
        )
    done.write_bytes(wanted)
    return python
