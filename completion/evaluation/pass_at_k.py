"""pass@k: how likely one of k answers of a model is right, estimated from n of them.

The estimator and its stable form are those of Chen et al. 2021, "Evaluating Large Language Models Trained on Code"
(https://arxiv.org/abs/2107.03374), section 2.1 and figure 3.
"""

import math

KS = (1, 10, 100)


def pass_at_k(num_samples: int, num_right: int, k: int) -> float:
    """The share of all choices of k of the samples that have a right one among them, 0 to 1.

    It is 1 - C(n - c, k) / C(n, k), which has no bias, as a product of numbers below 1: binomials of many samples are
    too big for a float.

    Args:
      num_samples: n, answers drawn for a case.
      num_right: c, right ones of these, 0 to n.
      k: 1 to n.

    Raises:
      ValueError: one is outside its range.

    Example: `pass_at_k(4, 1, 2)` is 0.5: three of the six pairs have the right one in them.
    """
    if not 0 <= num_right <= num_samples:
        raise ValueError(f"{num_right} of {num_samples} samples are right: expected 0 to {num_samples}")
    if not 1 <= k <= num_samples:
        raise ValueError(
            f"pass@{k} cannot be estimated without bias from {num_samples} samples a case: draw {max(k, 1)} or more, "
            "or ask for a smaller k, 1 or more"
        )
    if num_samples - num_right < k:
        return 1.0
    wrong = range(num_samples - num_right + 1, num_samples + 1)
    return 1.0 - math.prod(1.0 - k / n for n in wrong)
