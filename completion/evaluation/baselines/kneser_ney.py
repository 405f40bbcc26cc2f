"""Modified Kneser-Ney smoothing of counted n-grams: how likely each token is behind the last few of a text.

After S. F. Chen and J. Goodman, An Empirical Study of Smoothing Techniques for Language Modeling (1998), section 3:
https://dash.harvard.edu/handle/1/25104739. With a(g) for the adjusted count of an n-gram g, of w behind h:

    p(w | h) = max(a(hw) - D(a(hw)), 0) / a(h*)  +  (sum over w of D(a(hw))) / a(h*)  *  p(w | h but its first token)

a        of the longest n-grams how often they occur; of shorter ones before how many different tokens they occur, but
         of those that begin a document, before which there is nothing, how often; a(h*) is the sum over all w
D        one discount each for a = 1, a = 2 and a >= 3, of each order: see `discounts`
p(w)     ends in 1 / vocabulary, so nothing has probability 0

The counts are arrays, and an n-gram is found by bisection in those of its order. The n-gram libraries of Python do
something else: tokengrams 0.3.3 has one discount an order, n1 / (n1 + 2 n2), and takes plain counts of shorter n-grams
too, which predicts worse, and the worse the longer they are.
"""

from collections.abc import Iterable, Sequence

import numpy as np

# Longer ones predict hardly better, and take much more memory.
ORDER = 6
# Discounts where there are too few n-grams to estimate them, those of KenLM's `--discount_fallback`
# (https://kheafield.com/code/kenlm/estimation/).
FALLBACK = (0.5, 1.0, 1.5)


class KneserNey:
    """The probabilities of tokens behind others.

    Attributes:
      order: of the longest n-grams: a token is predicted from the `order - 1` before it.
      end: the token before and behind every document.
      vocab_size: of the tokens.

    Example: of the document [2, 3, 2, 3, 2] with end 1, 4 tokens in all and order 2, there are too few n-grams to
      estimate discounts. Behind 3 stands 2, twice: `probabilities([3])[2]` is (2 - 1) / 2 + 1 / 2 * p(2), where 2 has
      been seen behind two tokens (1 and 3), and 3 and 1 behind one each (2), so that p(2) is
      (2 - 1) / 4 + (0.5 + 0.5 + 1) / 4 * 1 / 4 = 0.375: together 0.6875.
    """

    def __init__(self, documents: Iterable[Sequence[int]], vocab_size: int, *, order: int = ORDER, end: int):
        """Counts.

        Args:
          documents: tokens of each, 0 to `vocab_size` - 1, without `end`. No n-gram is of two of them.

        Raises:
          ValueError: there are no tokens, one is out of range, or the order is below 2.
        """
        parts = [part for document in documents for part in (np.asarray(document, np.int64), [end])]
        tokens = np.concatenate([[end], *parts]).astype(np.int64)
        if order < 2 or len(tokens) < 2 or tokens.min() < 0 or tokens.max() >= vocab_size:
            raise ValueError(
                f"n-grams of order 2 or more are counted in tokens from 0 to {vocab_size - 1}: got order {order} and "
                f"{len(tokens) - 1} tokens from {tokens.min()} to {tokens.max()}"
            )
        self.order, self.end, self.vocab_size = order, end, vocab_size
        # Of each order from 1 on: the n-grams, ascending, each as the row of all but its last token in the order below,
        # times the vocabulary, plus its last token; and their adjusted counts.
        self._grams: list[np.ndarray] = []
        self._counts: list[np.ndarray] = []
        self._count(tokens)
        self._discounts = [np.array([0.0, *discounts(counts)]) for counts in self._counts]
        found, total = self._discounted(0, slice(None))
        self._unigrams = found / total + (1 - found.sum() / total) / vocab_size

    def _count(self, tokens: np.ndarray) -> None:
        ended = np.concatenate([[0], np.cumsum(tokens == self.end)])
        grams, counts = np.arange(self.vocab_size), np.bincount(tokens, minlength=self.vocab_size)
        begins = np.zeros(self.vocab_size, bool)
        # The row of the n-gram that begins at each token; -1 where one would be of two documents.
        rows = tokens
        for order in range(2, self.order + 1):
            number = max(len(tokens) - order + 1, 0)
            # An end may be the first or the last of its tokens, but none between.
            inside = ended[order - 1 : order - 1 + number] == ended[1 : 1 + number]
            places = np.flatnonzero(inside & (rows[:number] >= 0))
            keys = rows[places] * self.vocab_size + tokens[places + order - 1]
            longer, first, which, often = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
            first = places[first]
            # Each longer n-gram is another token before the shorter one that it ends with.
            before = np.bincount(rows[first + 1], minlength=len(grams))
            self._grams.append(grams)
            self._counts.append(np.where(begins, counts, before).astype(np.int32))
            grams, counts, begins = longer, often, tokens[first] == self.end
            rows = np.full(number, -1)
            rows[places] = which
        self._grams.append(grams)
        self._counts.append(counts.astype(np.int32))

    def _discounted(self, order: int, part: slice) -> tuple[np.ndarray, float]:
        counts = self._counts[order][part]
        return counts - self._discounts[order][np.minimum(counts, 3)], float(counts.sum())

    def probabilities(self, before: Sequence[int]) -> np.ndarray:
        """Of each token, to come next: float64 [vocab_size], which sum to 1.

        Args:
          before: tokens of one document; those of its beginning are told by `end` before them.
        """
        found = self._unigrams.copy()
        for length in range(1, min(self.order - 1, len(before)) + 1):
            part = self._behind(before[len(before) - length :])
            if part.start == part.stop:
                # What was never followed by anything is not in any longer n-gram either.
                break
            discounted, total = self._discounted(length, part)
            found *= 1 - discounted.sum() / total
            found[self._grams[length][part] % self.vocab_size] += discounted / total
        return found

    def _behind(self, context: Sequence[int]) -> slice:
        """Where the n-grams are that consist of some tokens and one more; an empty slice where there are none."""
        row = int(context[0])
        for length, token in enumerate(context[1:], start=1):
            key = row * self.vocab_size + int(token)
            row = int(np.searchsorted(self._grams[length], key))
            if row == len(self._grams[length]) or self._grams[length][row] != key:
                return slice(0, 0)
        bounds = np.array([row, row + 1]) * self.vocab_size
        return slice(*map(int, np.searchsorted(self._grams[len(context)], bounds)))


def discounts(counts: np.ndarray) -> tuple[float, float, float]:
    """What is taken off counts of 1, of 2, and of 3 and more: equation 26 of Chen and Goodman.

    Args:
      counts: of the n-grams of an order, adjusted; 0 counts for nothing.

    Returns:
      The estimates, or `FALLBACK` where one cannot be made, or is not between 0 and its count.

    Example: of four n-grams with count 1, three with 2, two with 3 and one with 4, Y is 4 / (4 + 2 * 3) = 0.4, and
      they are 1 - 2 Y 3/4 = 0.4, 2 - 3 Y 2/3 = 1.2 and 3 - 4 Y 1/2 = 2.2.
    """
    number = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    if not number[1:4].all():
        return FALLBACK
    share = number[1] / (number[1] + 2 * number[2])
    found = tuple(i - (i + 1) * share * number[i + 1] / number[i] for i in (1, 2, 3))
    return found if all(0 <= one <= i for i, one in enumerate(found, start=1)) else FALLBACK
