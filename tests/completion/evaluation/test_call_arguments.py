"""Arguments as text: what is the same, and what can be told of an answer that is not finished."""

import pytest

from completion.evaluation import call_arguments


def test_where_an_answer_ends():
    assert call_arguments.upto_end("a, b(c))\nprint(d)") == "a, b(c)"
    assert call_arguments.upto_end("a, b(c)") == "a, b(c)", "what has no end is left as it is"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'a', key=1)", '"a",key = 1,) + 2'),
        ("u'a')", "\n    'a',  # why (\n)\nf(b)"),
        ("16, 1.0)", "0x10, 1.)"),
        ("(a), 'b' 'c')", "a, 'bc')"),
        ("lambda a, b: (a, b))", "lambda a,b:(a,b))"),
        (")", "\n    )"),
    ],
)
def test_what_is_the_same(one, other):
    assert call_arguments.read(one) == call_arguments.read(other)
    assert call_arguments.read(one).whole is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("1)", "1.0)"), ("1)", "True)"), ("'a')", "b'a')"), ("a=1, b=2)", "b=2, a=1)"), ("a, b)", "(a, b))")],
)
def test_what_is_not_the_same(one, other):
    assert call_arguments.read(one).whole != call_arguments.read(other).whole


def test_keywords_are_names():
    assert call_arguments.read("a, b=1, **c, d=e(f=2))").keywords == {"b", "**", "d"}
    assert call_arguments.read("*a)").keywords == frozenset()


def first(text: str) -> str | None:
    return call_arguments.read(text).first


def test_the_first_argument_is_known_as_soon_as_it_is_ended():
    whole = first("lambda a, b: a, c)")
    assert whole is not None
    assert first("lambda a, b: a, c +") == whole
    assert first("lambda a, b: a) + 1") == whole
    assert first("lambda a, b: a") is None, "it may go on"
    assert first("lambda a, b: a d, c)") is None, "this is no Python"
    assert first("(a, b), c") == first("(a, b))")
    assert first("key=1, b") == first("key=1)") != first("1)")
    assert first("x for x in y)") is not None
    assert first(")") == ""
    assert first("") is None


def test_what_no_bracket_closes_has_no_more_than_a_first_argument():
    assert call_arguments.read("a, b=1")[::2] == (None, None)
    assert call_arguments.read("a, b=1]")[::2] == (None, None)
    assert call_arguments.read("a b, c)") == (None, None, None)
    assert call_arguments.read("a, b b)")[::2] == (None, None)


def test_garbage_is_read_in_no_time():
    for text in (
        "(" * 100_000,
        "1+" * 100_000 + "1)",
        "'" * 99_999,
        "-" * 4000 + "1)",
        "\0)",
        "a,,)",
        "\\",
        "1+" * 1500 + "1)",
    ):
        assert call_arguments.read(text).whole is None, text[:10]
