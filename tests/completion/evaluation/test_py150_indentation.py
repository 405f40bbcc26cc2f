"""Indentation by hand: what is certain, what is usual, and where a guess must go wrong."""

import textwrap

import pytest

from completion.evaluation.py150_text import from_source, to_source

USUAL = '''\
import os
from a import b
def f(x):
    def g(y):
        return y
    for z in g(x):
        if z:
            continue
        elif not z:
            pass
        else:
            break
    else:
        return 1
    while x:
        try:
            x = os.a(b,
                     c)
        except ValueError:
            raise
        finally:
            d = f(
                e,
                [
                    1,
                ],
            )
            return d
class A(B):
    """"""
    class Meta:
        a = 1
    @property
    def a(self):
        return 1
    async def b(self, c):
        with c as d:
            pass
    def e(self):
        if self.f:
            return 1
        self.g = 2
@a.b
def h():
    pass
if __name__ == "":
    h()
'''


def flat(source: str) -> str:
    """The form of a source, which is not indented."""
    return " <EOL> ".join(from_source(line) for line in source.splitlines())


def test_a_file_as_people_write_it():
    lines = USUAL.splitlines()
    # A decorated function behind a class is taken for one of its methods.
    outside = lines.index("@a.b")
    assert to_source(flat(USUAL)).splitlines()[:outside] == lines[:outside]
    assert to_source(flat("\n".join(lines[outside:]))).splitlines() == lines[outside:]


@pytest.mark.parametrize(
    ("source", "guessed"),
    [
        # Nothing but its indentation says that a block ends.
        ("if a:\n    b()\nc()", "if a:\n    b()\n    c()"),
        # Certain words end it again.
        ("if a:\n    b()\nelse:\n    c()", "if a:\n    b()\nelse:\n    c()"),
        ("def f():\n    a()\ndef g():\n    b()", "def f():\n    a()\n    def g():\n        b()"),
        ("def f():\n    return a\ndef g():\n    b()", "def f():\n    return a\ndef g():\n    b()"),
        # What is not closed, or was not opened, is no reason to fail.
        ("return\nelse:\n    x", "return\nelse:\n    x"),
        (")\nx", ")\nx"),
        ("f(\n    (", "f(\n    ("),
        ("async", "async"),
    ],
)
def test_guesses_by_hand(source, guessed):
    assert to_source(flat(source)) == guessed


def test_the_words_that_are_there_decide_where_a_begun_line_stands():
    """A prompt says nothing of what it asks for: `def` is taken for a method before its brackets are there."""
    before = flat(
        textwrap.dedent("""\
        class A:
            def a(self):
                return 1""")
    )
    assert to_source(f"{before} <EOL> def").splitlines()[-1] == "    def"
    assert to_source(f"{before} <EOL> def b ( self").splitlines()[-1] == "    def b(self"
    assert to_source(f"{before} <EOL> def b ( c").splitlines()[-1] == "def b(c"
    assert to_source(f"{before} <EOL>").endswith("return 1\n")
