import pytest

from preprocessing import contract, prompt, vocabulary

HARD_TEXTS = [
    "",
    "\n",
    "x = 1\n",
    "Ċ",
    "▁",
    "\x10",
    "\x10_\x10-▁\x10▁",
    "a\r\nb\r\n",
    "\tif x:\n\t\treturn\n",
    "nbsp\xa0zwsp\u200b",
    "漢字 😀 ﬁ é e\u0301",
    " leading and trailing  \n\n\n  ",
    "NUL\x00inside",
    "x" * 5000,
]


@pytest.fixture(scope="module")
def codec():
    texts = ["import os\n\n\ndef path(name):\n    return os.path.join('a', name)\n" * 50, "class A:\n    pass\n" * 50]
    return prompt.Codec(vocabulary.train(iter(texts), 500))


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_escape_can_be_taken_back_and_leaves_no_meta_space(text):
    assert prompt.unescape(prompt.escape(text)) == text
    assert "▁" not in prompt.escape(text)


def test_escape_changes_nothing_else():
    assert prompt.escape("a ▁ b\x10") == "a \x10_ b\x10-"
    assert prompt.escape("plain text") == "plain text"


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_every_text_comes_back(codec, text):
    ids = codec.encode(text)
    assert codec.decode(ids) == text
    assert contract.UNK_ID not in ids


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_bytes_of_pieces_are_the_bytes_of_the_text(codec, text):
    pieces = codec.piece_bytes()
    assert b"".join(pieces[i] for i in codec.encode(text)) == prompt.escape(text).encode()


def test_no_text_makes_a_reserved_piece(codec):
    first_reserved = contract.special_ids(codec.vocab_size)["first_reserved"]
    for piece in [*contract.reserved_pieces(), "</s>", "<pad>", "<unk>"]:
        ids = codec.encode(f"a {piece}{piece} b")
        assert max(ids) < first_reserved
        assert min(ids) > contract.UNK_ID
        assert codec.decode(ids) == f"a {piece}{piece} b"


def test_a_newline_is_only_ever_the_first_character_of_a_piece(codec):
    assert all(b"\n" not in piece[1:] for piece in codec.piece_bytes())
    assert sum(piece.startswith(b"\n") for piece in codec.piece_bytes()) == 2  # the piece "\n" and the byte <0x0A>
    assert codec.encode("\n\n") == [codec.processor.piece_to_id("\n")] * 2


def test_special_ids_are_those_of_the_pieces(codec):
    ids = contract.special_ids(codec.vocab_size)
    piece = codec.processor.id_to_piece
    assert [piece(i) for i in (0, 1, 2)] == ["<pad>", "</s>", "<unk>"]
    assert piece(ids["first_sentinel"]) == "<extra_id_0>"
    assert piece(ids["last_sentinel"]) == "<extra_id_99>"
    for name in ("fill_prefix", "fill_suffix", "fill_middle", "path_marker", "end_of_insertion"):
        assert piece(ids[name]) == f"<{name}>"
    assert codec.vocab_size - ids["first_reserved"] == 128
    assert len(set(contract.reserved_pieces())) == 128


def test_ids_past_the_vocabulary_have_no_text(codec):
    ids = codec.encode("x = 1\n")
    assert codec.decode([codec.vocab_size, *ids, codec.vocab_size + 23]) == "x = 1\n"


def test_left_cut_keeps_what_is_beside_the_cursor():
    assert prompt.left_cut([7, 8, 9], 2) == [8, 9]
    assert prompt.left_cut([7], 2) == [7]
    with pytest.raises(ValueError, match="max_tokens=0"):
        prompt.left_cut([7], 0)


@pytest.mark.parametrize("text, line", [("a\nb", "a"), ("a\r\nb", "a"), ("a", "a"), ("\na", ""), ("a\rb\n", "a\rb")])
def test_first_line(text, line):
    assert prompt.first_line(text) == line


def test_line_ends_are_all_pieces_that_begin_with_a_newline(codec):
    pieces = codec.piece_bytes()
    assert codec.line_ends() == [i for i, piece in enumerate(pieces) if piece.startswith(b"\n")]
    assert codec.processor.piece_to_id("<0x0A>") in codec.line_ends()
    assert set(codec.encode("\n")) <= set(codec.line_ends())
