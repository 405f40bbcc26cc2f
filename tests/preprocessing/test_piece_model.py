import pytest

from preprocessing import contract, piece_model, prompt


def codec(merges, characters) -> prompt.Codec:
    return prompt.Codec(piece_model.bpe_model(merges, characters))


def pieces(merges, characters, text) -> list[str]:
    return codec(merges, characters).processor.encode(text, out_type=str)


def test_ids_are_those_of_the_contract():
    processor = codec(["ab"], ["a", "b"]).processor
    assert (processor.pad_id(), processor.eos_id(), processor.unk_id(), processor.bos_id()) == (0, 1, 2, -1)
    assert [processor.id_to_piece(i) for i in (0, 1, 2, 3, 258, 259, 260, 261)] == [
        "<pad>", "</s>", "<unk>", "<0x00>", "<0xFF>", "ab", "a", "b",
    ]  # fmt: skip
    assert [processor.id_to_piece(i) for i in range(262, 262 + 128)] == contract.reserved_pieces()
    assert processor.get_piece_size() == 262 + 128


def test_the_first_merge_wins():
    assert pieces(["ab", "bc"], "abc", "abc") == ["ab", "c"]
    assert pieces(["bc", "ab"], "abc", "abc") == ["a", "bc"]


def test_merges_may_cross_blanks():
    assert pieces(["a ", "a b"], ["a", "b", " "], "a b a  b") == ["a▁b", "▁", "a▁", "▁", "b"]


def test_text_is_taken_as_it_is():
    made = codec(["ab"], ["a", " "])
    for text in ("  a  b ", "ﬁ\t\r\nab", "漢\x00"):
        assert made.decode(made.encode(text)) == text
        assert contract.UNK_ID not in made.encode(text)
    assert pieces(["ab"], ["a"], "é") == ["<0xC3>", "<0xA9>"]


def test_room_for_merges():
    assert piece_model.num_merges(16_000, 90) == 16_000 - 128 - 3 - 256 - 90
    assert piece_model.num_merges(388, 0) == 1
    with pytest.raises(ValueError, match="a vocabulary of 400 pieces has no room for merges: 407 are taken"):
        piece_model.num_merges(400, 20)
