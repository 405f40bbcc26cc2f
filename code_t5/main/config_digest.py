"""Prints, as JSON, what a gin configuration determines, so that equal configurations have equal digests:

python -m code_t5.main.config_digest --gin_location_prefix=gin_configs/ \\
    --gin_file=models/shared-prefix_lm.gin --gin_file=sizes/tiny.gin --gin_param="MIXTURE_NAME = 'fl_py_dev'"
{"bindings": {"Bitransformer.shared_embedding_and_softmax_weights": "True", ...}, "until": {"run.train_steps": ...},
 "examples": ["mesh_train_dataset_fn.seed", ...], "digest": "9f...",
 "files": {"gin_configs/models/shared-prefix_lm.gin": "3a...", ...}}

`bindings` are what a run learns, the very ones of its run.json, and `examples` those of them that decide its training
examples; `until` is what ends it and which checkpoint is its best, which may change while a run goes on, but not in a
finished result. It takes the flags that t5.models.mesh_transformer_main does, and about 15 s, most of them to import
TensorFlow.
"""

import importlib.resources
import json
import os
from collections.abc import Iterator
from typing import Any

import gin
import tensorflow as tf
from absl import logging
from mesh_tensorflow.transformer import utils
from t5.models import mesh_transformer

from code_t5.main import program
from code_t5.training import configuration
from preprocessing import contract

_UNTIL_PARAMETERS = {
    ("run", "train_steps"),
    *(("train_code_model", name) for name in ("epochs", "max_seconds", "more_callbacks")),
}
_UNTIL_CONFIGURABLES = {"Validation", "EarlyStopping"}
# Where the model, its optimizer and the loop are configured. Everything else may decide what the examples are.
_NOT_OF_EXAMPLES = ("mesh_tensorflow", "code_t5.training", "code_t5.inference")
_LENGTHS = "run.sequence_length"


def determined() -> dict[str, Any]:
    """What the parsed configuration determines.

    Returns:
      "bindings" and "until", "configurable.parameter" -> value as text, "digest", of both, 64 hex digits, and
      "examples", the names of the bindings that decide what is trained on.
    """
    found = {"bindings": configuration.bindings(), "until": dict(sorted(_until()))}
    examples = sorted(set(_of_examples()) & set(found["bindings"]))
    return {**found, "examples": examples, "digest": contract.canonical_digest(found)}


def _until() -> Iterator[tuple[str, str]]:
    for (scope, selector), parameters in gin.config._CONFIG.items():
        name = selector.rsplit(".", 1)[-1]
        for parameter, value in parameters.items():
            if (name, parameter) in _UNTIL_PARAMETERS or name in _UNTIL_CONFIGURABLES:
                yield f"{scope + '/' if scope else ''}{name}.{parameter}", configuration._text(value)


def _of_examples() -> Iterator[str]:
    for (scope, selector), parameters in gin.config._CONFIG.items():
        defined = gin.config._REGISTRY.get_match(selector)
        module = defined.wrapped.__module__ if defined is not None else ""
        elsewhere = any(module == one or module.startswith(f"{one}.") for one in _NOT_OF_EXAMPLES)
        for parameter in parameters:
            name = f"{selector.rsplit('.', 1)[-1]}.{parameter}"
            if not elsewhere or name == _LENGTHS:
                yield f"{scope + '/' if scope else ''}{name}"


def parse() -> dict[str, str]:
    """Parses what the flags name, as mesh_transformer_main does.

    Returns:
      Each file that was read, with those that they include: path -> SHA-256 of its bytes.
    """
    files = {}

    def recorded(reader):
        def read(path):
            with tf.io.gfile.GFile(path, "rb") as file:
                files[os.path.abspath(path) if "://" not in path else path] = contract.bytes_digest(file.read())
            return reader(path)

        return read

    gin.config._FILE_READERS[:] = [(recorded(reader), exists) for reader, exists in gin.config._FILE_READERS]
    gin.add_config_file_search_path(os.fspath(importlib.resources.files("t5.models") / "gin"))
    utils.parse_gin_defaults_and_flags(skip_unknown=mesh_transformer.DEPRECATED_GIN_REFERENCES)
    return files


def main() -> None:
    # gin says as an error each folder in which it looked in vain.
    logging.set_verbosity(logging.FATAL)
    files = parse()
    print(json.dumps({**determined(), "files": files}, indent=1))


if __name__ == "__main__":
    program.run(main)
