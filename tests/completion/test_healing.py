"""What may be written first, against a search through the whole vocabulary; and what is cut off."""

import types

import pytest

from completion import healing
from preprocessing import prompt, vocabulary

TEXT = "import os\n\n\nclass A:\n    def __init__(self):\n        self.a = '\u2581\x10é'\n"


@pytest.fixture(scope="module")
def codec() -> prompt.Codec:
    return prompt.Codec(vocabulary.train(iter([TEXT * 50]), 500))


@pytest.fixture(scope="module")
def order(codec) -> healing.PieceOrder:
    return healing.PieceOrder(codec)


def test_law_what_continues_a_piece_is_what_begins_with_its_bytes(codec, order):
    pieces = codec.piece_bytes()
    healed = [i for i in range(codec.vocab_size) if order.heals(i)]
    assert len(healed) > 50
    for token in healed:
        expected = {i for i in healed if pieces[i].startswith(pieces[token])}
        assert set(order.ids(order.continuing(token))) == expected
        assert token in expected


def test_control_pieces_and_bytes_are_neither_taken_back_nor_allowed(codec, order):
    sp = codec.processor
    apart = [i for i in range(codec.vocab_size) if sp.is_control(i) or sp.is_unknown(i) or sp.is_byte(i)]
    assert len(apart) == 128 + 3 + 256
    assert not any(order.heals(i) for i in apart)
    assert sorted(order.ids((0, codec.vocab_size))) == sorted(set(range(codec.vocab_size)) - set(apart))
    with pytest.raises(ValueError, match="id 1 cannot be taken back: it is not a text piece"):
        order.continuing(1)


def test_the_example_of_the_docstring():
    pieces = types.SimpleNamespace(
        piece_bytes=lambda: [b"a", b"(self", b"(", b"(self):"],
        vocab_size=4,
        processor=types.SimpleNamespace(is_byte=lambda i: False),
    )
    order = healing.PieceOrder(pieces)
    assert order.ranks.tolist() == [3, 1, 0, 2]
    assert order.continuing(2) == (0, 3)


@pytest.mark.parametrize("typed", ["(", "\n", "'\u2581", "\x10", "é", "class A"])
def test_law_the_answer_is_the_text_after_what_was_typed(codec, order, typed):
    """Whatever piece is taken, also where it ends within the two characters that an escape has."""
    *_, last = codec.encode(typed)
    head = codec.encode(typed)[:-1]
    for token in order.ids(order.continuing(last)):
        for rest in ([], codec.encode("self.a\n"), codec.encode("_\u2581-"), codec.encode("😀")[:2]):
            written = [token, *rest]
            found = healing.answer(codec, written, taken_back=last)
            assert typed + found == codec.decode([*head, *written])


def test_without_a_token_taken_back_the_answer_is_all_that_was_written(codec):
    ids = [*codec.encode(TEXT), codec.vocab_size + 1]
    assert healing.answer(codec, ids, taken_back=None) == TEXT


def test_an_answer_that_contradicts_what_was_typed_is_an_error(codec):
    with pytest.raises(ValueError, match=r"'import' does not begin with 'c', which was taken back"):
        healing.answer(codec, codec.encode("import"), taken_back=codec.encode("c")[0])
