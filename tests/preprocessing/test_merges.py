from collections import Counter

import pytest

from preprocessing import merges

CODE = "import os\n\n\ndef f(a_1, b=2):\r\n\tif a_1:  # 漢 é\n        return {'x': os.path}\x0c\n"


@pytest.mark.parametrize("text", [CODE, "", "\n \n", " \t\r\n\u00a0", "\x10_ \x01 a", "   a   ", "\n\n\n"])
def test_every_character_is_in_one_unit(text):
    assert "".join(merges.UNITS.findall(text)) == text


def test_newlines_stand_with_the_indentation_after_them_alone():
    found = merges.UNITS.findall("a\n\n    b = c\n\t\n")
    assert found == ["a", "\n", "\n    ", "b", " =", " c", "\n\t", "\n"]


def test_words_are_names_or_marks_with_the_blanks_before_them():
    assert merges.UNITS.findall("x = os.path[1:]  ") == ["x", " =", " os", ".", "path", "[", "1", ":]", "  "]
    assert merges.UNITS.findall("  max_2 = (_a, )") == ["  max_2", " =", " (", "_a", ",", " )"]


def test_words_are_counted_by_themselves():
    assert merges.count_units(["a = b\n  a\n"]) == {"a": 2, " =": 1, " b": 1, "\n  ": 1, "\n": 1}


def test_too_many_units_leave_the_most_frequent(monkeypatch):
    monkeypatch.setattr(merges, "MAX_UNITS", 2)
    assert merges.count_units(["b", "a", "c", "c"]) == {"c": 2, "a": 1}


def test_characters_are_counted_as_often_as_their_units():
    assert merges.count_characters(Counter({"aab": 2})) == {"a": 4, "b": 2}


def test_the_most_frequent_pairs_are_merged_first():
    assert merges.find(Counter({"abc": 3, "ab": 2}), 2) == ["ab", "abc"]
    assert merges.find(Counter({"abc": 3, "ab": 2, "xy": 4}), 3) == ["ab", "xy", "abc"]
    assert merges.find(Counter({"abc": 3, "ab": 2, "xy": 4}), 1) == ["ab"]


def test_equal_pairs_are_merged_by_code_point():
    assert merges.find(Counter({"yz": 3, "bc": 3, "ax": 3}), 3) == ["ax", "bc", "yz"]


def test_a_pair_that_occurs_once_is_not_merged():
    assert merges.find(Counter({"ab": 1, "cd": 2}), 5) == ["cd"]


def test_a_unit_counts_as_often_as_it_says_however_long_the_blocks():
    units = Counter({"ab" * 50: 1000, "c": 70_000, "d": 1})
    text = "".join(merges._blocks(units))
    assert Counter(text.split("\0")[:-1]) == units
    assert all(len(block) < 50_000 for block in merges._blocks(units))
