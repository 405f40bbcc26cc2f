"""A baseline: datatrove's MinHash deduplication, as its documentation has it, on this machine.

Four stages: signatures, buckets, clusters, filter; 14 buckets of 8 hashes, 5-grams of words, its defaults. Its words
are those of its English tokenizer, spaCy's, which is most of the time; `--words regex` gives it the quickest one that
its interface allows. It runs in an environment of its own (`other_environment`), and imports nothing of ours.

PYTHON -m benchmarks.baseline_datatrove --input_dir JSONL --output_dir OUT --workers 2
"""

import argparse
import json
import pathlib
import re
import sys

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from datatrove.utils.logging import logger
from datatrove.utils.word_tokenizers import WordTokenizer


class RegexWords(WordTokenizer):
    """Runs of letters, digits and underscores."""

    def word_tokenize(self, text: str) -> list[str]:
        return re.findall(r"\w+", text)

    def sent_tokenize(self, text: str) -> list[str]:
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def deduplicate(input_dir: str, work: str, *, workers: int, words: str) -> int:
    """Runs the four stages; the rows that stay are in `work/deduplicated`.

    Args:
      input_dir: JSON lines with `text` and `id`, in as many files as there are workers, so that each has one task
        and loads its tokenizer once.
      words: "english" or "regex".

    Returns:
      How many documents stayed.
    """
    config = MinhashConfig()
    language = RegexWords() if words == "regex" else "en"
    stages = {
        "signatures": (
            [JsonlReader(input_dir), MinhashDedupSignature(f"{work}/signatures", config=config, language=language)],
            workers,
        ),
        "buckets": ([MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], config.num_buckets),
        "clusters": ([MinhashDedupCluster(f"{work}/buckets", f"{work}/remove", config=config)], 1),
        "filter": (
            [
                JsonlReader(input_dir),
                MinhashDedupFilter(f"{work}/remove"),
                # Its default compresses with gzip, which would be work of another kind.
                JsonlWriter(f"{work}/deduplicated", compression=None),
            ],
            workers,
        ),
    }
    for name, (pipeline, tasks) in stages.items():
        LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=min(workers, tasks), logging_dir=f"{work}/logs/{name}"
        ).run()
    return sum(
        file.read_bytes().count(b"\n") for file in pathlib.Path(work, "deduplicated").iterdir() if file.is_file()
    )


def main() -> None:
    """The command; prints how many documents stayed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline_datatrove")
    parser.add_argument("--input_dir", required=True)
    parser.add_argument("--output_dir", required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--words", choices=("english", "regex"), default="english")
    arguments = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    kept = deduplicate(arguments.input_dir, arguments.output_dir, workers=arguments.workers, words=arguments.words)
    print(json.dumps({"kept": kept}))


if __name__ == "__main__":
    main()
