"""How fast is a vocabulary's tokeniser by itself? Documents in memory, tokens thrown away, several ways to do it.

python -m benchmarks.tokenizer_alone --documents DOCUMENTS --vocabulary VOCABULARY --workers 2
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import pathlib
from collections.abc import Callable

import sentencepiece

from benchmarks.stopwatch import Stopwatch
from preprocessing import contract, shards

BATCH = 16


def texts(documents: pathlib.Path) -> list[str]:
    """The texts of all splits."""
    return [file.content for split in contract.SPLITS for file in shards.read_documents(documents, split, verify=False)]


def with_processes(documents: list[str], model: pathlib.Path, workers: int) -> Callable[[], int]:
    """SentencePiece in `workers` processes, which have the documents from the start and give back one number each."""

    def tokenize() -> int:
        with concurrent.futures.ThreadPoolExecutor(workers) as threads:
            return sum(threads.map(_in_a_process, [documents[i::workers] for i in range(workers)], [model] * workers))

    return tokenize


def _in_a_process(documents: list[str], model: pathlib.Path) -> int:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_count, args=(documents, model, sender))
    process.start()
    count = receiver.recv()
    process.join()
    return count


def _count(documents: list[str], model: pathlib.Path, sender) -> None:
    processor = sentencepiece.SentencePieceProcessor(str(model))
    sender.send(sum(len(processor.encode(document)) for document in documents))


def with_tensorflow(documents: list[str], model: pathlib.Path, workers: int, batch: int) -> Callable[[], int]:
    """tensorflow_text's op in `workers` threads of tf.data, on `batch` documents at a time."""
    import tensorflow as tf  # after the processes were forked
    import tensorflow_text

    tokenizer = tensorflow_text.SentencepieceTokenizer(model=model.read_bytes())
    options = tf.data.Options()
    options.autotune.enabled = False  # it would sleep on after the last document
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(documents)).with_options(options).batch(batch)

    def tokenize() -> int:
        counts = dataset.map(
            lambda some: tf.size(tokenizer.tokenize(some).flat_values, tf.int64), num_parallel_calls=workers
        )
        return int(counts.reduce(tf.constant(0, tf.int64), tf.add))

    return tokenize


def measure(documents: list[str], model: pathlib.Path, *, workers: int) -> dict[str, dict[str, float]]:
    """Way -> {"seconds", "core_seconds"}, everything that is needed loaded before.

    Raises:
      ValueError: two ways do not give the same number of tokens.
    """
    ways = {
        "sentencepiece, processes": lambda: with_processes(documents, model, workers),
        "tensorflow_text, by document": lambda: with_tensorflow(documents, model, workers, 1),
        f"tensorflow_text, by {BATCH} documents": lambda: with_tensorflow(documents, model, workers, BATCH),
    }
    found, counts = {}, {}
    for name, prepare in ways.items():
        tokenize = prepare()
        stopwatch = Stopwatch()
        counts[name] = tokenize()
        found[name] = stopwatch.read()
    if len(set(counts.values())) > 1:
        raise ValueError(f"not the same tokens: {counts}")
    return found


def main(argv: list[str] | None = None) -> None:
    """The command; prints one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tokenizer_alone", description=__doc__)
    parser.add_argument("--documents", type=pathlib.Path, required=True)
    parser.add_argument("--vocabulary", type=pathlib.Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args(argv)
    documents = texts(arguments.documents)
    print(json.dumps(measure(documents, arguments.vocabulary / "code.model", workers=arguments.workers)))


if __name__ == "__main__":
    main()
