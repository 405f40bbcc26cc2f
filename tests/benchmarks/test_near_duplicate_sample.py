import random

import pytest

from benchmarks import inputs, measure
from benchmarks.near_duplicate_sample import (
    SIMILARITIES,
    Composition,
    ngrams,
    sample,
    with_lines_taken_out,
    with_words_replaced,
)
from tests.flcc_tree import write_flcc


def source_code(seed: int, *, lines: int = 120) -> str:
    generator = random.Random(seed)
    return "".join(
        f"value_{generator.randrange(10**6)} = call_{generator.randrange(10**6)}(first, {generator.randrange(10**6)})\n"
        for _ in range(lines)
    )


def similarity(a: bytes, b: bytes) -> float:
    return len(ngrams(a) & ngrams(b)) / len(ngrams(a) | ngrams(b))


def test_ngrams_are_words_as_text():
    assert ngrams(b"a = b + c(d) * e / f_1") == {b"a b c d e", b"b c d e f_1"}
    assert ngrams("für a, b, c, d".encode()) == {"für a b c d".encode()}
    assert ngrams(b"a b c d") == set()


@pytest.mark.parametrize("wanted", SIMILARITIES)
@pytest.mark.parametrize("edit", [with_words_replaced, with_lines_taken_out])
def test_edited_copies_are_as_similar_as_they_shall_be(edit, wanted):
    generator = random.Random(1)
    original = source_code(0).encode()
    found = [similarity(original, edit(original, wanted, generator)) for _ in range(5)]
    # A line is 1 % of this file; where lines were taken out two 5-grams in a hundred go with the seam.
    assert wanted - 0.04 < min(found) <= max(found) < wanted + 0.01


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    repositories = {
        f"ann/tool{number}": {
            # Namesakes in all repositories, of one size; the rest have names of their own.
            "settings.py": source_code(number),
            **{f"own{number}_{i}.py": source_code(1000 * number + i) for i in range(1, 6)},
            "tiny.py": f"x = {number}\n",
        }
        for number in range(1, 5)
    }
    tree = write_flcc(folder / "tree", repositories)
    measure.run(inputs.run_command(tree, folder / "documents", workers=1, near_jaccard=0))
    return folder / "documents"


def test_a_sample_has_its_composition_and_no_tiny_file(documents):
    composition = Composition(namesakes=3, others=4, originals=2)
    found = sample(documents, composition=composition)
    assert len(found) == 3 + 4 + 2 + composition.edited == 33
    assert found == sample(documents, composition=composition)
    assert found != sample(documents, composition=composition, seed=1)
    assert min(len(ngrams(data)) for data in found) >= 10
    settings = {source_code(number).encode() for number in range(1, 5)}
    assert len(settings & set(found)) >= 3


def test_a_small_dataset_is_refused(documents):
    with pytest.raises(ValueError, match="has 4 files with a namesake of their size, 2 long ones and 18 others, 1006"):
        sample(documents, composition=Composition(namesakes=4, others=1000, originals=2))
