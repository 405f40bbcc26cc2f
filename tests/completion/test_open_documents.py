"""Documents against another way to hold them: the text as UTF-16, which columns are counted in."""

import random

import pytest
from lsprotocol import types

from completion.open_documents import OpenDocument

TEXT = 'a = "😀"\r\nb\x0cc = "é"\n\rd\u2028😀'


def document(text: str, encoding: str = "utf-16") -> OpenDocument:
    return OpenDocument(text, language="python", encoding=encoding)


def change(start: tuple[int, int], end: tuple[int, int], text: str) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(types.Range(types.Position(*start), types.Position(*end)), text)


@pytest.mark.parametrize(
    ("encoding", "place", "expected"),
    [
        ("utf-16", (0, 7), 6),
        ("utf-16", (0, 6), 5),  # between the halves of an emoji: before it
        ("utf-8", (0, 9), 6),
        ("utf-32", (0, 6), 6),
        ("utf-16", (0, 99), 7),  # beyond the line: its end, before "\r\n"
        ("utf-16", (1, 8), 17),  # a form feed ends no line
        ("utf-16", (2, 0), 19),
        ("utf-16", (3, 2), 22),  # neither does U+2028
        ("utf-16", (3, 99), 23),
        ("utf-16", (4, 0), 23),  # beyond the text: its end
        ("utf-16", (99, 5), 23),
    ],
)
def test_positions_are_those_of_the_protocol(encoding, place, expected):
    assert document(TEXT, encoding).index(types.Position(*place)) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_the_position_of_an_index_is_at_that_index(encoding):
    one = document(TEXT, encoding)
    inside_newlines = {8}
    for index in set(range(len(TEXT) + 1)) - inside_newlines:
        assert one.index(one.position(index)) == index


def test_lines_are_cut_at_the_cursor():
    assert document(TEXT).line(1) == ("a", ' = "😀"')
    assert document(TEXT).line(19) == ("", "")
    assert document(TEXT).line(len(TEXT)) == ("d\u2028😀", "")


def test_an_empty_document_can_be_written():
    one = document("")
    one.change([change((0, 0), (0, 0), "x = 1\n"), change((1, 0), (1, 0), "y")])
    assert one.text == "x = 1\ny"
    one.change([types.TextDocumentContentChangeWholeDocument("z")])
    assert one.text == "z"


def test_random_changes_are_those_of_a_text_in_utf_16():
    chance = random.Random(4)
    one, pieces = document("", "utf-16"), ["\n", "\r\n", "😀", "é", "a", "\x0c", "\u2028", "  "]
    for _ in range(300):
        before = one.text
        start, end = sorted(chance.choices(range(len(before) + 1), k=2))
        if any(before[place - 1 : place + 1] == "\r\n" for place in (start, end)):
            continue
        new = "".join(chance.choices(pieces, k=3))
        units = [before[:place].encode("utf-16-le") for place in (start, end)]
        places = []
        for part in (units[0].decode("utf-16-le"), units[1].decode("utf-16-le")):
            lines = part.replace("\r\n", "\n").split("\n")
            places.append((len(lines) - 1, len(lines[-1].encode("utf-16-le")) // 2))
        one.change([change(*places, new)])
        assert one.text == before[:start] + new + before[end:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x", 1), ("()", 2), ("self.na", 7), ("\n        ", 1), ("\r\n\t", 2), ("", 0), ("def pasted(self):", 0)],
)
def test_short_changes_are_typed_by_hand(text, expected):
    assert document("a = 1\n").change([change((1, 0), (1, 0), text)]) == expected


def test_what_is_accepted_is_not_typed():
    one = document("print()")
    one.offered = {"print(x))": "1", "print(y)": "2"}
    assert one.change([change((0, 6), (0, 6), "y")]) == 0
    one = document("print()")
    one.offered = {"print(x))": "1"}
    assert one.change([change((0, 6), (0, 7), "x))")]) == 0, "another way to write the same change"
    one = document("print()")
    one.offered = {"print(name))": "1"}
    assert one.change([change((0, 6), (0, 6), "na")]) == 2, "typed along"
    assert one.change([change((0, 8), (0, 8), "me)")]) == 0, "and the rest accepted"
    one.offered = {"print(z)": "1"}
    assert one.change([change((0, 0), (0, 0), "y")]) == 1, "something else is"
