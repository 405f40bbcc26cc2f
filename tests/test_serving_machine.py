"""A machine that serves completions has neither TensorFlow nor torch: made from its lock and the wheel, and tried."""

import json
import os
import pathlib
import re
import subprocess
import sys

import httpx
import pytest

from tests import built_wheel, random_models
from tests.exported_models import export_onnx, small_codec  # noqa: F401 (fixtures)

ROOT = pathlib.Path(__file__).parents[1]
HEAVY = ("tensorflow", "torch", "seqio", "t5", "transformers")
# What pip says where it reaches no index.
UNREACHED = re.compile(r"No matching distribution found|Could not find a version|Connection|Temporary failure")


@pytest.fixture(scope="module")
def machine(tmp_path_factory) -> pathlib.Path:
    """The Python of such an environment."""
    folder = tmp_path_factory.mktemp("machine")
    _, wheel = built_wheel.build(folder)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    for words in (["-r", ROOT / "requirements-completion.lock"], [wheel]):
        command = [python, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode and UNREACHED.search(done.stderr):
            pytest.skip(f"pip reaches no index: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
    return python


def run(python: pathlib.Path, *words, cwd: pathlib.Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([python, *words], capture_output=True, text=True, cwd=cwd, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_completes_and_serves_without_tensorflow_and_torch(machine, export_onnx, small_codec, tmp_path):  # noqa: F811
    found = run(
        machine, "-c", f"import importlib.util as u; print([n for n in {HEAVY} if u.find_spec(n)])", cwd=tmp_path
    )
    assert found == "[]\n"
    model = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2))
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "import os\\nx = "}\n')
    words = ["--model", model, "--input", "prompts.jsonl", "--output", "completions.jsonl", "--max_new_tokens", "3"]
    run(machine, "-m", "completion.complete", *words, cwd=tmp_path)
    [row] = [json.loads(line) for line in (tmp_path / "completions.jsonl").read_text().splitlines()]
    assert len(row["completions"]) == 1

    for module in ("completion.lsp", "completion.usage", "completion.complete"):
        assert f"python -m {module}" in run(machine, "-m", module, "--help", cwd=tmp_path)
    server = subprocess.Popen(
        [machine, "-m", "completion.server", "--model", model, "--port", "0", "--no_usage"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        address = re.search(r"http://\S+:\d+", server.stdout.readline())[0]
        body = {"prompt": "import os\nx = ", "temperature": 0, "max_tokens": 3, "stop": "\n"}
        answer = httpx.post(f"{address}/v1/completions", json=body, timeout=60).json()
        assert answer["choices"][0]["text"] == row["completions"][0]
        assert "<textarea" in httpx.get(address).text
    finally:
        server.terminate()
        server.wait(30)
