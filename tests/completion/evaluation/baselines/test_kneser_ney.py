"""The formula by hand, and against another program that counts in dictionaries."""

import collections
import math
import random

import numpy as np
import pytest

from completion.evaluation.baselines import kneser_ney
from completion.evaluation.baselines.kneser_ney import KneserNey

END = 1
VOCABULARY = 300


def documents(number: int, seed: int = 0) -> list[list[int]]:
    """Texts in which few tokens are frequent and many rare, and half of them follow from the one before."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        tokens = [2]
        for _ in range(chance.randrange(1, 30)):
            drawn = min(int(1 + chance.paretovariate(0.5)), VOCABULARY - 1)
            tokens.append(chance.choice([drawn, max(2, tokens[-1] * 3 % 29)]))
        found.append(tokens)
    return [*found, []]


class Dictionaries:
    """Equations 24 to 26 of Chen and Goodman as they stand, slowly."""

    def __init__(self, texts: list[list[int]], order: int):
        times = collections.Counter()
        before = collections.defaultdict(set)
        for text in texts:
            row = (END, *text, END)
            for length in range(1, order + 1):
                for place in range(len(row) - length + 1):
                    gram = row[place : place + length]
                    times[gram] += 1
                    if place:
                        before[gram].add(row[place - 1])
        # The end before a document is nothing that was predicted: as a token alone it is counted behind documents.
        self.counts = {
            gram: often if len(gram) == order or (gram[0] == END and len(gram) > 1) else len(before[gram])
            for gram, often in times.items()
        }
        self.behind = collections.defaultdict(list)
        for gram in self.counts:
            self.behind[gram[:-1]].append(gram)
        self.discounts = {}
        for length in range(1, order + 1):
            number = collections.Counter(count for gram, count in self.counts.items() if len(gram) == length)
            share = number[1] / (number[1] + 2 * number[2])
            self.discounts[length] = [0, *(i - (i + 1) * share * number[i + 1] / number[i] for i in (1, 2, 3))]

    def probability(self, context: tuple[int, ...], token: int) -> float:
        behind = [gram for gram in self.behind[context] if self.counts[gram]]
        lower = self.probability(context[1:], token) if context else 1 / VOCABULARY
        if not behind:
            return lower
        discount = self.discounts[len(context) + 1]
        total = sum(self.counts[gram] for gram in behind)
        left = sum(discount[min(self.counts[gram], 3)] for gram in behind)
        count = self.counts.get((*context, token), 0)
        return (count - discount[min(count, 3)] + left * lower) / total


@pytest.mark.parametrize("order", [2, 3, 4])
def test_every_probability_is_that_of_the_definition(order):
    texts = documents(60)
    model, slow = KneserNey(texts, VOCABULARY, order=order, end=END), Dictionaries(texts, order)
    # Estimated, and none the fallback.
    assert all(0 < slow.discounts[length][i] < i for length in slow.discounts for i in (1, 2, 3))
    contexts = {(END, *text, END)[max(0, i - order + 1) : i] for text in texts for i in range(1, len(text) + 2)}
    seen = sorted({context[-length:] for context in contexts for length in range(1, len(context) + 1)})
    for context in [(), *random.Random(1).sample(seen, min(60, len(seen))), (2, 39, 2)[: order - 1], (0, 2)]:
        kept = context[max(0, len(context) - order + 1) :]
        expected = [slow.probability(kept, token) for token in range(VOCABULARY)]
        assert model.probabilities(context) == pytest.approx(expected, abs=1e-12), context


def test_a_value_by_hand():
    """Too little to estimate discounts: they are 0.5, 1 and 1.5."""
    model = KneserNey([[2, 3, 2, 3, 2]], 4, order=2, end=END)
    # 2 is behind two tokens, 3 and 1 behind one each; of these 4 are taken 1 + 0.5 + 0.5, and given to all 4 tokens.
    assert model.probabilities([]).tolist() == [0.125, 0.5 / 4 + 0.125, 1 / 4 + 0.125, 0.5 / 4 + 0.125]
    # Behind 3 is 2, twice.
    assert model.probabilities([3])[2] == 1 / 2 + 1 / 2 * 0.375
    # Behind 2 is 3 twice, and the end once.
    assert model.probabilities([2])[3] == pytest.approx((2 - 1) / 3 + (1 + 0.5) / 3 * 0.25)
    # What was never seen says nothing, nor what is too far away.
    assert model.probabilities([0]).tolist() == model.probabilities([]).tolist()
    assert model.probabilities([3, 2, 3]).tolist() == model.probabilities([3]).tolist()


def test_discounts_by_hand():
    counts = np.array([1] * 4 + [2] * 3 + [3] * 2 + [4] + [9, 0])
    assert kneser_ney.discounts(counts) == pytest.approx((0.4, 1.2, 2.2))
    assert kneser_ney.discounts(np.array([1, 1, 2, 5])) == kneser_ney.FALLBACK, "none is seen three times"
    # Y is 1 / 3, and the second would be 2 - 3 / 3 * 5 = -3.
    assert kneser_ney.discounts(np.array([1, 2] + [3] * 5)) == kneser_ney.FALLBACK


def test_probabilities_sum_to_one_and_none_is_nothing():
    texts = documents(100, seed=3)
    model = KneserNey(texts, VOCABULARY + 5, order=5, end=END)
    for text in texts[:20]:
        for place in range(len(text)):
            found = model.probabilities([END, *text[:place]])
            assert math.isclose(found.sum(), 1, abs_tol=1e-12)
            assert found.min() > 0


def test_no_n_gram_is_of_two_documents():
    apart = KneserNey([[2, 3], [4, 5]], 6, order=3, end=END)
    other = KneserNey([[4, 5], [2, 3]], 6, order=3, end=END)
    for context in ([], [2], [3, END], [END], [END, 4], [5, END]):
        assert apart.probabilities(context).tolist() == other.probabilities(context).tolist()
    assert apart.probabilities([3, END]).tolist() == apart.probabilities([END]).tolist()


@pytest.mark.parametrize(
    ("texts", "order", "message"),
    [
        ([], 3, "got order 3 and 0 tokens"),
        ([[2, 6]], 3, "from 0 to 5: got order 3 and 3 tokens from 1 to 6"),
        ([[2, -1]], 3, "tokens from -1 to 2"),
        ([[2]], 1, "of order 2 or more are counted in tokens from 0 to 5: got order 1"),
    ],
)
def test_what_cannot_be_counted_is_refused(texts, order, message):
    with pytest.raises(ValueError, match=message):
        KneserNey(texts, 6, order=order, end=END)
