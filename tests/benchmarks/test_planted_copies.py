"""Copies of a source, and rows in CodeXGLUE's form, by hand."""

import random

import pytest

from benchmarks import planted_copies

SOURCE = '''# A licence.
import os


def f(x, *rest, y=1):
    """Adds x."""
    total = x + y  # x, too
    os.x = total
    return g(total, y=y).total
'''


def test_reformatted_has_the_same_program_and_no_comments():
    assert planted_copies.reformatted("x = [1,\n  'two'] # three\n") == "x = [1, 'two']"


def test_renamed_touches_what_is_assigned_and_nothing_else():
    assert (
        planted_copies.renamed(SOURCE)
        == '''# A licence.
import os


def f(x_, *rest_, y_=1):
    """Adds x."""
    total_ = x_ + y_  # x, too
    os.x = total_
    return g(total_, y_=y_).total
'''
    )


def test_lines_end_where_the_tokenizer_ends_them():
    assert planted_copies.renamed("a = '\x0c\u2028'\r\n\x0cb = a\r\n") == "a_ = '\x0c\u2028'\r\n\x0cb_ = a_\r\n"


def test_first_half():
    assert planted_copies.first_half("1\n2\n3\n4\n5\n") == "1\n2\n"


def test_sources_that_are_no_python():
    for copy in (planted_copies.reformatted, planted_copies.renamed):
        with pytest.raises(SyntaxError):
            copy("print 'x'\n")
    assert planted_copies.codexglue_row("x = (\n", random.Random(0), literals=frozenset()) is None
    assert planted_copies.codexglue_row("x\n", random.Random(0), literals=frozenset()) is None


def test_a_row_is_the_file_up_to_a_place_in_a_line_without_comments():
    literals = frozenset({"1", "utf-8"})
    source = "# c\nx = open('a b', u'utf-8')  # d\n\n\nif x:\n    y = 1 + 22\n"
    lines = [["x = open ( '<STR_LIT>' , u'<STR_LIT:utf-8>' )"], ["if x :"], ["y = <NUM_LIT:1> + <NUM_LIT>"]]
    tokens = [line[0].split() for line in lines]
    expected = set()
    for number, line in enumerate(tokens):
        before = " <EOL> ".join(["<s>", *(" ".join(other) for other in tokens[:number])])
        expected |= {(f"{before} <EOL> {' '.join(line[:cut])}", " ".join(line[cut:])) for cut in range(1, len(line))}
    rows = [planted_copies.codexglue_row(source, random.Random(seed), literals=literals) for seed in range(500)]
    assert {(row["input"], row["gt"]) for row in rows} == expected


def test_the_most_frequent_literals_are_kept():
    source = "".join(f"x{i} = 'string {i}', {i}\n" for i in range(300)) + "y = 'string 7', 299\n" * 2
    kept = planted_copies.frequent_literals([source, "broken ("])
    assert len(kept) == 230
    assert {"string 7", "299"} <= kept
    assert not {"string 299", "298"} & kept
