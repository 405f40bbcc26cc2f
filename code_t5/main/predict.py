r"""Completes prompts: JSONL in, JSONL out, one loading of the model for all of them.

echo '{"prompt": "import numpy as np\nx = np."}' > prompts.jsonl
python -m code_t5.main.predict --model_dir MODEL_DIR --input prompts.jsonl --output completions.jsonl

Each row needs a "prompt", the text before the cursor. It may have a "suffix", the text after the cursor (for models
trained with infilling); the "path" of the file, and "files" of its repository, [{"path": ..., "text": ...}, ...], the
most related first (for models trained with repository context). All fields are copied to the output, which adds
"completions", a list of texts.
"""

import json

import tensorflow as tf
from absl import flags

from code_t5.inference import decoding, model, requests
from code_t5.main import program

MODEL_DIR = flags.DEFINE_string("model_dir", None, "A folder in which t5's entry point trained.", required=True)
INPUT = flags.DEFINE_string("input", None, "JSONL file of prompts.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "JSONL file to write.", required=True)
STEP = flags.DEFINE_integer("checkpoint_step", -1, "The checkpoint nearest to this step; -1 for the last.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Completions written at a time.")
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


def main() -> None:
    how = decoding.Decoding(
        max_new_tokens=MAX_NEW_TOKENS.value,
        beam_size=BEAM_SIZE.value,
        temperature=TEMPERATURE.value,
        top_k=TOP_K.value,
    )
    if NUM_SAMPLES.value < 1 or (NUM_SAMPLES.value > 1 and not how.temperature):
        raise ValueError(f"{NUM_SAMPLES.value} samples would all be the same text: give --temperature above 0")
    rows = read_prompts(INPUT.value)
    trained = model.TrainedModel(
        MODEL_DIR.value,
        checkpoint_step=STEP.value,
        batch_size=BATCH_SIZE.value,
        context_budget=CONTEXT_BUDGET.value,
    )
    prompts = [request for _, request in rows for _ in range(NUM_SAMPLES.value)]
    texts = list(trained.complete(prompts, decoding=how, one_line=ONE_LINE.value))
    beside = OUTPUT.value + ".incomplete"
    with tf.io.gfile.GFile(beside, "w") as file:
        for i, (row, _) in enumerate(rows):
            row["completions"] = texts[i * NUM_SAMPLES.value : (i + 1) * NUM_SAMPLES.value]
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    tf.io.gfile.rename(beside, OUTPUT.value, overwrite=True)
    print(f"{len(texts)} completions of {len(rows)} prompts by {trained.checkpoint} in {OUTPUT.value}")


if __name__ == "__main__":
    program.run(main)
