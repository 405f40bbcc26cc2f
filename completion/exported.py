"""The folder of an exported model: `export.json`, ONNX graphs and the vocabulary. Written by `code_t5.main.export`.

export.json       what the model is, where it comes from, and how far it was seen to be from the original
encoder.onnx      (not of a decoder alone)
decoder.onnx
code.model        the SentencePiece vocabulary
"""

import dataclasses
import json
import os
import pathlib
from typing import Any

from completion import whole_file
from preprocessing import contract, prompt

DESCRIPTION, VOCABULARY, ENCODER, DECODER = "export.json", "code.model", "encoder.onnx", "decoder.onnx"
SCHEMA = 1


class ExportError(ValueError):
    """A folder is no exported model, or not a whole one."""


@dataclasses.dataclass(frozen=True)
class Description:
    """What `export.json` says.

    Attributes:
      format: "onnx", or another; the engine runs "onnx".
      precision: "float32", "int8" or "int4".
      blocks: of the decoder. heads, d_kv: of its attention.
      max_inputs: the most tokens that the model reads; max_forced: that its answer can be made to begin with.
      context_budget: the most tokens of other files; 0 where it was trained without.
      infills: whether it was trained to fill in.
      vocabulary: SHA-256 of the SentencePiece model.
      files: name -> bytes of each other file of the folder.
      source: of the weights: model directory's name, step, run digest.
      parity: what the comparison with the original found.
      one_row: whether it is a decoder alone, which reads and writes in one row.
      delimited: whether its prompts end in EOS, and are seen by all of their own tokens.
    """

    format: str
    precision: str
    blocks: int
    heads: int
    d_kv: int
    max_inputs: int
    max_forced: int
    context_budget: int
    infills: bool
    vocabulary: str
    files: dict[str, int]
    source: dict[str, Any]
    parity: dict[str, Any] = dataclasses.field(default_factory=dict)
    schema: int = SCHEMA
    one_row: bool = False
    delimited: bool = False

    def write(self, folder: str | os.PathLike) -> None:
        """Writes it, whole or not at all: without it a folder is no export."""
        path = pathlib.Path(folder, DESCRIPTION)
        whole_file.write(path, json.dumps(dataclasses.asdict(self), indent=1) + "\n")


def read(folder: str | os.PathLike) -> Description:
    """Reads the description of an exported model, and sees that its files are there and whole.

    Raises:
      ExportError: says what is missing, of another size, or not as described.
    """
    path = pathlib.Path(folder, DESCRIPTION)
    if not path.is_file():
        raise ExportError(
            f"no exported model in {folder}: it has no {DESCRIPTION}. Make one of a model directory with "
            "`python -m code_t5.main.export --format onnx`"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        description = Description(**found)
    except (ValueError, TypeError) as error:
        raise ExportError(f"{path} is damaged: {error}. Export the model again") from error
    if description.schema != SCHEMA:
        raise ExportError(f"{path} is of version {description.schema}, this program reads {SCHEMA}: export again")
    for name, size in description.files.items():
        file = path.parent / name
        if not file.is_file():
            raise ExportError(f"{folder} is not whole: it has no {name}. Copy it, or export the model again")
        if file.stat().st_size != size:
            raise ExportError(
                f"{folder} is not whole: {name} has {file.stat().st_size:,} bytes, {size:,} were written. Copy it, or "
                "export the model again"
            )
    return description


def codec(folder: str | os.PathLike, description: Description) -> prompt.Codec:
    """The vocabulary of an exported model.

    Raises:
      ExportError: it is another one than was exported.
    """
    data = pathlib.Path(folder, VOCABULARY).read_bytes()
    if contract.bytes_digest(data) != description.vocabulary:
        raise ExportError(f"{VOCABULARY} in {folder} is not the model's own vocabulary: export the model again")
    return prompt.Codec(data)
