"""MinHash signatures of n-gram sets, and the bands by which similar ones meet.

Of two sets with Jaccard similarity J, each of the 256 numbers of the signatures is equal with probability J (Broder,
"On the resemblance and containment of documents", 1997). Files whose numbers agree in all 6 rows of one of 42 bands are
candidates; the chance of that is 1 - (1 - J^6)^42:

    J        0.3    0.4    0.5    0.6    0.65   0.7    0.75   0.8
    42 x 6   0.03   0.16   0.48   0.86   0.96   0.995  0.9997 1.0
    25 x 10  0.000  0.003  0.02   0.14   0.29   0.51   0.76   0.94

(25 bands of 10 rows is what BigCode's deduplication uses: it finds half of the pairs at 0.7.) Wide nets bring up more
that is not similar, so candidates are verified (`near_duplicates`).
"""

from collections.abc import Sequence

import numpy as np
import rensa

from preprocessing.shingles import mixed

NUM_PERMUTATIONS = 256
BANDS = 42
ROWS = 6
_SEED = 5
_ODD = np.random.Generator(np.random.PCG64(6)).integers(1, 2**63, ROWS, np.uint64) | np.uint64(1)


def signatures(sets: Sequence[np.ndarray]) -> np.ndarray:
    """uint32 [sets, NUM_PERMUTATIONS], the smallest hash of each set under each permutation.

    Args:
      sets: uint32 [length] each, of `shingles.shingle_set`, none of them empty.
    """
    flat = np.concatenate([np.empty(0, np.uint32), *sets]).astype(np.uint64)
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.uint64)
    rows = rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, NUM_PERMUTATIONS, _SEED).to_rows()
    return np.array(rows, np.uint32).reshape(-1, NUM_PERMUTATIONS)


def band_keys(signatures: np.ndarray) -> np.ndarray:
    """uint64 [BANDS, n]; two files are candidates where they have an equal key in the same band.

    Args:
      signatures: uint32 [n, NUM_PERMUTATIONS].
    """
    rows = signatures[:, : BANDS * ROWS].reshape(-1, BANDS, ROWS).astype(np.uint64)
    return np.ascontiguousarray(mixed((mixed(rows) * _ODD).sum(axis=2, dtype=np.uint64)).T)


def compare(one: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What signatures tell of one file and others.

    Args:
      one: uint32 [NUM_PERMUTATIONS].
      others: uint32 [n, NUM_PERMUTATIONS].

    Returns:
      float64 [n], the share of equal numbers, an estimate of the Jaccard similarity J whose standard deviation is
      sqrt(J (1 - J) / 256), 0.029 at 0.7; int64 [n], the first band in which they meet, BANDS if they do in none.
    """
    equal = others == one
    meets = equal[:, : BANDS * ROWS].reshape(-1, BANDS, ROWS).all(axis=2)
    return equal.mean(axis=1), np.where(meets.any(axis=1), meets.argmax(axis=1), BANDS)
