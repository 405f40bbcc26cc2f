"""Reads packed examples back, for tests."""

import numpy as np
import tensorflow as tf


def documents_dataset(documents: list[list[int]], contexts: list[list[int]] | None = None) -> tf.data.Dataset:
    """What `objectives.objective` gives of whole documents."""
    contexts = contexts or [[] for _ in documents]
    rows = {"inputs": contexts, "targets": documents}
    rows = {name: tf.ragged.constant(lists, tf.int32, ragged_rank=1) for name, lists in rows.items()}
    return tf.data.Dataset.from_tensor_slices(rows)


def random_documents(count: int, *, seed: int = 0, longest: int = 400) -> list[list[int]]:
    """Documents of all lengths, EOS at the end; no other token is EOS or padding."""
    generator = np.random.default_rng(seed)
    lengths = np.exp(generator.uniform(0, np.log(longest), count)).astype(int)
    return [[*generator.integers(3, 800, length).tolist(), 1] for length in lengths]


def pieces_of(example: dict[str, np.ndarray], name: str) -> list[list[int]]:
    """The pieces of a row, after a look at its segmentation and its positions."""
    row, segment, position = (example[name + suffix] for suffix in ("", "_segmentation", "_position"))
    assert ((row == 0) == (segment == 0)).all()
    used = segment[segment > 0]
    assert (np.diff(used) >= 0).all()  # padding only at the end, segments in their order
    assert (segment[: len(used)] == used).all()
    found = [row[segment == number].tolist() for number in range(1, used.max(initial=0) + 1)]
    assert position[: len(used)].tolist() == [i for piece in found for i in range(len(piece))]
    return found


def fill(examples: list[dict[str, np.ndarray]], name: str) -> float:
    """The share of positions that hold a token."""
    return float(np.mean([example[name] != 0 for example in examples]))


def kept(documents: list[list[int]], window_lengths: list[int]) -> list[int]:
    """The stream of the documents without those parts of a window that are a single token of a file."""
    stream = [token for document in documents for token in document]
    owner = np.repeat(np.arange(len(documents)), [len(document) for document in documents])
    left, start = [], 0
    for length in window_lengths:
        window, files = stream[start : start + length], owner[start : start + length]
        sizes = dict(zip(*np.unique(files, return_counts=True), strict=True))
        left += [token for token, file in zip(window, files, strict=True) if sizes[file] > 1]
        start += length
    return left
