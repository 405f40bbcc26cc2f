"""CodeXGLUE's form by hand, its laws on drawn tokens, on our own files and on its published rows."""

import collections
import io
import json
import pathlib
import re
import tokenize

import hypothesis
import pytest
from hypothesis import strategies

from completion import metrics
from completion.evaluation import py150_text
from completion.evaluation.py150_text import NUMBERS, STRINGS, from_source, to_source

ROOT = pathlib.Path(__file__).parents[3]
ROWS = ROOT.parent / "shared" / "data" / "codexglue" / "py150_line_dev_300.jsonl"
needs_rows = pytest.mark.skipif(not ROWS.exists(), reason=f"CodeXGLUE's rows are not at {ROWS}")


def evaluated(line: str) -> str:
    """What the evaluator sees of a line of the form."""
    return metrics.restore_literals(line)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("<s> def f ( a = <NUM_LIT:1> ) : <EOL> return - a . b <EOL>", "def f(a=1):\n    return -a.b\n"),
        ("x = - y ** - z * ~ <NUM_LIT>", "x = -y ** -z * ~0"),
        ("f ( * a , ** b ) [ <NUM_LIT:1> : - <NUM_LIT:2> , : ]", "f(*a, **b)[1:-2, :]"),
        ("not ( a ) in [ b ] and ( c , )", "not (a) in [b] and (c,)"),
        ("{ 'a' : lambda x , y = None : x }", "{'a': lambda x, y = None: x}"),
        ("def f ( a : b = c , d = e ) -> g :", "def f(a: b = c, d=e) -> g:"),
        ("@ a . b ( c )", "@a.b(c)"),
        ("a @ b ; print >> c , d", "a @ b; print >> c, d"),
        ("from . import a", "from . import a"),
        ("from . . a import b", "from ..a import b"),
        ("u'<STR_LIT:U+002CU+0020>' \"<STR_LIT>\" '<STR_LIT:\\n>'", "u', ' \"\" '\\n'"),
        ("\"\"\"<STR_LIT>\"\"\" '''<STR_LIT:a>'''", "\"\"\"\"\"\" '''a'''"),
        ("None [ <NUM_LIT:0> ] ( x ) ( y )", "None[0](x)(y)"),
        # Without a blank these would be other tokens.
        ("<NUM_LIT:1> . real", "1 . real"),
        (". . .", ". . ."),
        ("<NUM_LIT:0> <NUM_LIT> L < > ur '<STR_LIT>'", "0 0 L < > ur ''"),
        # It was a string with a capital prefix.
        ("<STR_LIT> )", "R'')"),
        ("<s> x <EOL> y </s>", "x\ny"),
        ("", ""),
        ("<s>", ""),
    ],
)
def test_source_by_hand(text, source):
    assert to_source(text) == source
    for line, written in zip(text.split("<EOL>"), source.split("\n"), strict=True):
        expected = re.sub(r"</?s>", "", line)
        assert evaluated(from_source(written)).split() == evaluated(expected).split()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("x = f('name', 'Ann', 17)  # me", "x = f ( '<STR_LIT:name>' , '<STR_LIT>' , <NUM_LIT> )"),
        ("  ) and\tb[0]:", ") and b [ <NUM_LIT:0> ] :"),
        ("f(a, [", "f ( a , ["),
        ("', ' + u' ' + b\"\"", "'<STR_LIT:U+002CU+0020>' + u'<STR_LIT:U+0020>' + b\"<STR_LIT>\""),
        ("f'{a, b}' r'\\d' U'name'", "f'<STR_LIT>' r'<STR_LIT>' <STR_LIT>"),
        # A string that goes on in the next line is all of it.
        ('"""Sizes, by name.', '"""<STR_LIT>"""'),
        ("return b'''name", "return b'''<STR_LIT>'''"),
        ("x = 'na\\", "x = '<STR_LIT>'"),
        # What is no Python.
        ("x = 'name", "x = ' name"),
        ("10L 0777 `x` <> $?", "<NUM_LIT:10> L <NUM_LIT:0> <NUM_LIT> ` x ` < > $ ?"),
        ("x = y + \\", "x = y +"),
        ("x\u00a0= \u20ac", "x = \u20ac"),
        ("a\r\nb", "a"),
        ("\nb", ""),
        ("# a", ""),
        ("", ""),
    ],
)
def test_tokens_by_hand(line, text):
    assert from_source(line) == text


