"""A baseline: steps of the model of models/prefix_lm.gin in Hugging Face's T5 on PyTorch, with its Adafactor.

It is given random rows without padding, made in no time. They are not packed (that needs masks of its own), so it is
spared the work of keeping pieces apart.

python -m benchmarks.baseline_huggingface_t5 --size tiny --tokens 128 --rows 4 --steps 100
"""

import argparse
import ast
import json
import os
import time

import torch
import transformers

from benchmarks.measure import ROOT


def size(name: str) -> dict[str, int]:
    """The numbers of a gin file of `gin_configs/sizes`, name -> number.

    Example: `size("tiny")["d_model"]` is 256.
    """
    lines = (ROOT / "gin_configs" / "sizes" / f"{name}.gin").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): ast.literal_eval(value.strip()) for key, _, value in pairs}


def main(argv: list[str] | None = None) -> None:
    """Prints {"ends": [...]}: when each step ended, in seconds since 1970."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", required=True, help="of gin_configs/sizes")
    for name in ("tokens", "rows", "steps", "vocab_size"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args(argv)
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    config = transformers.T5Config(
        vocab_size=arguments.vocab_size, dropout_rate=0.0, decoder_start_token_id=0, use_cache=False,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, **size(arguments.size),
    )  # fmt: skip
    model = transformers.T5ForConditionalGeneration(config).train()
    optimizer = transformers.Adafactor(model.parameters(), lr=0.01, relative_step=False, scale_parameter=True)
    ends = []
    for _ in range(arguments.steps):
        inputs, labels = torch.randint(3, arguments.vocab_size, (2, arguments.rows, arguments.tokens))
        model(input_ids=inputs, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        ends.append(time.time())
    print(json.dumps({"ends": ends, "parameters": sum(value.numel() for value in model.parameters())}))


if __name__ == "__main__":
    main()
