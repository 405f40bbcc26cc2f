"""How likely held-out text is to a model that is always told what really stood before: token figures, teacher-forced.

top_1, top_3, top_5  per cent of the target tokens that are among the model's so many likeliest, given all before them
perplexity           exp of the mean nats a target token: of how many tokens, all alike likely, it would be a choice.
                     It depends on the vocabulary: for models with the same one alone
bits_per_byte        nats of the target tokens / ln 2 / UTF-8 bytes of the target text; for any two models

Text is cut as the `_heldout` Tasks cut it, on which training validates: a file and its EOS into windows of all that
the model reads and writes, one behind the other, and each window where its inputs are full, or, where the file ends
before, in the same proportion. The figures are defined as in training's validation, so they can be held against
`run.json`, with two differences. Here windows are drawn among all of the files at random; and the EOS that a delimited
row ends in where its file does not is read by no one and not scored: no text stands for it, and another model of the
same tokens knows nothing of it.

A window is scored alone: several at a time are hardly quicker on a CPU, and in int8 they would change each other's
figures a little.
"""

import dataclasses
import hashlib
import heapq
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from completion.evaluation import intervals
from completion.evaluation.intervals import Interval
from completion.exported import Description
from completion.held_out_files import HeldOut
from completion.runtime import Runtime
from completion.search import log_softmax
from preprocessing import contract, prompt

TOP = (1, 3, 5)


@dataclasses.dataclass(frozen=True)
class Window:
    """A piece of a file.

    Attributes:
      group: what is drawn together for intervals: the repository, or the file where that is not known.
      inputs: ids that are read; at least one.
      targets: ids that follow; at least one. The file's EOS is the last one where the file ends.
      text_bytes: of UTF-8 that the targets stand for; a literal `▁` or DLE counts those of its escape.
    """

    group: str
    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    text_bytes: int


