"""`code_t5.main.export` as users start it."""

import json

import pytest

from completion import exported
from completion.engine import Engine
from completion.requests import Request
from completion.search import Decoding
from tests.code_t5.conftest import command
from tests.code_t5.main.test_programs import failing

pytestmark = pytest.mark.slow


def export(model_dir, data_dir, output, *more) -> tuple[str, dict]:
    """What the program prints, and the parity that it writes."""
    done = command(
        "code_t5.main.export", "--model_dir", model_dir, "--data_dir", data_dir, "--output_dir", output,
        "--num_examples", "20", *more,
    )  # fmt: skip
    return done.stdout, json.loads((output / exported.DESCRIPTION).read_text())["parity"]


def test_quantised_lines_are_compared(trained_shared, data_dir, tmp_path):
    said, parity = export(trained_shared, data_dir, tmp_path / "out", "--precision", "int8")
    lines = parity["lines"]
    assert 0 < lines["lines"] <= 64
    assert all(0 <= lines[name] <= 1 for name in ("float32", "quantized", "same"))
    assert f"{lines['lines']} held-out lines completed: {lines['float32']:.1%} are right in float32, " in said
    engine = Engine(str(tmp_path / "out"))
    assert engine.description.precision == "int8"
    assert engine.complete(Request("import os\n"), Decoding(3))


def test_a_saved_model_is_compared_and_described(trained_shared, data_dir, tmp_path):
    said, parity = export(trained_shared, data_dir, tmp_path / "out", "--format", "saved_model")
    assert parity["largest"] < 1e-4
    assert "lines" not in parity
    assert said.startswith("saved_model float32 of ")
    files = exported.read(tmp_path / "out").files
    assert {"saved_model.pb", "code.model", "variables/variables.index"} <= set(files)


@pytest.mark.parametrize("name", ["lm", "causal_lm"])
def test_a_decoder_alone_is_compared(name, train_once, data_dir, tmp_path):
    _, parity = export(train_once(name), data_dir, tmp_path / "out")
    assert parity["largest"] < 1e-4
    engine = Engine(str(tmp_path / "out"))
    assert engine.layout.one_row
    assert engine.layout.delimited is (name == "lm")
    assert engine.complete(Request("import os\n"), Decoding(3))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--format", "saved_model", "--precision", "int8"), "--format saved_model is written in float32, not in int8"),
        (("--format", "ctranslate2", "--precision", "int4"), "ctranslate2 is written in float32 or int8, not in int4"),
        (("--output_dir", "gs://bucket/out"), "gs://bucket/out is not on this machine"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(trained_shared, data_dir, tmp_path, more, message):
    common = ("--model_dir", trained_shared, "--data_dir", data_dir, "--output_dir", tmp_path / "out")
    assert message in failing("code_t5.main.export", *common, *more)
    assert not (tmp_path / "out").exists()
