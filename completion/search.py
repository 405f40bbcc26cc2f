"""How an answer is written: greedily, by drawing, or by a beam search that prefers answers which come to an end.

The tokens that end an answer are one event, with the sum of their probabilities: a line ends at any piece that begins
with a newline, and were these left to themselves a single likelier token would win over all of them together.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from completion import runtime as runtime_lib
from completion.runtime import Cache, Read, Runtime


class CancelledError(Exception):
    """Nobody waits for the answer any more."""


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How to write.

    Attributes:
      max_new_tokens: the most tokens of an answer.
      beam_size: above 1 a beam search.
      num_answers: how many; the best of a beam search, or as many draws.
      temperature: 0 takes the likeliest token; 1 draws from the model's distribution.
      top_k, top_p: draw among so many likeliest tokens, and among the fewest that have so much probability together.
      length_bonus: the score of an answer is its log-probability over its length to this power: 0 prefers short ones,
        1 is the mean of its tokens.
      seed: of the draws; None for another one each time.
      top_logprobs: so many of the likeliest tokens are told of each place in an answer; not in a beam search.

    Raises:
      ValueError: a value that is out of range, or values that do not go together.
    """

    max_new_tokens: int = 32
    beam_size: int = 1
    num_answers: int = 1
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0
    length_bonus: float = 0.7
    seed: int | None = None
    top_logprobs: int = 0

    def __post_init__(self):
        if self.max_new_tokens < 1 or self.beam_size < 1 or self.num_answers < 1 or self.temperature < 0:
            raise ValueError(
                f"max_new_tokens, beam_size and num_answers must be 1 or more, temperature 0 or more: {self}"
            )
        if (self.top_k is not None and self.top_k < 1) or not 0 < self.top_p <= 1:
            raise ValueError(f"top_k must be 1 or more, top_p more than 0 and at most 1: {self}")
        if self.beam_size > 1 and self.temperature:
            raise ValueError("a beam search draws nothing: give beam_size, or a temperature, not both")
        if self.top_logprobs < 0 or (self.top_logprobs and self.beam_size > 1):
            raise ValueError("top_logprobs must be 0 or more, and 0 in a beam search, which keeps none")
        if self.num_answers > max(self.beam_size, 1) and not self.temperature:
            raise ValueError(
                f"{self.num_answers} answers would all be the same: give a temperature, or a beam_size of as many"
            )


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was written.

    Attributes:
      tokens: ids, without what ended it.
      logprobs: natural logarithm of the probability of each; one more, that of the end, where it ended.
      ended: whether it came to an end, rather than to `max_new_tokens`.
      top: of each token the likeliest ones, (id, log-probability), where they were asked for.
    """

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    ended: bool = False
    top: tuple[tuple[tuple[int, float], ...], ...] = ()

    @property
    def logprob(self) -> float:
        return float(sum(self.logprobs))

    def score(self, length_bonus: float) -> float:
        return self.logprob / max(1, len(self.logprobs)) ** length_bonus


@dataclasses.dataclass(frozen=True)
class Start:
    """Where writing begins.

    Attributes:
      read: of one text.
      cache: of all tokens so far, one row.
      logits: float32 [vocabulary], what comes next.
    """

    read: Read
    cache: Cache
    logits: np.ndarray


def write(
    runtime: Runtime,
    start: Start,
    decoding: Decoding,
    *,
    stop_ids: Sequence[int],
    allowed: np.ndarray | None = None,
    finished: Callable[[tuple[int, ...]], bool] = lambda tokens: False,
    watch: Callable[[tuple[int, ...]], None] = lambda tokens: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Answer]:
    """Writes answers, the best first.

    Args:
      stop_ids: tokens any of which ends an answer.
      allowed: ids that the first token is bound to, and which do not end the answer there; None binds nothing.
      finished: whether an answer has come to an end with these tokens, which stay in it.
      watch: is told an answer as far as it is written, at each token, where only one is written, and no beam search.
      cancelled: asked before each step.

    Raises:
      CancelledError: `cancelled` said so.
    """
    ends = Ends(stop_ids, len(start.logits))
    if decoding.beam_size > 1:
        return _beam_search(runtime, start, decoding, ends, allowed, finished, cancelled)
    return _draw(runtime, start, decoding, ends, allowed, finished, watch, cancelled)


class Ends:
    """The tokens that end an answer, as one event."""

    def __init__(self, stop_ids: Sequence[int], vocab_size: int):
        self._ids = np.fromiter(stop_ids, np.int64)
        self.id = vocab_size

    def fold(self, logprobs: np.ndarray) -> np.ndarray:
        """Log-probabilities [..., vocabulary] to [..., vocabulary + 1]: the last one is that of the end."""
        together = np.logaddexp.reduce(logprobs[..., self._ids], axis=-1, keepdims=True)
        folded = np.concatenate([logprobs, together], axis=-1)
        folded[..., self._ids] = -np.inf
        return folded


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities, float64 [..., vocabulary]."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _first(start: Start, ends: Ends, allowed: np.ndarray | None) -> np.ndarray:
    """Log-probabilities [vocabulary + 1] of the first token; among those that are allowed, where not all are."""
    if allowed is None:
        return ends.fold(log_softmax(start.logits))
    found = np.full(len(start.logits) + 1, -np.inf)
    found[allowed] = log_softmax(start.logits[allowed])
    return found


def _draw(runtime, start, decoding, ends, allowed, finished, watch, cancelled) -> list[Answer]:
    """Answers that are written side by side, each token the likeliest, or drawn."""
    chance = np.random.default_rng(decoding.seed)
    answers = [Answer() for _ in range(decoding.num_answers)]
    going = list(range(len(answers)))
    cache = runtime_lib.rows_of(start.cache, [0] * len(going)) if len(going) > 1 else start.cache
    logprobs = np.repeat(_first(start, ends, allowed)[None], len(going), axis=0)
    for number in range(decoding.max_new_tokens):
        if cancelled():
            raise CancelledError
        chosen = [_choose(row, decoding, chance) for row in logprobs]
        for row, token in enumerate(chosen):
            top = _top(logprobs[row], decoding.top_logprobs, ends)
            answers[going[row]] = _longer(answers[going[row]], token, logprobs[row, token], ends, finished, top)
        if len(answers) == 1:
            watch(answers[0].tokens)
        stay = [row for row in range(len(going)) if not answers[going[row]].ended]
        if not stay or number + 1 == decoding.max_new_tokens:
            break
        if len(stay) < len(going):
            cache, going = runtime_lib.rows_of(cache, stay), [going[row] for row in stay]
        logits, cache = runtime.step(start.read, np.array([[chosen[row]] for row in stay]), cache)
        logprobs = ends.fold(log_softmax(logits[:, -1]))
    return sorted(answers, key=lambda answer: -answer.score(decoding.length_bonus))


def _choose(logprobs: np.ndarray, decoding: Decoding, chance: np.random.Generator) -> int:
    if not decoding.temperature:
        return int(logprobs.argmax())
    order = np.argsort(-logprobs)[: decoding.top_k]
    weights = np.exp((logprobs[order] - logprobs[order[0]]) / decoding.temperature)
    weights /= weights.sum()
    # As many as it takes to have `top_p`; the likeliest one always.
    kept = int(np.searchsorted(np.cumsum(weights), decoding.top_p, side="left")) + 1
    weights = weights[:kept] / weights[:kept].sum()
    return int(chance.choice(order[:kept], p=weights))


def _longer(answer: Answer, token: int, logprob: float, ends: Ends, finished, top: tuple = ()) -> Answer:
    logprobs = (*answer.logprobs, float(logprob))
    if token == ends.id:
        return Answer(answer.tokens, logprobs, True, answer.top)
    tokens = (*answer.tokens, int(token))
    return Answer(tokens, logprobs, finished(tokens), (*answer.top, top) if top else ())


def _top(logprobs: np.ndarray, number: int, ends: Ends) -> tuple[tuple[int, float], ...]:
    """The likeliest tokens, without the end, which is none."""
    if not number:
        return ()
    likeliest = np.argsort(-logprobs[: ends.id])[:number]
    return tuple((int(i), float(logprobs[i])) for i in likeliest if np.isfinite(logprobs[i]))


def _beam_search(runtime, start, decoding, ends, allowed, finished, cancelled) -> list[Answer]:
    """The best answers that ended; those that did not come after them, and only where there are too few."""
    size = decoding.beam_size
    going, cache = [Answer()], start.cache
    logprobs = _first(start, ends, allowed)[None]
    done: list[Answer] = []
    for number in range(decoding.max_new_tokens):
        if cancelled():
            raise CancelledError
        totals = np.array([answer.logprob for answer in going])[:, None] + logprobs
        flat = totals.ravel()
        best = np.argpartition(-flat, min(2 * size, flat.size - 1))[: 2 * size]
        parents, tokens, beams = [], [], []
        for place in best[np.argsort(-flat[best])]:
            row, token = divmod(int(place), totals.shape[1])
            if not np.isfinite(flat[place]) or len(beams) == size:
                continue
            longer = _longer(going[row], token, logprobs[row, token], ends, finished)
            if longer.ended:
                done.append(longer)
            else:
                parents.append(row)
                tokens.append([token])
                beams.append(longer)
        going = beams
        done = sorted(done, key=lambda answer: -answer.score(decoding.length_bonus))[:size]
        # A longer answer can only be better than this where all that follows is certain.
        hope = max((a.logprob / decoding.max_new_tokens**decoding.length_bonus for a in going), default=-np.inf)
        if number + 1 == decoding.max_new_tokens or (
            len(done) == size and hope <= done[-1].score(decoding.length_bonus)
        ):
            break
        if not going:
            break
        logits, cache = runtime.step(start.read, np.array(tokens), runtime_lib.rows_of(cache, parents))
        logprobs = ends.fold(log_softmax(logits[:, -1]))
    going = sorted(going, key=lambda answer: -answer.score(decoding.length_bonus))
    return [*done, *going][: decoding.num_answers]
