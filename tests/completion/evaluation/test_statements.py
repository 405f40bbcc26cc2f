"""Where statements end."""

import pytest

from completion.evaluation import statements

TEXT = """\
import a

@wraps(f)
def é(x):
    if x:
        return [
            1,
        ]
    else:
        pass
        # nothing

b(1); c(2)
"""


@pytest.mark.parametrize(
    ("before", "last"),
    [
        ("import a", "import a"),
        ("@wraps", "        pass"),
        ("def é", "        pass"),
        ("if x", "        pass"),
        ("else", "        pass"),
        ("return", "        ]"),
        ("1,", "        ]"),
        ("pass", "        pass"),
        ("b(1)", "b(1)"),
        ("c(2)", "c(2)"),
    ],
)
def test_the_smallest_statement_that_the_cursor_is_in(before, last):
    end = statements.end(TEXT, TEXT.index(before))
    assert TEXT[:end].endswith(last)


def test_blanks_behind_the_cursor_are_passed_over():
    text = "x = 1\n\n\nfor y in z:\n    a\nb\n"
    assert statements.end(text, 6) == len("x = 1\n\n\nfor y in z:\n    a")
    assert statements.end("x =", 3) is None
    assert statements.end("for y in z:\n    a\n    b\n", 11) == len("for y in z:\n    a\n    b"), "but not within one"
    assert statements.end("for x in y:\n    print(x)\nz = 1\n", 15) == 24


def test_what_is_not_finished_does_not_end_what_is():
    text = "x = [\n    1,\n]\nfor y in z:\n    a("
    assert statements.end(text, 4) == len("x = [\n    1,\n]")
    assert statements.end(text, text.index("for")) in (None, len(text))


def test_tokens_are_all_that_is_no_blank():
    source = TEXT.encode()
    tokens = list(statements.tokens(statements.parse(source)))
    texts = [source[one.start : one.end].decode() for one in tokens]
    assert "".join(texts) == "".join(TEXT.split(" nothing")[0].split()) + " nothing" + "".join(
        TEXT.split(" nothing")[1].split()
    )
    assert [one.start for one in tokens] == sorted(one.start for one in tokens)
    assert [text for text, one in zip(texts, tokens, strict=True) if one.in_call] == ["f", "1", "2"]
    assert all(source.count(b"\n", 0, one.start) == one.line for one in tokens)
    start, end = source.index(b"wraps"), source.index(b"x):")
    some = list(statements.tokens(statements.parse(source), start=start, end=end))
    assert some == [one for one in tokens if start <= one.start < end]
    assert len(some) == 7
