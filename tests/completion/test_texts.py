import pytest

from completion.texts import Limits


@pytest.mark.parametrize(
    ("limits", "text", "ended", "expected"),
    [
        (Limits(), "x = 1\ny = 2", True, "x = 1"),
        (Limits(one_line=False), "x = 1\ny = 2", True, "x = 1\ny = 2"),
        (Limits(stop=("#", "=")), "x = 1  # one", True, "x "),
        (Limits(stop=("#",)), "no such thing", True, "no such thing"),
        (Limits(), "caf\ufffd", False, "caf"),
        (Limits(), "'\ufffd'", False, "'\ufffd'"),
        (Limits(), "what was meant\ufffd", True, "what was meant\ufffd"),
    ],
)
def test_an_answer_is_cut_at_its_end(limits, text, ended, expected):
    assert limits.cut(text, ended=ended) == expected


def test_certain_text_is_never_taken_back():
    """The law of streaming: what was told is the beginning of what comes out, and all of it is told in the end."""
    limits = Limits(one_line=False, stop=("\n\n", "\nclass", "END"))
    for text in ("x = 1\n\ny", "a\nclas\nclass B", "a\n\x10_b", "EENEND", "ENDE", "é\nb\nc", "\n"):
        told = ""
        for size in range(len(text) + 1):
            if limits.reached(text[: max(0, size - 1)]):
                break
            now = limits.certain(text[:size])
            assert now.startswith(told)
            told = now
        final = limits.cut(text, ended=True)
        assert final.startswith(told)
        assert len(final) - len(told) < max(map(len, limits.stop)), "only what may be the beginning of a stop text"


def test_the_beginning_of_a_stop_text_is_held_back():
    assert Limits(one_line=False, stop=("\n\n",)).certain("x = 1\n") == "x = 1"
    assert Limits(one_line=False, stop=("\n\n",)).certain("x = 1\ny") == "x = 1\ny"
