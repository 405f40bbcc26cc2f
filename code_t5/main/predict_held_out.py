"""Writes what a trained model completes on held-out sets, a row an example.

python -m code_t5.main.predict_held_out --model_dir MODEL_DIR --data_dir DATA_DIR --output_dir OUT \\
  --sets fl_py_dev_line:validation,fl_py_dev_heldout:validation --columns repository,path,target,completion,score

OUT gets a file for each set, fl_py_dev_line-validation.jsonl, and sets.json, which says who wrote them and how many are
right. Only the columns that are asked for are read and computed:

  prefix        the text before the cursor
  target        what stands there: the rest of the line in a `_line` Task, of the window in a `_heldout` Task
  completion    what the model writes after `prefix`, to the end of the line
  exact_match   whether that is the first line of `target`, as `completion.metrics` compares lines
  score         the log-likelihood of the target's tokens in nats, as the Task cuts and tokenises them: in a row of the
                length that the model was trained with
  inputs, targets, repository, path, ...   any field of the Task's examples, or of the documents they are made of

A window may begin or end inside a character: what is left of it stands as \\xe6, so that nothing is lost. Equal flags
give equal bytes.
"""

import functools
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from absl import flags

from code_t5.inference import decoding
from code_t5.inference.held_out_examples import HeldOutExamples, text_of
from code_t5.inference.model import TrainedModel
from code_t5.main import program
from code_t5.training import run_record
from completion import metrics
from preprocessing import prompt

MODEL_DIR = flags.DEFINE_string("model_dir", None, "A folder in which t5's entry point trained.", required=True)
SETS = flags.DEFINE_list("sets", None, "Held-out sets, task:split each.", required=True)
OUTPUT_DIR = flags.DEFINE_string("output_dir", None, "The folder to make.", required=True)
COLUMNS = flags.DEFINE_list("columns", "prefix,target,completion,exact_match", "What is written of each example.")
FORMAT = flags.DEFINE_enum("format", "jsonl", ("jsonl", "parquet"), "Of the files.")
NUMBER = flags.DEFINE_integer("number", 200, "The most examples of a set, drawn from all files.", lower_bound=1)
SEED = flags.DEFINE_integer("seed", 0, "Of the draw.")
STEP = flags.DEFINE_integer("checkpoint_step", -1, "The checkpoint nearest to this step; -1 for the last.")
MAX_NEW_TOKENS = flags.DEFINE_integer("max_new_tokens", 32, "The most tokens of a completion.")
BEAM_SIZE = flags.DEFINE_integer("beam_size", 1, "Above 1: beam search.")

COMPUTED = ("prefix", "target", "completion", "exact_match", "score")
SETS_FILE = "sets.json"


class Predictions:
    """The columns of some examples, each computed when it is first asked for, and once."""

    def __init__(self, trained: TrainedModel, held_out: HeldOutExamples, columns: Sequence[str]):
        """Draws the examples.

        Args:
          columns: all that will be asked for.
        """
        self._trained = trained
        # A Task that gives texts gives them whole, and its tokens cut to size.
        has_texts = "inputs_pretokenized" in held_out.fields
        self._inputs, self._targets = (f"{side}{'_pretokenized' * has_texts}" for side in ("inputs", "targets"))
        needs = {
            "prefix": [self._inputs], "completion": [self._inputs], "target": [self._targets],
            "exact_match": [self._inputs, self._targets], "score": ["inputs", "targets"],
        }  # fmt: skip
        fields = [field for column in columns for field in needs.get(column, [column])]
        self._examples = held_out.draw(NUMBER.value, list(dict.fromkeys(fields)), seed=SEED.value)

    def __len__(self) -> int:
        return len(self._examples)

    def column(self, name: str) -> list[Any]:
        """The values of a column, in the order of the examples."""
        return getattr(self, name) if name in COMPUTED else self._field(name)

    @functools.cached_property
    def prefix(self) -> list[str]:
        return [self._text(value) for value in self._field(self._inputs)]

    @functools.cached_property
    def target(self) -> list[str]:
        return [self._text(value) for value in self._field(self._targets)]

    @functools.cached_property
    def completion(self) -> list[str]:
        how = decoding.Decoding(max_new_tokens=MAX_NEW_TOKENS.value, beam_size=BEAM_SIZE.value)
        return list(self._trained.complete(self.prefix, decoding=how))

    @functools.cached_property
    def exact_match(self) -> list[bool]:
        pairs = zip(self.target, self.completion, strict=True)
        return [metrics.exact_match(prompt.first_line(target), written) for target, written in pairs]

    @functools.cached_property
    def score(self) -> list[float]:
        return list(self._trained.score(self._field("inputs"), self._field("targets")))

    def _field(self, name: str) -> list[Any]:
        return [example[name] for example in self._examples]

    def _text(self, value: bytes | np.ndarray) -> str:
        """A text of itself, or of token ids."""
        return plain(value) if isinstance(value, bytes) else text_of(value, self._pieces)

    @functools.cached_property
    def _pieces(self) -> list[bytes]:
        return self._trained.codec.piece_bytes()


