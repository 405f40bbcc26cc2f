import itertools
import random

import pytest

from benchmarks import near_duplicates
from benchmarks.inputs import Work
from benchmarks.near_duplicate_sample import ngrams


def family(seed: int, *, copies: int) -> list[bytes]:
    generator = random.Random(seed)
    words = [f"w{seed}_{generator.randrange(300)}" for _ in range(300)]
    found = []
    for _ in range(copies):
        edited = list(words)
        for _ in range(generator.choice((1, 2, 3, 4, 6, 8))):
            edited[generator.randrange(300)] = f"edit{generator.randrange(10**9)}"
        found.append(" ".join(edited).encode())
    return found


@pytest.fixture(scope="module")
def contents():
    found = [data for seed in range(6) for data in family(seed, copies=8)]
    random.Random(0).shuffle(found)
    return found


def brute_force(contents: list[bytes]) -> dict[tuple[int, int], float]:
    sets = [ngrams(data) for data in contents]
    return {
        (i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for i, j in itertools.combinations(range(len(sets)), 2)
    }


def test_exact_similarities_are_those_of_python_sets(contents):
    found = near_duplicates.exact_similarities(contents, least=0.2)
    assert found == pytest.approx({pair: value for pair, value in brute_force(contents).items() if value >= 0.2})
    assert len(found) > 100


def test_all_pairs_of_a_cluster_are_asked_for_not_only_those_that_join_it(contents, tmp_path):
    exact = brute_force(contents)
    true = {pair for pair, value in exact.items() if value >= 0.7}
    # Away from the threshold nothing may be missed or wrong; some 3 in 1,000 pairs at it meet in no band.
    clear = {pair for pair, value in exact.items() if value >= 0.75}
    found = near_duplicates.verified_pairs(contents, tmp_path / "prints", threshold=0.7)
    assert clear <= found <= true
    assert len(found) > len(contents)


def test_files_kept_are_clusters_and_single_files(contents, tmp_path):
    lone = [b"tiny", b"tiny too", " ".join(f"lone{i}" for i in range(50)).encode()]
    assert near_duplicates.kept_by_clusters([*contents, *lone], tmp_path / "work", threshold=0.7) == 6 + 3


def test_rensa_alone_as_the_baseline(contents, tmp_path):
    found = near_duplicates.baseline_pairs(Work(tmp_path), "rensa", contents, bands=25, rows=10)
    exact = brute_force(contents)
    assert {pair for pair, value in exact.items() if value >= 0.95} <= found
    assert all(exact[pair] > 0.3 for pair in found)
