r"""Completes a file of prompts with an exported model: JSONL in, JSONL out. Without TensorFlow; starts in a second.

echo '{"prompt": "import numpy as np\nx = np."}' > prompts.jsonl
python -m completion.complete --model EXPORT --input prompts.jsonl --output completions.jsonl

Rows are those of `code_t5.main.predict`: "prompt", and where the model was trained for it "suffix", "files" and "path".
All fields are copied to the output, which adds "completions", a list of texts.
"""

import argparse
import json
import pathlib
import statistics
import sys
import time
from collections.abc import Iterator

from completion import exported, filters, whole_file
from completion.engine import Engine
from completion.requests import Request
from completion.search import Decoding


def read_rows(path: pathlib.Path) -> Iterator[tuple[dict, Request]]:
    """The rows of a file of prompts.

    Raises:
      ValueError: a row that is not JSON, not UTF-8 or no request, by its line number.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8"))
            except ValueError as error:
                raise ValueError(f"{path}:{number} is not JSON in UTF-8: {error}") from error
            yield row, Request.from_row(row, where=f"{path}:{number}")


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m completion.complete", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="made by code_t5.main.export --format onnx")
    add("--input", type=pathlib.Path, required=True, metavar="FILE", help="JSONL of prompts")
    add("--output", type=pathlib.Path, required=True, metavar="FILE", help="JSONL to write")
    add("--num_answers", type=int, default=1, metavar="N", help="completions a prompt (%(default)s)")
    add("--beam_size", type=int, default=1, metavar="N", help="above 1: beam search (%(default)s)")
    add("--max_new_tokens", type=int, default=64, metavar="N", help="the most tokens of a completion (%(default)s)")
    add("--temperature", type=float, default=0.0, metavar="T", help="above 0: draw from the distribution (%(default)s)")
    add("--top_k", type=int, metavar="N", help="draw among so many likeliest tokens")
    add("--top_p", type=float, default=1.0, metavar="P", help="and among those with so much probability (%(default)s)")
    add("--seed", type=int, metavar="N", help="of the draws")
    add("--multi_line", action="store_true", help="write past the end of the line")
    add("--filter", action="store_true", help="leave out what an editor would not show; the counts are printed")
    add("--threads", type=int, metavar="N", help="by default as many as are quickest")
    add("--context_budget", type=int, metavar="N", help="the most tokens of other files; by default as in training")
    add("--fallback", metavar="FILE", help="modules whose attributes are suggested by popularity, see docs/serving.md")
    arguments = parser.parse_args(argv)
    try:
        decoding = Decoding(
            max_new_tokens=arguments.max_new_tokens, beam_size=arguments.beam_size, temperature=arguments.temperature,
            num_answers=arguments.num_answers, top_k=arguments.top_k, top_p=arguments.top_p, seed=arguments.seed,
        )  # fmt: skip
        rows = list(read_rows(arguments.input))
        engine = Engine(
            arguments.model, threads=arguments.threads, context_budget=arguments.context_budget,
            fallback=arguments.fallback,
        )  # fmt: skip
        seconds = complete(engine, rows, decoding, arguments)
    except (ValueError, OSError, exported.ExportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    dropped = {reason: engine.counts[reason] for reason in filters.REASONS if engine.counts[reason]}
    print(
        f"{len(rows)} prompts in {arguments.output}, {statistics.median(seconds) * 1000 if seconds else 0:.0f} ms each "
        f"(median), {engine.threads} threads" + (f"; not shown: {dropped}" if arguments.filter else "")
    )
    return 0


def complete(engine: Engine, rows: list[tuple[dict, Request]], decoding: Decoding, arguments) -> list[float]:
    """Writes the output, whole or not at all; the seconds that each prompt took."""
    seconds = []
    with whole_file.writing(arguments.output) as file:
        for row, request in rows:
            started = time.perf_counter()
            found = engine.complete(
                request,
                decoding,
                one_line=not arguments.multi_line,
                filters=filters.Filters() if arguments.filter else None,
            )
            seconds.append(time.perf_counter() - started)
            row["completions"] = [one.text for one in found]
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
