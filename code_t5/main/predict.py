r"""Completes prompts: JSONL in, JSONL out, one loading of the model for all of them.

echo '{"prompt": "import numpy as np\nx = np."}' > prompts.jsonl
python -m code_t5.main.predict --model_dir MODEL_DIR --input prompts.jsonl --output completions.jsonl

MODEL_DIR may also be an exported model (code_t5.main.export): then the completion engine writes. Where TensorFlow is
not wanted at all, `python -m completion.complete` does the same, and starts at once.

Each row needs a "prompt", the text before the cursor. It may have a "suffix", the text after the cursor (for models
trained with infilling); the "path" of the file, and "files" of its repository, [{"path": ..., "text": ...}, ...], the
most related first (for models trained with repository context). All fields are copied to the output, which adds
"completions", a list of texts.
"""

import json
import os

import tensorflow as tf
from absl import flags

from code_t5.inference import decoding, model
from code_t5.main import program
from completion import exported, requests

MODEL_DIR = flags.DEFINE_string("model_dir", None, "Where t5's entry point trained; or an export.", required=True)
ENGINE = flags.DEFINE_enum(
    "engine", None, ("mesh", "onnx"), "Mesh TensorFlow, or the completion engine; by default what the folder is for."
)
INPUT = flags.DEFINE_string("input", None, "JSONL file of prompts.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "JSONL file to write.", required=True)
STEP = flags.DEFINE_integer("checkpoint_step", -1, "The checkpoint nearest to this step; -1 for the last (mesh).")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Completions written at a time (mesh).")
NUM_SAMPLES = flags.DEFINE_integer("num_samples", 1, "Completions a prompt; more than one needs a temperature.")
ONE_LINE = flags.DEFINE_bool("one_line", True, "Stop at the first newline; --noone_line writes on to max_new_tokens.")
MAX_NEW_TOKENS = flags.DEFINE_integer("max_new_tokens", 64, "The most tokens of a completion.")
BEAM_SIZE = flags.DEFINE_integer("beam_size", 1, "Above 1: beam search.")
TEMPERATURE = flags.DEFINE_float("temperature", 0.0, "0: the most likely token; 1: sample from the distribution.")
TOP_K = flags.DEFINE_integer("top_k", -1, "Sample among so many most likely tokens; -1: among all.")
CONTEXT_BUDGET = flags.DEFINE_integer(
    "context_budget", None, "The most tokens of other files; by default what the model was trained with."
)


def read_prompts(path: str) -> list[tuple[dict, requests.Request]]:
    """Reads the rows, and what each asks for.

    Raises:
      ValueError: a row that is not JSON or no request, by its line number; or no row at all.
    """
    rows = []
    with tf.io.gfile.GFile(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}:{number} is not JSON: {error}") from error
            rows.append((row, requests.Request.from_row(row, where=f"{path}:{number}")))
    if not rows:
        raise ValueError(f"{path} has no prompts")
    return rows


def with_mesh(requests_: list[requests.Request]) -> tuple[list[list[str]], str]:
    """Texts for each request, and who wrote them."""
    how = decoding.Decoding(
        max_new_tokens=MAX_NEW_TOKENS.value,
        beam_size=BEAM_SIZE.value,
        temperature=TEMPERATURE.value,
        top_k=TOP_K.value,
    )
    trained = model.TrainedModel(
        MODEL_DIR.value,
        checkpoint_step=STEP.value,
        batch_size=BATCH_SIZE.value,
        context_budget=CONTEXT_BUDGET.value,
    )
    number = NUM_SAMPLES.value
    prompts = [request for request in requests_ for _ in range(number)]
    texts = list(trained.complete(prompts, decoding=how, one_line=ONE_LINE.value))
    return [texts[i : i + number] for i in range(0, len(texts), number)], trained.checkpoint


def with_onnx(requests_: list[requests.Request]) -> tuple[list[list[str]], str]:
    """Texts for each request, and who wrote them."""
    from completion import engine as engine_lib  # only where it is asked for: it needs an extra
    from completion import search

    how = search.Decoding(
        max_new_tokens=MAX_NEW_TOKENS.value,
        beam_size=BEAM_SIZE.value,
        num_answers=NUM_SAMPLES.value,
        temperature=TEMPERATURE.value,
        top_k=None if TOP_K.value < 0 else TOP_K.value,
    )
    engine = engine_lib.Engine(MODEL_DIR.value, context_budget=CONTEXT_BUDGET.value)
    found = [engine.complete(one, how, one_line=ONE_LINE.value, distinct=False) for one in requests_]
    return [[one.text for one in suggestions] for suggestions in found], MODEL_DIR.value


def main() -> None:
    if NUM_SAMPLES.value < 1 or (NUM_SAMPLES.value > 1 and not TEMPERATURE.value):
        raise ValueError(f"{NUM_SAMPLES.value} samples would all be the same text: give --temperature above 0")
    is_export = tf.io.gfile.exists(os.path.join(MODEL_DIR.value, exported.DESCRIPTION))
    engine = ENGINE.value or ("onnx" if is_export else "mesh")
    if (engine == "onnx") != is_export:
        raise ValueError(
            f"--engine {engine}: {MODEL_DIR.value} is {'an exported model' if is_export else 'no exported model'}. The "
            "engine onnx runs what `python -m code_t5.main.export` made, mesh what t5's entry point trained"
        )
    rows = read_prompts(INPUT.value)
    completions, writer = {"mesh": with_mesh, "onnx": with_onnx}[engine]([request for _, request in rows])
    beside = OUTPUT.value + ".incomplete"
    with tf.io.gfile.GFile(beside, "w") as file:
        for (row, _), texts in zip(rows, completions, strict=True):
            row["completions"] = texts
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    tf.io.gfile.rename(beside, OUTPUT.value, overwrite=True)
    print(f"{sum(map(len, completions))} completions of {len(rows)} prompts by {writer} in {OUTPUT.value}")


if __name__ == "__main__":
    program.run(main)
