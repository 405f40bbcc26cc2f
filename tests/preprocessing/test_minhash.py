import numpy as np

from preprocessing import minhash


def pair(jaccard: float, size: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of `size` numbers with about that similarity."""
    common = round(2 * size * jaccard / (1 + jaccard))
    numbers = np.random.default_rng(seed).choice(2**32, 2 * size - common, replace=False).astype(np.uint32)
    return np.sort(numbers[:size]), np.sort(numbers[size - common :])


def test_equal_numbers_estimate_jaccard():
    for jaccard in (0.0, 0.3, 0.7, 0.95, 1.0):
        sets = [a for seed in range(20) for a in pair(jaccard, seed=seed)]
        signatures = minhash.signatures(sets)
        estimates = [minhash.compare(signatures[2 * i], signatures[2 * i + 1 : 2 * i + 2])[0][0] for i in range(20)]
        # Of 20 estimates the mean deviates by more than 4 standard deviations once in 16,000 tries.
        assert abs(np.mean(estimates) - jaccard) <= 4 * np.sqrt(jaccard * (1 - jaccard) / 256 / 20)


def test_a_signature_is_of_the_set_alone():
    a, b = pair(0.5)
    both = minhash.signatures([a, b])
    assert (minhash.signatures([np.random.default_rng(1).permutation(b), a]) == both[::-1]).all()
    assert both.dtype == np.uint32
    assert both.shape == (2, minhash.NUM_PERMUTATIONS)


def test_no_sets():
    assert minhash.signatures([]).shape == (0, minhash.NUM_PERMUTATIONS)
    assert minhash.band_keys(minhash.signatures([])).shape == (minhash.BANDS, 0)


def test_files_meet_in_a_band_where_all_its_rows_are_equal():
    signatures = np.random.default_rng(2).integers(0, 3, (200, minhash.NUM_PERMUTATIONS)).astype(np.uint32)
    signatures[1::2, 30:36] = signatures[::2, 30:36]
    keys = minhash.band_keys(signatures)
    rows = signatures[:, : minhash.BANDS * minhash.ROWS].reshape(-1, minhash.BANDS, minhash.ROWS)
    for i in range(0, 200, 2):
        meet = (rows[i] == rows[i + 1]).all(axis=1)
        assert (keys[:, i] == keys[:, i + 1]).tolist() == meet.tolist()
        _, first = minhash.compare(signatures[i], signatures[i + 1 : i + 2])
        assert first[0] == np.flatnonzero(meet)[0] <= 5


def test_files_that_never_meet():
    signatures = np.arange(2 * minhash.NUM_PERMUTATIONS, dtype=np.uint32).reshape(2, -1)
    estimates, first = minhash.compare(signatures[0], signatures[1:])
    assert (estimates[0], first[0]) == (0.0, minhash.BANDS)


def test_the_order_of_rows_in_a_band_matters():
    signatures = np.tile(np.arange(minhash.NUM_PERMUTATIONS, dtype=np.uint32), (2, 1))
    signatures[1, [0, 1]] = signatures[1, [1, 0]]
    keys = minhash.band_keys(signatures)
    assert (keys[:, 0] != keys[:, 1]).tolist() == [True] + [False] * (minhash.BANDS - 1)


def test_pairs_at_the_threshold_meet():
    """1 - (1 - 0.7^6)^42 = 0.995: of 400 pairs at 0.7 at least 390, but for a chance of 1 in a million."""
    sets = [a for seed in range(400) for a in pair(0.7, size=300, seed=seed)]
    signatures = minhash.signatures(sets)
    first = [minhash.compare(signatures[i], signatures[i + 1 : i + 2])[1][0] for i in range(0, 800, 2)]
    assert sum(band < minhash.BANDS for band in first) >= 390
