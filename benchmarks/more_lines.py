"""Completes more held-out lines with the models of `benchmarks.objectives`, for a comparison with less noise.

The `_line` Task has one cursor in each file, of which a run completes 500: a percentage with a standard error of 1.4.
Here are up to four cursors a file, 2,000 in all, for the last checkpoints of the runs whose models are still there.

python -m benchmarks.more_lines
"""

import argparse
import pathlib
import random
import sys
from collections.abc import Iterable

import tensorflow.compat.v1 as tf

import code_t5  # noqa: F401 (registers the Tasks)
from benchmarks import measure, objectives, run_records, training_runs
from benchmarks.score_checkpoints import BATCH_SIZE, HOW, SPLIT
from benchmarks.training_data import TrainingData
from code_t5.data import line_completion
from code_t5.inference import model
from completion import metrics
from preprocessing import shards

CURSORS = 4


def cases(contents: Iterable[str], *, count: int) -> list[tuple[str, str]]:
    """Prompts and the rests of their lines: `count` of them, drawn from CURSORS of each text; fewer where texts are."""
    found = set()
    with tf.Graph().as_default(), tf.Session() as session:
        text, number = tf.placeholder(tf.string, []), tf.placeholder(tf.int32, [])
        possible, cut = line_completion.has_cursor(text), line_completion.cut_at_cursor(text, number)
        for content in contents:
            if session.run(possible, {text: content}):
                for i in range(CURSORS):
                    before, rest = session.run(cut, {text: content, number: i})
                    found.add((before.decode(), rest.decode()))
    return random.Random(0).sample(sorted(found), min(count, len(found)))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = measure.ROOT / "data"
    parser.add_argument("--work_dir", type=pathlib.Path, default=data / "benchmarks" / "objectives")
    parser.add_argument("--documents", type=pathlib.Path, default=data / "demo" / "documents")
    parser.add_argument("--lines", type=int, default=2000, help="(%(default)s)")
    arguments = parser.parse_args(argv)
    made = TrainingData(arguments.work_dir.absolute(), {"demo": arguments.documents.absolute()})
    asked = None
    for settings in objectives.planned(objectives.parse([]), "objectives"):
        record, folder = run_records.find(settings), training_runs.model_dir(made, settings)
        if record is None or not training_runs.trained(folder):
            print(f"{settings.name}: no record, or its model is not there any more")
            continue
        if record["figures"].get("more_lines", {}).get("cases") == arguments.lines:
            print(f"{settings.name}: already done")
            continue
        contents = (file.content for file in shards.read_documents(made.documents("demo"), SPLIT))
        asked = asked or cases(contents, count=arguments.lines)
        prompts, targets = zip(*asked, strict=True)
        trained = model.TrainedModel(str(folder), batch_size=BATCH_SIZE)
        scores = metrics.line_completion(targets, list(trained.complete(prompts, decoding=HOW)))
        record["figures"]["more_lines"] = {**scores, "cases": len(asked)}
        run_records.write(settings, record)
        print(f"{settings.name}: {scores}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
