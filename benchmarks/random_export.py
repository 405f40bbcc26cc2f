r"""Exports a model with random weights, as `code_t5.main.export` would export a trained one.

python -m benchmarks.random_export --vocabulary code.model --format onnx --precision int8 --output_dir OUT \
  --shape '{"d_model": 768, "num_layers": 12, "d_ff": 3072, "num_heads": 12, "d_kv": 64}'
"""

import argparse
import json
import pathlib

from benchmarks import random_weights
from code_t5.export import checkpoint
from completion import exported
from preprocessing import contract, prompt


def write_onnx(
    folder: pathlib.Path, weights: checkpoint.Weights, codec: prompt.Codec, *, precision: str = "float32", **more
) -> None:
    """Writes a folder for the engine.

    Args:
      more: further fields of `exported.Description`, in place of those of a model of 64 + 32 tokens that fills in.
    """
    from code_t5.export import onnx

    folder.mkdir(parents=True, exist_ok=True)
    for name, model in onnx.graphs(weights, precision).items():
        (folder / name).write_bytes(model.SerializeToString())
    vocabulary = codec.processor.serialized_model_proto()
    (folder / exported.VOCABULARY).write_bytes(vocabulary)
    alone = weights.encoder is None
    fields = {
        "format": "onnx", "precision": precision, "blocks": len(weights.decoder.blocks), "heads": weights.heads,
        "d_kv": weights.d_kv, "max_inputs": 64, "max_forced": 32, "context_budget": 0, "infills": True,
        "vocabulary": contract.bytes_digest(vocabulary), "source": {}, "one_row": alone,
        "delimited": alone and weights.decoder.bidirectional,
        "files": {path.name: path.stat().st_size for path in folder.iterdir()}, **more,
    }  # fmt: skip
    exported.Description(**fields).write(folder)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=pathlib.Path, required=True)
    parser.add_argument("--format", required=True, choices=("onnx", "ctranslate2", "huggingface", "saved_model"))
    parser.add_argument("--precision", required=True)
    parser.add_argument("--shape", type=json.loads, required=True)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    arguments = parser.parse_args(argv)
    codec = prompt.Codec.from_file(arguments.vocabulary)
    # As models/prefix_lm.gin: T5.1.1's layers, an output layer of its own.
    shape = random_weights.Shape(**arguments.shape)
    weights = random_weights.weights(shape, vocab_size=codec.vocab_size, gated=True, tied=False)
    folder = arguments.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.format == "onnx":
        write_onnx(folder, weights, codec, precision=arguments.precision, max_inputs=512, max_forced=512)
    elif arguments.format == "ctranslate2":
        from code_t5.export import ctranslate2

        ctranslate2.write(weights, codec, str(folder), precision=arguments.precision)
        (folder / exported.VOCABULARY).write_bytes(codec.processor.serialized_model_proto())
    elif arguments.format == "huggingface":
        from code_t5.export import huggingface

        huggingface.write(weights, codec, str(folder), model_max_length=512)
    else:
        from code_t5.export import saved_model

        saved_model.write(weights, str(folder))


if __name__ == "__main__":
    main()