examples = hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
NAMES = strategies.sampled_from("self a b_1 é print import from def class if else in not lambda None async R u".split())
SIGNS = strategies.sampled_from(
    "+ - * / ** // % @ ~ & | ^ < > << >> == != <= >= = += **= ( ) [ ] { } , : ; . ... -> ` $ ?".split()
)
NUMBER = strategies.sampled_from(["<NUM_LIT>", *(f"<NUM_LIT:{number}>" for number in sorted(NUMBERS))])
PREFIXES, QUOTES = strategies.sampled_from(["", "u", "r", "b", "br"]), strategies.sampled_from(["'", '"', "'''", '"""'])
# A quote among the values is not between quotes of its own kind.
VALUES = strategies.sampled_from(["", *(f":{value}" for value in sorted(STRINGS - {"'", '"'}))])
STRING = strategies.builds("{0}{1}<STR_LIT{2}>{1}".format, PREFIXES, QUOTES, VALUES)
TOKENS = strategies.lists(NAMES | SIGNS | NUMBER | STRING | strategies.just("<STR_LIT>"), max_size=12)


@examples
@hypothesis.given(TOKENS)
def test_source_of_any_tokens_has_these_tokens(tokens):
    text = " ".join(tokens)
    assert evaluated(from_source(to_source(text))) == evaluated(text)


@examples
@hypothesis.given(strategies.text() | strategies.text("ab'\"\\ #([,\n\t1.=:"))
def test_any_text_is_one_line_of_the_form(text):
    line = from_source(text)
    assert line == " ".join(line.split())
    assert len(line.splitlines()) <= 1


@examples
@hypothesis.given(strategies.lists(TOKENS, min_size=1, max_size=5))
def test_a_line_of_source_is_a_line_of_the_form(lines):
    source = to_source(" <EOL> ".join(" ".join(line) for line in lines))
    assert len(source.split("\n")) == len(lines)
    assert not source.endswith(" ")
    for line, written in zip(lines, source.split("\n"), strict=True):
        assert evaluated(from_source(written)) == evaluated(" ".join(line))


def test_a_line_alone_has_the_tokens_that_it_has_in_its_file():
    """Also where a bracket was opened in an earlier line; strings and statements over several lines apart."""
    compared = 0
    for path in sorted((ROOT / "completion").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines, joined = collections.defaultdict(list), set()
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.start[0] != token.end[0]:
                joined |= set(range(token.start[0], token.end[0] + 1))
            elif token.type != tokenize.COMMENT and token.string.strip():
                lines[token.start[0]].append(py150_text._mark(token.type, " ".join(token.string.split())))
        for number, line in enumerate(text.split("\n"), start=1):
            if number not in joined:
                assert from_source(line).split() == " ".join(lines[number]).split(), f"{path}:{number}"
                compared += 1
    assert compared > 3000


def test_how_many_values_are_kept():
    assert (len(STRINGS), len(NUMBERS)) == (200, 30), "as many as CodeXGLUE's literals.json has"


@needs_rows
def test_every_published_answer_and_line_is_the_same_after_both_ways():
    rows = [json.loads(row) for row in ROWS.read_text(encoding="utf-8").splitlines()]
    lost = [row["gt"] for row in rows if evaluated(from_source(to_source(row["gt"]))) != evaluated(row["gt"])]
    assert (len(rows), lost) == (300, [])
    for row in rows:
        text = row["input"].removeprefix("<s> ").removesuffix(" <EOL>")
        source = to_source(text)
        assert evaluated(" <EOL> ".join(map(from_source, source.split("\n")))) == evaluated(text)


@needs_rows
def test_every_published_value_is_one_that_is_kept():
    text = ROWS.read_text(encoding="utf-8")
    rows = " ".join(f"{row['input']} {row['gt']}" for row in map(json.loads, text.splitlines()))
    assert {found[1] for found in re.finditer(r"<STR_LIT:(\S+)>['\"]", rows)} <= STRINGS
    assert {found[1] for found in re.finditer(r"<NUM_LIT:(\S+)>", rows)} <= NUMBERS
