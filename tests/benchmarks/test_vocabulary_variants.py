import pytest

from benchmarks import vocabulary_variants
from benchmarks.vocabulary_variants import Variant
from preprocessing import contract, merges, prompt, run, vocabulary
from tests.flcc_tree import write_flcc

TEXTS = [f"import os\n\n\ndef path_{i}(name):\n    return os.path.join('a{i}', 12{i})\n" for i in range(300)]
KEEP_ALL = ("--near_jaccard", "0", "--workers", "1")


def pieces(variant: Variant) -> set[str]:
    codec = prompt.Codec(vocabulary_variants.train(variant, iter(TEXTS)))
    return {codec.processor.id_to_piece(i) for i in range(codec.vocab_size) if not codec.processor.is_control(i)}


def test_the_first_variant_is_the_product():
    assert vocabulary_variants.units(Variant("ours")) == [merges.UNITS]
    assert vocabulary_variants.train(Variant("ours", vocab_size=600), iter(TEXTS)) == vocabulary.train(TEXTS, 600)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (Variant("ours"), ["x", " =", " y2", ".", "z_a", "\n      "]),
        (Variant("parts", word="parts of names"), ["x", " =", " y", "2", ".", "z", "_a", "\n      "]),
        (Variant("marks", word="parts with a mark"), ["x", " =", " y", "2", ".z", "_a", "\n      "]),
        (Variant("marked names", word="names with a mark"), ["x", " =", " y2", ".z_a", "\n      "]),
        (Variant("runs", words=2), ["x =", " y2.", "z_a", "\n      "]),
        (Variant("lines", words=0), ["x = y2.z_a", "\n      "]),
        (Variant("newline", words=0, indentation=False), ["x = y2.z_a", "\n", "      "]),
    ],
)
def test_what_merges_may_not_cross(variant, expected):
    assert vocabulary_variants.units(variant)[0].findall("x = y2.z_a\n      ") == expected


@pytest.mark.parametrize("word", vocabulary_variants.WORDS)
def test_digits_stand_alone_where_they_are_split(word):
    found = vocabulary_variants.units(Variant("digits", word=word, split_digits=True))[0].findall("x = y12_a")
    assert [unit for unit in found if any(c.isdigit() for c in unit)] == ["1", "2"]
    assert "".join(found) == "x = y12_a"


def test_rare_runs_are_counted_as_their_halves_or_words():
    def count(*texts, min_count=2):
        patterns = vocabulary_variants.units(Variant("runs", words=8))
        return vocabulary_variants.count(texts, patterns, min_count=min_count)

    assert count("a = b\n  a = b\n") == {"a = b": 2, "\n  ": 1, "\n": 1}
    assert count("a = b", "a = c") == {"a =": 2, " b": 1, " c": 1}
    assert count("a b c d", "a b c x") == {"a b": 2, " c": 2, " d": 1, " x": 1}
    assert count("a = b") == {"a": 1, " =": 1, " b": 1}
    assert count("a = b", min_count=1) == {"a = b": 1}


@pytest.mark.parametrize("trainer", ["sentencepiece_unigram", "sentencepiece_bpe"])
def test_sentencepieces_trainers_are_without_loss(trainer):
    codec = prompt.Codec(vocabulary_variants.train(Variant("a", trainer, 600, words=0), iter(TEXTS)))
    for text in (TEXTS[7], "\t\u00a0ﬁ ▁ Ċ\r\n"):
        assert codec.decode(codec.encode(text)) == text
        assert contract.UNK_ID not in codec.encode(text)
    assert len(codec.line_ends()) == 2  # the piece and the byte


@pytest.mark.parametrize("trainer", ["merges", "sentencepiece_unigram", "sentencepiece_bpe"])
def test_words_and_digits(trainer):
    def inside(found: set[str], character: str) -> bool:
        return any(character in piece.strip("▁") and "<0x" not in piece for piece in found)

    across = pieces(Variant("across", trainer, 600, words=8 if trainer == "merges" else 0))
    single = pieces(Variant("single", trainer, 600, words=1))
    assert inside(across, "▁")
    assert not inside(single, "▁")
    split = pieces(Variant("split", trainer, 600, words=1, split_digits=True))
    assert not {piece for piece in split if "<" not in piece and sum(c.isdigit() for c in piece) > 1}


def test_the_program_trains_the_variant_that_it_is_told(tmp_path):
    write_flcc(tmp_path / "flcc", {"ann/tool": {f"m{i}.py": text for i, text in enumerate(TEXTS)}})
    run.main(["--input_dir", str(tmp_path / "flcc"), "--output_dir", str(tmp_path / "documents"), *KEEP_ALL])
    arguments = ["--documents", str(tmp_path / "documents"), "--output", str(tmp_path / "a.model")]
    vocabulary_variants.main([*arguments, "--variant", '{"name": "a", "vocab_size": 450, "sample_mb": null}'])
    assert prompt.Codec.from_file(tmp_path / "a.model").vocab_size == 450
