"""The law of sampling weights: from groups of files to how often each file is to be seen an epoch.

A group is a repository, or a library with all files that import it. A file's raw weight is the mean, over its groups,
of (bytes of the group)^(power - 1). Where each file is in one group, and no weight is clipped, the groups' shares of
the bytes that are read become proportional to (bytes)^power: 1 changes nothing, 0 shows all equally often. Multilingual
models sample their languages so (mT5 with 0.3, Xue et al. 2021, arXiv:2010.11934).
"""

import dataclasses

import numpy as np

from preprocessing.weight_groups import BY, Groups


@dataclasses.dataclass(frozen=True)
class WeightParameters:
    """Everything that changes the weights.

    Attributes:
      weight_by: one of `BY`.
      weight_power: in [0, 1], see the head of this file.
      max_weight: no document has more. Up to 4 times in a training, the same text is worth about as much as new text
        (Muennighoff et al. 2023, "Scaling data-constrained language models", arXiv:2305.16264).
      mean_weight: of the train documents: how often they are seen an epoch on average, and how large the dataset counts
        in a Mixture, whose rate is the sum of its weights.

    Raises:
      ValueError: a value is out of its range.
    """

    weight_by: str
    weight_power: float = 0.5
    max_weight: float = 4.0
    mean_weight: float = 1.0

    def __post_init__(self):
        if self.weight_by not in BY:
            raise ValueError(f"no weights by {self.weight_by!r}: there are {', '.join(BY)}")
        if not 0 <= self.weight_power <= 1:
            raise ValueError(f"power {self.weight_power}: must be in [0, 1]; 1 changes nothing, 0 makes all equal")
        if not 0 < self.mean_weight <= self.max_weight < float("inf"):
            raise ValueError(
                f"mean_weight {self.mean_weight} and max_weight {self.max_weight}: the mean must be positive and not "
                "above the largest"
            )


def document_weights(groups: Groups, parameters: WeightParameters) -> np.ndarray:
    """The weight of each train document; about 40 bytes a document of memory while it is at it.

    A document in no group (a file without libraries, or one that is no Python 3) gets the mean weight: it is seen as
    often as if there were no weights. The others have the mean weight as their mean.

    Returns:
      float32 [files], in (0, max_weight].

    Example: repositories of 100 and 400 bytes in 1 and 4 files, power 0.5: raw weights 0.1 and 0.05, and so weights
      5/3 and 5/6; their shares of the bytes, before 20 and 80 %, become 33 and 67 %, as 10 to 20.
    """
    mean, power = parameters.mean_weight, parameters.weight_power
    group_bytes = np.bincount(groups.group, groups.sizes[groups.file], len(groups.names))
    factor = np.maximum(group_bytes, 1) ** (power - 1)
    raw = np.bincount(groups.file, factor[groups.group], len(groups.sizes))
    in_groups = np.bincount(groups.file, minlength=len(groups.sizes)).astype(np.int32)
    raw = raw / np.maximum(in_groups, 1)  # not in place: of nothing, bincount makes integers
    weights = np.full(len(groups.sizes), mean, np.float32)
    weights[in_groups > 0] = scaled(raw[in_groups > 0], mean=mean, maximum=parameters.max_weight)
    return weights


def scaled(raw: np.ndarray, *, mean: float, maximum: float) -> np.ndarray:
    """Multiplies all weights by one number, and clips them, so that their mean is what was asked for after clipping.

    What clipping takes away goes to the others in proportion: this is the fixed point of clipping and normalising in
    turns, found at once from the weights in order.

    Args:
      raw: float64 [n], positive.
      mean: in (0, maximum].

    Returns:
      float64 [n], min(c * raw, maximum) for the c that gives the mean.

    Example: [8, 2, 1, 1] with mean 1 and maximum 2 gives [2, 1, 0.5, 0.5].
    """
    if not len(raw):
        return raw
    values, counts = np.unique(raw, return_counts=True)
    values, counts = values[::-1], counts[::-1]
    # If all above a value are clipped, it and those below share what is left.
    left = mean * len(raw) - maximum * (np.cumsum(counts) - counts)
    factor = left / np.cumsum((values * counts)[::-1])[::-1]
    enough = factor * values <= maximum
    enough[-1] = True  # mean <= maximum; rounding may not show it
    return np.minimum(factor[np.argmax(enough)] * raw, maximum)
