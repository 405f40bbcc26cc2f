"""Clusters, against a search of all pairs."""

import itertools
import random

import numpy as np
import pytest

from preprocessing import shingles
from preprocessing.fingerprints import Fingerprints, FingerprintWriter, store_path
from preprocessing.near_duplicates import Components, NearDuplicateParameters, clusters
from preprocessing.workers import Workers


def edited(words: list[str], edits: int, generator: random.Random) -> list[str]:
    words = list(words)
    for _ in range(edits):
        words[generator.randrange(len(words))] = f"edit{generator.randrange(10**9)}"
    return words


def texts(*, families: int, seed: int = 0) -> list[bytes]:
    """Families of files with 300 words: an original, a line of ever more edited copies, and files of their own."""
    generator = random.Random(seed)
    found = []
    for family in range(families):
        original = [f"w{family}_{generator.randrange(200)}" for _ in range(300)]
        found += [" ".join(edited(original, edits, generator)).encode() for edits in (0, 3, 8, 12, 20, 60)]
        found.append(" ".join(f"lone{family}_{i}" for i in range(300)).encode())
    generator.shuffle(found)
    return found


def write(folder, files: list[bytes]) -> list[np.ndarray]:
    folder.mkdir()
    half = len(files) // 2
    sets = [shingles.shingle_set(shingles.word_hashes(file), 5) for file in files]
    lengths = []
    for i, part in enumerate((sets[:half], sets[half:])):
        with FingerprintWriter(store_path(folder, i)) as writer:
            for file in part:
                writer.add(file)
        lengths.append(np.array(writer.lengths))
    Fingerprints.of([store_path(folder, i) for i in range(2)], lengths).save(folder / "index")
    return sets


def brute_force(sets: list[np.ndarray], rows: np.ndarray, threshold: float) -> list[int]:
    components = Components(len(sets))
    for a, b in itertools.combinations(rows.tolist(), 2):
        if len(set(sets[a].tolist()) & set(sets[b].tolist())) >= threshold * len(set(np.union1d(sets[a], sets[b]))):
            components.join(a, b)
    return components.roots()[rows].tolist()


@pytest.mark.parametrize("threshold", [0.7, 0.85, 1.0])
def test_clusters_are_the_components_of_all_similar_pairs(tmp_path, threshold):
    sets = write(tmp_path / "prints", texts(families=12))
    rows = np.arange(len(sets))
    with Workers(1) as pool:
        found = clusters(pool, tmp_path / "prints" / "index", rows=rows, threshold=threshold).tolist()
    assert found == brute_force(sets, rows, threshold)
    assert 1 < len(set(found)) < len(sets) or threshold == 1.0


def test_files_that_take_no_part_join_nothing(tmp_path):
    sets = write(tmp_path / "prints", texts(families=6))
    rows = np.arange(0, len(sets), 2)
    with Workers(1) as pool:
        found = clusters(pool, tmp_path / "prints" / "index", rows=rows, threshold=0.7).tolist()
    assert found == brute_force(sets, rows, 0.7)
    assert set(found) <= set(rows.tolist())


def test_one_large_cluster_and_any_number_of_workers(tmp_path):
    generator = random.Random(1)
    original = [f"w{generator.randrange(200)}" for _ in range(300)]
    sets = write(tmp_path / "prints", [" ".join(edited(original, 4, generator)).encode() for _ in range(150)])
    rows = np.arange(len(sets))
    answers = []
    for workers in (1, 2):
        with Workers(workers) as pool:
            answers.append(clusters(pool, tmp_path / "prints" / "index", rows=rows, threshold=0.7).tolist())
    assert answers[0] == answers[1] == [0] * 150


def test_components_do_not_depend_on_the_order_of_joins():
    generator = random.Random(2)
    pairs = [(generator.randrange(300), generator.randrange(300)) for _ in range(200)]
    answers = []
    for _ in range(3):
        components = Components(300)
        for a, b in pairs:
            components.join(a, b)
        answers.append(components.roots().tolist())
        generator.shuffle(pairs)
    assert answers[0] == answers[1] == answers[2]
    assert all(answers[0][a] == answers[0][b] <= min(a, b) for a, b in pairs)


@pytest.mark.parametrize("jaccard", [0.4, -0.7, 1.1])
def test_thresholds_that_the_bands_cannot_find(jaccard):
    with pytest.raises(ValueError, match=rf"near_jaccard={jaccard}: it must be from 0\.5 to 1 .*or 0"):
        NearDuplicateParameters(near_jaccard=jaccard)


def test_an_ngram_has_words():
    with pytest.raises(ValueError, match="near_ngram=0: it must be positive"):
        NearDuplicateParameters(near_ngram=0)
