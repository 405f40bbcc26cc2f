"""An exported model compared with the original, on held-out text: it is not left where they differ."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from completion import engine, metrics, requests, runtime, search

# Nats a token, in float32: the largest over all rows of the difference of a row's mean. What was asked for; 1.5e-5 is
# seen where sums are only made in another order.
FLOAT32_BOUND = 1e-3
# Of quantised models the mean over all tokens may be so much worse, and rows differ by so much on average.
QUANTIZED_BOUNDS = {"int8": 0.02, "int4": 0.25}
# Of a line that is completed; as many as `code_t5.main.evaluate` writes.
MAX_LINE_TOKENS = 32


class ParityError(ValueError):
    """The export does not give what the original gives."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """What was found.

    Attributes:
      rows, tokens: of held-out text that was scored.
      nats: a token, of the original; exported: of the export.
      largest: difference of a row's nats a token; mean: over all rows.
    """

    rows: int
    tokens: int
    nats: float
    exported: float
    largest: float
    mean: float


@dataclasses.dataclass(frozen=True)
class Lines:
    """What quantising did to lines that are completed greedily. It has no bound: a few dozen lines are too few for one.

    Attributes:
      lines: of held-out files, each with a cursor in it.
      float32, quantized: share of them that were written right, by the weights as they were trained and as exported.
      same: share of them for which both write the same text, right or not.
    """

    lines: int
    float32: float
    quantized: float
    same: float


def compare_lines(targets: Sequence[str], float32: Sequence[str], quantized: Sequence[str]) -> Lines:
    """Compares completions of lines.

    Args:
      targets: what stands there; float32, quantized: what the two models write.

    Example: of the targets ["x", "y"], ["x", "z"] in float32 and ["x", "w"] quantised give `Lines(2, 0.5, 0.5, 0.5)`.
    """
    if not targets:
        raise ValueError("no lines to compare: the held-out files have no line with two words")

    def share(right) -> float:
        return sum(right) / len(targets)

    return Lines(
        lines=len(targets),
        float32=share(map(metrics.exact_match, targets, float32)),
        quantized=share(map(metrics.exact_match, targets, quantized)),
        same=share(one == other for one, other in zip(float32, quantized, strict=True)),
    )


def compare(original: Sequence[float], exported: Sequence[float], lengths: Sequence[int], *, precision: str) -> Parity:
    """Compares log-likelihoods of rows.

    Args:
      original, exported: nats, negative.
      lengths: tokens of each row.

    Raises:
      ParityError: they differ by more than the bound of the precision.
    """
    first, second, tokens = np.asarray(original), np.asarray(exported), np.asarray(lengths)
    apart = np.abs(first - second) / tokens
    found = Parity(
        rows=len(tokens), tokens=int(tokens.sum()), nats=float(-first.sum() / tokens.sum()),
        exported=float(-second.sum() / tokens.sum()), largest=float(apart.max()), mean=float(apart.mean()),
    )  # fmt: skip
    if precision == "float32":
        value, bound, what = found.largest, FLOAT32_BOUND, "the worst row differs by"
    else:
        bound, what = QUANTIZED_BOUNDS[precision], "rows differ on average by"
        value = max(found.mean, abs(found.nats - found.exported))
    if not value <= bound:
        raise ParityError(
            f"the exported model is not the original: of {found.rows} held-out rows {what} {value:.2g} nats a token, "
            f"{bound:g} are allowed for {precision}. Nothing was left there"
        )
    return found


def onnx_scores(folder: str, inputs: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[float]:
    """Log-likelihoods of rows of ids, by an export for ONNX Runtime."""
    model = runtime.Runtime(folder, threads=None)
    found = []
    for ids, written in zip(inputs, targets, strict=True):
        read = model.read([ids])
        logits, _ = model.step(read, np.array([[*read.before, *written[:-1]]]), None)
        found.append(_log_likelihood(logits[0, len(read.before) - 1 :], written))
    return found


def _log_likelihood(logits: np.ndarray, written: Sequence[int]) -> float:
    """Of tokens, each by its row of logits, float32 [tokens, vocabulary]."""
    return float(search.log_softmax(logits)[np.arange(len(written)), written].sum())


def onnx_lines(folder: str, prompts: Sequence[str]) -> list[str]:
    """The rest of the line after each prompt, by an export for ONNX Runtime, as the engine writes it."""
    model = engine.Engine(folder)
    decoding = search.Decoding(MAX_LINE_TOKENS)
    return [model.complete(requests.Request(prompt), decoding)[0].text for prompt in prompts]


def hugging_face_scores(folder: str, inputs: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[float]:
    """Log-likelihoods of rows of ids, by an export for Hugging Face, loaded as its users load it."""
    import torch
    import transformers

    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    found = []
    with torch.no_grad():
        for read, written in zip(inputs, targets, strict=True):
            labels = torch.tensor([written])
            logits = model(input_ids=torch.tensor([read]), labels=labels).logits
            found.append(float(logits.log_softmax(-1).gather(2, labels[:, :, None]).sum()))
    return found


def saved_model_scores(folder: str, inputs: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> list[float]:
    """Log-likelihoods of rows of ids, by a SavedModel, loaded as its users load it."""
    import tensorflow as tf

    with tf.init_scope():
        signatures = tf.saved_model.load(folder).signatures
        encode, step = signatures["encode"], signatures["step"]
        past = {
            name: tf.zeros([1, spec.shape[1], 0, spec.shape[3]])
            for name, spec in step.structured_input_signature[1].items()
            if name.startswith("past_")
        }
        found = []
        for read, written in zip(inputs, targets, strict=True):
            ids = tf.constant([read], tf.int32)
            mask = tf.ones_like(ids)
            row = tf.constant([[0, *written[:-1]]], tf.int32)
            logits = step(target_ids=row, input_mask=mask, **encode(input_ids=ids, input_mask=mask), **past)["logits"]
            found.append(_log_likelihood(logits[0].numpy(), written))
    return found