def plain(value: Any) -> Any:
    """A value as JSON has it: text for bytes, lists for arrays."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="backslashreplace")
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def arrow_type(value: Any) -> pa.DataType:
    """Of a column with such values, an empty list among them."""
    if isinstance(value, np.ndarray):
        return pa.list_(pa.string() if value.dtype == object else pa.from_numpy_dtype(value.dtype))
    if isinstance(value, str | bytes):
        return pa.string()
    return pa.from_numpy_dtype(np.asarray(value).dtype)


def write(path: str, columns: dict[str, list[Any]]) -> None:
    """Writes columns of equal length, as JSONL or Parquet by the ending of the path."""
    types = {name: arrow_type(values[0]) for name, values in columns.items()}
    columns = {name: [plain(value) for value in values] for name, values in columns.items()}
    with tf.io.gfile.GFile(path, "wb") as file:
        if path.endswith(".parquet"):
            buffer = pa.BufferOutputStream()
            pq.write_table(pa.table(columns, schema=pa.schema(types)), buffer, compression="zstd")
            file.write(buffer.getvalue().to_pybytes())
            return
        for row in zip(*columns.values(), strict=True):
            text = json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)
            file.write(text.encode() + b"\n")


def find_sets(sets: Sequence[str], sequence_length: dict[str, int]) -> list[HeldOutExamples]:
    """The sets of these names; ValueError where one is none, or has no data."""
    found = []
    for name in sets:
        try:
            found.append(HeldOutExamples(name, sequence_length))
        except ValueError as error:  # TFDS's own does not say which set is meant
            raise ValueError(f"--sets {name}: {error}") from error
    if not found:
        raise ValueError("--sets names none: give for example --sets fl_py_dev_line:validation")
    return found


def check_columns(columns: Sequence[str], held_out: HeldOutExamples) -> None:
    """Raises ValueError where a set has no such column."""
    known = list(dict.fromkeys([*COMPUTED, *held_out.fields, *held_out.document_fields]))
    unknown = [column for column in columns if column not in known]
    if unknown or not columns:
        wrong = f"{held_out.name} has no column {', '.join(unknown)}" if columns else "--columns names none"
        raise ValueError(f"{wrong}: there are {', '.join(known)}")


def predict(trained: TrainedModel, held_out: HeldOutExamples, columns: Sequence[str], folder: str) -> dict[str, Any]:
    """Writes the file of a set.

    Returns:
      What sets.json says of it.
    """
    predictions = Predictions(trained, held_out, columns)
    name = f"{held_out.name.replace(':', '-')}.{FORMAT.value}"
    write(os.path.join(folder, name), {column: predictions.column(column) for column in columns})
    right = sum(predictions.exact_match) if "exact_match" in columns else None
    shown = "" if right is None else f", {right} right ({right / len(predictions):.1%})"
    print(f"{held_out.name}: {len(predictions)} examples{shown}", flush=True)
    return {"file": name, "examples": len(predictions), "columns": list(columns), "exact_matches": right}


def main() -> None:
    output = OUTPUT_DIR.value.rstrip("/")
    if tf.io.gfile.exists(output):
        raise ValueError(f"{output} is there already: give another --output_dir, or delete it")
    # Asked for twice, written once.
    sets, columns = list(dict.fromkeys(SETS.value)), list(dict.fromkeys(COLUMNS.value))
    trained = TrainedModel(MODEL_DIR.value, checkpoint_step=STEP.value, batch_size=16)
    held_out_sets = find_sets(sets, trained.sequence_length)
    for held_out in held_out_sets:
        check_columns(columns, held_out)
    about = {
        "model": os.path.basename(MODEL_DIR.value.rstrip("/")),
        "step": int(trained.checkpoint.rpartition("-")[2]),
        "run": (run_record.read(MODEL_DIR.value) or {}).get("digest"),
        "number": NUMBER.value,
        "seed": SEED.value,
        "max_new_tokens": MAX_NEW_TOKENS.value,
        "beam_size": BEAM_SIZE.value,
    }
    beside = output + ".incomplete"
    if tf.io.gfile.exists(beside):  # of a run that was killed
        tf.io.gfile.rmtree(beside)
    tf.io.gfile.makedirs(beside)
    try:
        about["sets"] = {one.name: predict(trained, one, columns, beside) for one in held_out_sets}
        with tf.io.gfile.GFile(os.path.join(beside, SETS_FILE), "w") as file:
            file.write(json.dumps(about, indent=1) + "\n")
        tf.io.gfile.rename(beside, output)
    except BaseException:
        tf.io.gfile.rmtree(beside)
        raise
    print(f"{len(sets)} sets by {trained.checkpoint} in {output}")


if __name__ == "__main__":
    program.run(main)
