import json

import pytest

from benchmarks import predecessor_vocabulary
from preprocessing import contract, prompt, run
from tests.flcc_tree import write_flcc

LINES = "import os\n\n\ndef path_{0}(name):\n    return os.path.join('a{0}', name)\n"


@pytest.fixture(scope="module")
def model() -> bytes:
    return predecessor_vocabulary.train((LINES.format(i) for i in range(300)), 400)


def test_newlines_come_back_and_what_nmt_nfkc_changes_does_not(model):
    codec = prompt.Codec(model)
    text = LINES.format(7)
    assert codec.decode(codec.encode(text)) == text
    assert codec.decode(codec.encode("a\tt\n\u00a0e")) == "a t\n e"
    assert codec.encode("é€") == [codec.processor.piece_to_id("▁"), contract.UNK_ID]


def test_newlines_are_one_character_that_merges_with_what_is_around_it(model):
    codec = prompt.Codec(model)
    pieces = codec.processor.encode(LINES.format(7), out_type=str)
    assert "".join(pieces) == "▁" + LINES.format(7).replace("\n", "Ċ").replace(" ", "▁")
    assert any(piece.startswith("Ċ") and len(piece) > 1 for piece in pieces)


def test_the_last_ids_are_reserved(model):
    codec = prompt.Codec(model)
    assert codec.processor.id_to_piece(codec.vocab_size - 1) == "<extra_id_0>"
    assert codec.processor.is_control(codec.vocab_size - contract.NUM_RESERVED)


def test_files_over_4192_bytes_are_skipped():
    """A word that only a long file has never becomes a piece."""
    texts = [LINES.format(i) for i in range(300)] + ["zzqqzz " * 600] * 20
    codec = prompt.Codec(predecessor_vocabulary.train(iter(texts), 400))
    assert "q" not in "".join(codec.processor.id_to_piece(i) for i in range(codec.vocab_size))


def test_the_rules_are_those_of_sentencepiece():
    rules = predecessor_vocabulary._nmt_nfkc()
    assert len(rules) == 224_725
    assert {key: rules[key] for key in ("\n", "\t", "ﬁ", "Ⅷ", "\x10")} == {
        "\n": " ", "\t": " ", "ﬁ": "fi", "Ⅷ": "VIII", "\x10": "",
    }  # fmt: skip


def test_the_command_writes_a_vocabulary_folder(tmp_path, capsys):
    trees = {f"ann/r{i}": {f"m{j}.py": LINES.format(f"{i}_{j}") * 20 for j in range(5)} for i in range(12)}
    write_flcc(tmp_path / "flcc", trees)
    assert run.main(["--input_dir", str(tmp_path / "flcc"), "--output_dir", str(tmp_path / "documents")]) in (None, 0)
    predecessor_vocabulary.main(
        ["--documents", str(tmp_path / "documents"), "--output_dir", str(tmp_path / "v"), "--vocab_size", "400"]
    )
    model = (tmp_path / "v" / "code.model").read_bytes()
    description = json.loads((tmp_path / "v" / "vocabulary.json").read_text())
    assert description["sha256"] == contract.bytes_digest(model)
    assert description["ids"] == contract.special_ids(prompt.Codec(model).vocab_size)
    assert f"unknowns           {description['held_out']['unknowns']}\n" in capsys.readouterr().out
