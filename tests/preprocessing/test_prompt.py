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
    begin = [piece for piece in codec.piece_bytes() if piece.startswith(b"\n")]
    assert all(not piece[1:].strip(b" \t") for piece in begin)  # nothing but indentation after it
    assert begin.count(b"\n") == 2  # the byte <0x0A> and the piece
    assert b"\n    " in begin
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


MARKERS = {"fill_prefix": 1, "fill_suffix": 2, "fill_middle": 3}


@pytest.mark.parametrize(
    "prefix, suffix, max_tokens, expected",
    [
        ([10, 11, 12, 13], [20, 21, 22], 10, [1, 10, 11, 12, 13, 2, 20, 21, 22, 3]),
        ([10, 11, 12, 13], [20, 21, 22], 99, [1, 10, 11, 12, 13, 2, 20, 21, 22, 3]),
        ([10, 11, 12, 13], [20, 21, 22], 9, [1, 11, 12, 13, 2, 20, 21, 22, 3]),
        ([10, 11, 12, 13], [20, 21, 22], 8, [1, 11, 12, 13, 2, 20, 21, 3]),
        ([10, 11, 12, 13], [20, 21, 22], 4, [1, 13, 2, 3]),
        ([10, 11, 12, 13], [20], 7, [1, 11, 12, 13, 2, 20, 3]),
        ([10], [20, 21, 22, 23], 7, [1, 10, 2, 20, 21, 22, 3]),
        ([], [20, 21, 22, 23], 5, [1, 2, 20, 21, 3]),
        ([10, 11, 12], [], 5, [1, 11, 12, 2, 3]),
        ([], [], 5, [1, 2, 3]),
    ],
)
def test_infilling_keeps_what_stands_beside_the_cursor(prefix, suffix, max_tokens, expected):
    assert prompt.infilling(prefix, suffix, ids=MARKERS, max_tokens=max_tokens) == expected


def test_infilling_without_room_is_refused():
    with pytest.raises(ValueError, match="three markers and a token at least, got max_tokens=3"):
        prompt.infilling([1], [2], ids=MARKERS, max_tokens=3)


@pytest.mark.parametrize(
    "sizes, budget, least, expected",
    [
        ([10, 90, 80, 5], 100, 30, [10, 42, 42, 5]),
        ([10, 90, 80, 5], 100, 50, [10, 90]),
        ([10, 90, 80, 5], 100, 200, [10, 90]),
        ([10, 90, 80, 5], 99, 200, [10]),
        ([10, 90, 80, 5], 185, 1, [10, 90, 80, 5]),
        ([10, 90, 80, 5], 184, 1, [10, 89, 80, 5]),
        ([10, 90, 80, 5], 41, 1, [10, 13, 13, 5]),
        ([50, 50, 50], 100, 1, [33, 33, 33]),
        ([500], 64, 64, [64]),
        ([500, 500], 63, 64, [63]),
        ([500, 500], 0, 64, [0]),
        ([500, 500], -3, 64, [0]),
        ([], 100, 64, []),
    ],
)
def test_shares_are_level_and_what_short_texts_leave_goes_to_the_others(sizes, budget, least, expected):
    assert prompt.shares(sizes, budget, least=least) == expected


def test_context_lays_the_nearest_file_beside_the_text(codec):
    files = [("a.py", "def f():\n    pass\n"), ("pkg/b.py", "import os\n")]
    marker = contract.special_ids(codec.vocab_size)["path_marker"]
    newline = codec.encode("\n")
    rows = [[marker, *codec.encode(path), *codec.encode("\n" + text)] for path, text in files]
    own = [marker, *codec.encode("c.py"), *newline]
    whole = [*rows[1], *rows[0], *own]
    assert prompt.context(codec, files, path="c.py", budget=len(whole)) == whole
    assert prompt.context(codec, files, path="c.py", budget=1000) == whole
    assert prompt.context(codec, files, path="", budget=1000) == [*rows[1], *rows[0], marker, *newline]
    assert prompt.context(codec, [], path="c.py", budget=1000) == own
    # Less than 2 x 64 tokens of room: the most related file alone, its head.
    short = prompt.context(codec, files, path="c.py", budget=len(own) + 9)
    assert short == [*rows[0][:9], *own]
    assert prompt.context(codec, files, path="c.py", budget=len(own)) == own
    assert prompt.context(codec, files, path="c.py", budget=len(own) - 1) == []


def test_context_never_exceeds_its_budget_and_cuts_long_files_level(codec):
    files = [(f"{i}.py", f"x{i} = {i}\n" * 100 * i) for i in range(1, 5)]
    marker = contract.special_ids(codec.vocab_size)["path_marker"]
    for budget in (0, 5, 63, 64, 130, 300, 1000, 5000):
        ids = prompt.context(codec, files, path="own.py", budget=budget)
        assert len(ids) <= budget
        own = len(codec.encode("own.py")) + 2
        # The first file has 70 tokens or more, so each gets 64 of the budget or more.
        count = min(4, max(1, (budget - own) // prompt.LEAST_SHARE)) if budget > own else 0
        assert ids.count(marker) == count + (budget >= own)
        assert len(ids) > budget - 5 or len(ids) <= own or budget == 5000


def test_the_example_of_the_layout():
    own, files = [9, 1], [[9, 2, 3, 4, 5], [9, 6]]
    assert prompt.lay_out_context(own, files, budget=9) == [9, 6, 9, 2, 3, 4, 5, 9, 1]
    assert prompt.lay_out_context(own, files, budget=8) == [9, 2, 3, 4, 5, 9, 1]
