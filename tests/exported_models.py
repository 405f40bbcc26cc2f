"""Exports of small models with random weights."""

import pathlib
from collections.abc import Callable

import pytest

from benchmarks.random_export import write_onnx
from code_t5.export import checkpoint
from preprocessing import prompt, vocabulary
from tests import random_models

TEXT = "import os\n\n\nclass A:\n    def __init__(self, name):\n        self.name = name\n\n    def path(self):\n" * 3


def codec_of_text() -> prompt.Codec:
    """A vocabulary of `TEXT`, of 500 pieces at most."""
    return prompt.Codec(vocabulary.train(iter([TEXT * 20]), 500))


def random_export(folder: pathlib.Path) -> pathlib.Path:
    """Writes a folder for the engine, and gives it back."""
    codec = codec_of_text()
    write_onnx(folder, random_models.weights(vocab_size=codec.vocab_size, seed=2), codec)
    return folder


@pytest.fixture(scope="session")
def small_codec() -> prompt.Codec:
    return codec_of_text()


@pytest.fixture(scope="session")
def export_onnx(tmp_path_factory, small_codec) -> Callable[..., pathlib.Path]:
    """Writes a model as `code_t5.main.export` does, and gives the folder."""

    def write(weights: checkpoint.Weights, precision: str = "float32", **more) -> pathlib.Path:
        folder = tmp_path_factory.mktemp(f"onnx-{precision}")
        write_onnx(folder, weights, small_codec, precision=precision, **more)
        return folder

    return write
