"""Repository to split, by a salted hash: all files of a repository go the same way, whatever else is read."""

import dataclasses
import hashlib
from collections.abc import Iterable

from preprocessing import contract


@dataclasses.dataclass(frozen=True)
class SplitParameters:
    """How many of 1,000 repositories are held out, and the salt of the hash that chooses them.

    Raises:
      ValueError: a share is negative, or nothing is left for train.
    """

    validation_permille: int = 50
    test_permille: int = 50
    split_salt: str = "code_t5"

    def __post_init__(self):
        if self.validation_permille < 0 or self.test_permille < 0:
            raise ValueError(
                f"validation_permille={self.validation_permille} and test_permille={self.test_permille}: "
                "neither may be negative"
            )
        if self.validation_permille + self.test_permille >= 1000:
            raise ValueError(
                f"validation_permille={self.validation_permille} and test_permille={self.test_permille} together "
                "leave nothing to train on: their sum must be below 1000"
            )


def chance(repository: str, salt: str) -> float:
    """A number in [0, 1) that depends on the salt and the name alone.

    Example: `chance("ann/tool", "code_t5")` is 0.6442... in every process and on every machine.
    """
    digest = hashlib.sha256(f"{salt}/{repository}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def assign_splits(repositories: Iterable[str], parameters: SplitParameters) -> dict[str, str]:
    """Gives every repository its split.

    In order of `chance`, the first are test, the next validation, the rest train. A share that came out empty by bad
    luck gets the repository next to its border: with three repositories or more no split that was asked for is empty;
    with two, test is; one repository alone goes to train.

    Args:
      repositories: names, each at least once, in any order.

    Returns:
      Repository -> split. Adding or removing repositories moves no other, unless a split would be empty.
    """
    ordered = sorted((chance(name, parameters.split_salt), name) for name in set(repositories))
    total = len(ordered)
    test_share = parameters.test_permille / 1000
    held_out_share = test_share + parameters.validation_permille / 1000
    least_validation = int(parameters.validation_permille > 0 and total >= 2)
    least_test = int(parameters.test_permille > 0 and total >= 2 + least_validation)
    num_test = sum(position < test_share for position, _ in ordered)
    num_held_out = sum(position < held_out_share for position, _ in ordered)
    num_test = min(max(num_test, least_test), max(total - 1 - least_validation, 0))
    num_held_out = min(max(num_held_out, num_test + least_validation), max(total - 1, 0))
    splits = {}
    for rank, (_, name) in enumerate(ordered):
        splits[name] = "test" if rank < num_test else "validation" if rank < num_held_out else "train"
    return splits


def split_rank(split: str) -> int:
    """Whose copy of a file stays: the smaller rank, so test over validation over train."""
    return len(contract.SPLITS) - 1 - contract.SPLITS.index(split)