class TokenModel(Protocol):
    """Another model of the same tokens, such as one of n-grams."""

    def logprobs(self, tokens: Sequence[int]) -> Sequence[float]:
        """Of each of some tokens the natural logarithm of its probability behind those before it, [tokens]."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """What a model gives to windows.

    Attributes:
      nats: float64 [windows], of the targets together.
      right: int64 [windows, TOP], how many targets are among the so many likeliest tokens; None where the model does
        not say.
      seconds: that it took.
    """

    nats: np.ndarray
    right: np.ndarray | None
    seconds: float

    @property
    def windows_per_second(self) -> float:
        return len(self.nats) / max(self.seconds, 1e-9)


@dataclasses.dataclass(frozen=True)
class Figures:
    """The figures of a model on windows, see the top of this file.

    Attributes:
      windows, tokens, text_bytes: that were scored.
      top: of each of TOP, 0 to 100; None where the model does not say.
    """

    windows: int
    tokens: int
    text_bytes: int
    top: dict[int, Interval] | None
    perplexity: Interval
    bits_per_byte: Interval

    def row(self) -> dict[str, Any]:
        """As `results.json` has it: "top_1" and so on are null where the model does not say."""
        tops = {f"top_{k}": dataclasses.asdict(self.top[k]) if self.top else None for k in TOP}
        return {
            "windows": self.windows,
            "tokens": self.tokens,
            "bytes": self.text_bytes,
            **tops,
            "perplexity": self.perplexity.mean,
            "bits_per_byte": dataclasses.asdict(self.bits_per_byte),
        }


def draw(
    files: Iterable[HeldOut], codec: prompt.Codec, description: Description, *, number: int | None = None, seed: int = 0
) -> list[Window]:
    """Windows of files, as long as a model reads and writes.

    Args:
      codec, description: of the model.
      number: how many are drawn among all of them, each as likely as the others; None for all. There are fewer where
        the files have not as many. Which ones are drawn does not depend on the order of the files.

    Raises:
      ValueError: there are none.

    Example: of a model of 3 + 2 tokens, a file of 8 tokens and its EOS, [71, 9, 4, 33, 8, 20, 21, 22, 1], has the
      windows [71, 9, 4 | 33, 8] and [20, 21 | 22, 1].
    """
    sizes = [len(piece) for piece in codec.piece_bytes()]
    # What a delimited row has room for besides its two EOS.
    max_targets = description.max_forced - description.delimited
    keyed = (
        (hashlib.sha256(f"{seed}:{file.name}:{place}".encode()).digest(), window)
        for file in files
        for place, window in enumerate(_of_file(file, codec, sizes, description.max_inputs, max_targets))
    )
    drawn = sorted(keyed, key=_key) if number is None else heapq.nsmallest(number, keyed, key=_key)
    if not drawn:
        raise ValueError("no windows to score: there are no files, or none has a token besides its end")
    return [window for _, window in drawn]


def by_model(
    runtime: Runtime, windows: Sequence[Window], *, say: Callable[[int, int], None] = lambda done, of: None
) -> Scored:
    """Scores windows by an exported model.

    Args:
      windows: of `draw`, for this model's description.
      say: is told how many are done, and of how many.
    """
    started = time.perf_counter()
    nats, right = [], []
    for window in windows:
        logits, wanted = _logits(runtime, window), np.array(window.targets)
        own = logits[np.arange(len(wanted)), wanted]
        nats.append(-log_softmax(logits)[np.arange(len(wanted)), wanted].sum())
        # How many are likelier: of equals all are the likeliest, as in training's validation.
        ranks = (logits > own[:, None]).sum(axis=1)
        right.append([(ranks < k).sum() for k in TOP])
        say(len(nats), len(windows))
    return Scored(np.array(nats), np.array(right), time.perf_counter() - started)


def by_token_model(
    model: TokenModel, windows: Sequence[Window], *, say: Callable[[int, int], None] = lambda done, of: None
) -> Scored:
    """Scores the same targets by another model of the same tokens, which is shown the inputs before them, too.

    Raises:
      ValueError: it does not give a finite log-probability, 0 or less, for each token.
    """
    started = time.perf_counter()
    nats = []
    for window in windows:
        found = np.asarray(model.logprobs([*window.inputs, *window.targets]), float)
        expected = len(window.inputs) + len(window.targets)
        if found.shape != (expected,):
            raise ValueError(f"{type(model).__name__}.logprobs gave {found.shape} numbers for {expected} tokens")
        found = found[len(window.inputs) :]
        wrong = np.flatnonzero(~(np.isfinite(found) & (found <= 1e-6)))
        if len(wrong):
            raise ValueError(
                f"{type(model).__name__}.logprobs gave {found[wrong[0]]} for token {window.targets[wrong[0]]} of "
                f"{window.group}: a model of text gives every token a log-probability that is finite, and 0 or less"
            )
        nats.append(-found.sum())
        say(len(nats), len(windows))
    return Scored(np.array(nats), None, time.perf_counter() - started)


def figures(windows: Sequence[Window], scored: Scored, *, seed: int = 0) -> Figures:
    """Figures over all targets, with intervals over repositories (see `intervals`).

    Args:
      seed: of the resamples.

    Raises:
      ValueError: there are no windows, or others than were scored.

    Example: of 2 tokens for 4 bytes with 4.0 nats, perplexity is exp(2.0) = 7.389, bits_per_byte 1.443.
    """
    if not windows or len(windows) != len(scored.nats):
        raise ValueError(f"{len(windows)} windows, and scores of {len(scored.nats)}: give those that were scored")
    tokens = np.array([len(window.targets) for window in windows], float)
    text_bytes = np.array([window.text_bytes for window in windows], float)
    rights = [] if scored.right is None else [(100.0 * right, tokens) for right in scored.right.T]
    ratios = [(scored.nats, tokens), (scored.nats / math.log(2), text_bytes), *rights]
    loss, bits, *tops = _intervals(ratios, [window.group for window in windows], seed)
    return Figures(
        windows=len(windows),
        tokens=int(tokens.sum()),
        text_bytes=int(text_bytes.sum()),
        top=dict(zip(TOP, tops, strict=True)) if tops else None,
        perplexity=Interval(*(None if one is None else math.exp(one) for one in dataclasses.astuple(loss))),
        bits_per_byte=bits,
    )


def _of_file(
    file: HeldOut, codec: prompt.Codec, sizes: Sequence[int], max_inputs: int, max_targets: int
) -> Iterator[Window]:
    ids = [*codec.encode(file.text), contract.EOS_ID]
    length = max_inputs + max_targets
    for start in range(0, len(ids), length):
        piece = ids[start : start + length]
        # One token alone, the EOS, cannot be cut in two.
        if len(piece) > 1:
            border = max(1, len(piece) * max_inputs // length)
            targets = tuple(piece[border:])
            yield Window(file.repository, tuple(piece[:border]), targets, sum(sizes[token] for token in targets))


def _key(keyed: tuple[bytes, Window]) -> bytes:
    return keyed[0]


def _logits(runtime: Runtime, window: Window) -> np.ndarray:
    """Of what may stand in the place of each target, float32 [targets, vocabulary]."""
    inputs = [*window.inputs, contract.EOS_ID] if runtime.description.delimited else window.inputs
    read = runtime.read([inputs])
    logits, _ = runtime.step(read, np.array([[*read.before, *window.targets[:-1]]]), None)
    return logits[0, len(read.before) - 1 :]


def _intervals(ratios: Sequence[tuple[np.ndarray, np.ndarray]], groups: Sequence[str], seed: int) -> list[Interval]:
    """Of ratios of two sums over windows, (above, below) each; whole groups are drawn, as in `intervals`."""
    _, numbers = np.unique(np.asarray(groups, str), return_inverse=True)
    above, below = (np.stack([np.bincount(numbers, weights=one[i]) for one in ratios], axis=1) for i in range(2))
    # Windows whose only target is EOS have no bytes: of such alone there are none to divide by.
    means = above.sum(axis=0) / np.maximum(below.sum(axis=0), 1)
    if len(above) < 2:
        return [Interval(float(mean), None, None) for mean in means]
    chances = np.full(len(above), 1 / len(above))
    drawn = np.random.default_rng(seed).multinomial(len(above), chances, size=intervals.RESAMPLES).astype(float)
    lows, highs = np.percentile((drawn @ above) / np.maximum(drawn @ below, 1), [2.5, 97.5], axis=0)
    return [Interval(*map(float, found)) for found in zip(means, lows, highs, strict=True)]
