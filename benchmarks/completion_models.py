"""Models with random weights, exported in every format: time does not depend on what a model has learnt."""

import json
import pathlib
import shutil

from benchmarks import inputs, measure
from benchmarks.baseline_huggingface_t5 import size
from preprocessing import prompt

VOCAB_SIZE = 16_000
# Name of a contestant -> format and precision of its export.
CONTESTANTS = {
    "engine, float32": ("onnx", "float32"),
    "engine, int8": ("onnx", "int8"),
    "engine, int4": ("onnx", "int4"),
    "CTranslate2, int8": ("ctranslate2", "int8"),
    "Hugging Face, PyTorch": ("huggingface", "float32"),
    "SavedModel, TensorFlow": ("saved_model", "float32"),
}
KINDS = {"onnx": "engine"}


class Models:
    """What was exported, made where it is missing.

    Attributes:
      codec: of all of them.
    """

    def __init__(self, folder: pathlib.Path, documents: pathlib.Path):
        """Makes the vocabulary, of documents.

        Raises:
          BenchmarkError: that fails.
        """
        self._folder = folder
        made = folder / "vocabulary"
        if not made.exists():
            words = ["--documents", documents, "--output_dir", made, "--vocab_size", str(VOCAB_SIZE)]
            measure.run([*inputs.module("preprocessing.vocabulary"), *words])
        self.codec = prompt.Codec.from_file(made / "code.model")

    def export(self, name: str, contestant: str, *, decoder_layers: int | None = None) -> pathlib.Path:
        """The folder of a contestant.

        Args:
          name: of gin_configs/sizes.
          contestant: of `CONTESTANTS`.
          decoder_layers: where these are others than the size says.
        """
        format_, precision = CONTESTANTS[contestant]
        target = self._folder / f"{name}-{decoder_layers or 'all'}-{format_}-{precision}"
        if not target.exists():
            # In a process of its own: TensorFlow and torch stay out of the one that times.
            beside = target.with_suffix(".incomplete")
            shutil.rmtree(beside, ignore_errors=True)
            words = [*inputs.module("benchmarks.random_export"), "--output_dir", beside, "--format", format_]
            words += ["--precision", precision, "--vocabulary", self._folder / "vocabulary" / "code.model"]
            words += ["--shape", json.dumps({**size(name), "decoder_layers": decoder_layers})]
            measure.run(words)
            beside.rename(target)
        return target


def size_mb(folder: pathlib.Path, pattern: str = "*") -> float:
    """Of an export's files, in 10^6 bytes."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()) / 1e6
