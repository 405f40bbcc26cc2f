"""Which of several texts is likeliest at a cursor: each is scored whole, however many tokens it has.

A text and what stands before it in its line are encoded together, as in training, so that a candidate is not at a loss
where its first piece would begin before the cursor. What comes after it is weighed, too: that a name ends there, so
`path` is not scored as the beginning of `pathsep`.
"""

from collections.abc import Sequence

import numpy as np

from completion import runtime as runtime_lib
from completion.runtime import Runtime
from completion.search import Start, log_softmax
from preprocessing import contract, prompt


def name_ends(codec: prompt.Codec) -> np.ndarray:
    """Ids of what does not go on with a name: pieces that begin with another character, and EOS."""
    ids = [contract.EOS_ID]
    for token, piece in enumerate(codec.piece_bytes()):
        begins = piece[:1]
        # Bytes from 128 on are parts of letters, as far as Python goes.
        if begins and not (begins.isalnum() or begins == b"_" or begins >= b"\x80"):
            ids.append(token)
    return np.array(ids)


def log_likelihoods(
    runtime: Runtime, start: Start, rows: Sequence[Sequence[int]], *, ends: np.ndarray | None = None
) -> list[float]:
    """Of rows of tokens after a start, in nats.

    Args:
      start: after all that the rows have in common.
      rows: further tokens of each, one or more; a row may be empty.
      ends: ids any of which ends a text; the likelihood of one of them after each row is counted in. None for none.

    Example: of two rows after which nothing is asked for, [[5], [5, 7]], the second has the likelihood of the first
      and that of 7 after it.
    """
    longest = max(map(len, rows))
    tokens = np.zeros((len(rows), longest), np.int64)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = row
    # What comes after the start, and after each token of each row: float64 [rows, 1 + longest, vocabulary].
    first = np.repeat(log_softmax(start.logits)[None, None], len(rows), axis=0)
    found = first
    if longest:
        cache = runtime_lib.rows_of(start.cache, [0] * len(rows))
        logits, _ = runtime.step(start.read, tokens, cache)
        found = np.concatenate([first, log_softmax(logits)], axis=1)
    scores = []
    for number, row in enumerate(rows):
        nats = sum(float(found[number, place, token]) for place, token in enumerate(row))
        if ends is not None:
            nats += float(np.logaddexp.reduce(found[number, len(row), ends]))
        scores.append(nats)
    return scores
