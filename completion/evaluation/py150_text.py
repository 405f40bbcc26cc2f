r"""CodeXGLUE's text form of Python, and the source that models read and write: from one to the other and back.

The form is what Python's own tokens are, each behind a blank, as CodeXGLUE makes it of the PY150 corpus
(https://github.com/microsoft/CodeXGLUE/blob/main/Code-Code/CodeCompletion-token/dataset/py150/preprocess.py):

    <s> import os <EOL> def f ( a ) : <EOL> return a . b [ <NUM_LIT:0> ] + '<STR_LIT>'

What it keeps: names, keywords and operators; `<EOL>` where a line ends, in brackets too; the quotes and the prefix of a
string; the values of 200 strings and 30 numbers, in which a blank is `U+0020` and a comma `U+002C`.

What it loses: indentation; comments, and lines of nothing else; empty lines; blanks between tokens; where a backslash
ended a line; the values of all other strings (`'<STR_LIT>'`) and numbers (`<NUM_LIT>`), with the newlines in them, so
that a docstring of ten lines is one token. Strings with a capital prefix are `<STR_LIT>` without quotes.

So source made of it is not what the author wrote: the blanks between tokens are those of PEP 8, as far as the tokens
say, unknown strings are empty and unknown numbers 0, as CodeXGLUE's evaluator takes them, and the indentation is
guessed (`py150_indentation`). And a model that has learnt from files may answer with a comment or an empty line, which
the form never has.

Why it is indented: in flat text a model takes many a line for an empty one.

The way back loses nothing that the evaluator sees: a line of the form, made source and the form again, has the same
text there. (Of the 20,550 lines of 300 rows, and their 300 answers, all do.)
"""

import keyword
import re
import tokenize

from completion.evaluation.py150_indentation import Indentation
from preprocessing import prompt

# The strings whose values are kept, as the form writes them: the 200 most frequent of the corpus (literals.json beside
# the program above; MIT licence).
STRINGS = frozenset(
    r'''
    ! " # #pop $ % %s & ' ( ) * + - -c . .. / 0 1 1.0 100 127.0.0.1 2 3 4 5 : ; < = > ? @ A B C Content-Type D E F False
    GET H I L M Meta N Name None O OK P POST R S T True U+0020 U+002C U+002CU+0020 X Y [ [?] \\ \n \r \r\n \t \ufffe
    \x00 ] _ __main__ a abc action address all application/json args ascii b bar blank body bool c class code content
    count d data date default description e email end error f false file filename float foo g h hello host html http i
    id ignore image index info input int k key l label left list localhost location m max_length message n name none
    null o object object_name p password path port primary_key produces q r rb related_name relu replace result right
    root s size source src start state status store store_true str strict string success t target test text time title
    to train true type u url user username utf-8 utf8 v value version w wb width win32 x y yes z { {} | }
    '''.split()
)  # fmt: skip
NUMBERS = frozenset("0 0. 0.0 0.1 0.5 1 1. 1.0 10 100 1000 11 12 15 16 2 20 200 255 3 30 32 4 5 50 6 64 7 8 9".split())
_STRING = re.compile(r"""([a-z]*)('{3}|"{3}|'|")<STR_LIT(?::(.*))?>\2""")
_NUMBER = re.compile(r"<NUM_LIT(?::(.*))?>")
_LITERAL = re.compile(r"""(?s)([a-z]*)('{3}|"{3}|'|"|)(.*)""")
_BLANKS = {" ": "U+0020", ",": "U+002C"}
_SIGNS = ("+", "-", "*", "**", "~")


def to_source(text: str) -> str:
    r"""Source of a text in the form, as a person would lay it out.

    Args:
      text: of a file from its beginning, or of a part of a line.

    Returns:
      Each `<EOL>` is a newline. No blank stands at the end, be it the middle of a line, nor behind a last newline: how
      what follows is set off, or indented, would say what it is, and so it begins with its blanks itself.

    Example: `to_source("<s> def f ( a = <NUM_LIT:1> ) : <EOL> return - a . b <EOL>")` is
      `"def f(a=1):\n    return -a.b\n"`.
    """
    lines: list[list[str]] = [[]]
    for token in text.split():
        if token == "<EOL>":
            lines.append([])
        elif token not in ("<s>", "</s>"):
            lines[-1].append(_value(token))
    spacing, indentation, found = _Spacing(), Indentation(), []
    for tokens in lines:
        line = spacing.line(tokens)
        # How far a last line is indented that is not begun is the answer's affair.
        found.append(" " * indentation.of(tokens, line) + line if tokens else "")
    return "\n".join(found)


def from_source(line: str) -> str:
    """A line of source, or its end, in the form, with values only where the form keeps them.

    It is read by Python's own tokens, alone: brackets need not be closed, nor opened, and what is no Python is kept
    character by character. A string over several lines is one token of the form, so that the beginning of one is all
    of it, its value unknown. Only the first line is read; comments are left out.

    Example: `from_source("x = f('name', 'Ann', 17)  # me")` is
      `"x = f ( '<STR_LIT:name>' , '<STR_LIT>' , <NUM_LIT> )"`.
    """
    return " ".join(_mark(type_, token) for type_, token in _tokens(prompt.first_line(line)))


def _value(token: str) -> str:
    """A token of the form as source."""
    if string := _STRING.fullmatch(token):
        prefix, quote, value = string.groups(default="")
        for blank, code in _BLANKS.items():
            value = value.replace(code, blank)
        return f"{prefix}{quote}{value}{quote}"
    if number := _NUMBER.fullmatch(token):
        return number[1] or "0"
    return "R''" if token == "<STR_LIT>" else token


def _mark(type_: int, token: str) -> str:
    """A token of source in the form, after `process_string` of CodeXGLUE's program."""
    if type_ == tokenize.NUMBER:
        return f"<NUM_LIT:{token}>" if token in NUMBERS else "<NUM_LIT>"
    if type_ != tokenize.STRING:
        return token
    prefix, quote, value = _LITERAL.fullmatch(token).groups()
    value = value[: -len(quote)] if quote else value
    for blank, code in _BLANKS.items():
        value = value.replace(blank, code)
    return f"{prefix}{quote}<STR_LIT{':' + value if value in STRINGS else ''}>{quote}"


def _tokens(line: str) -> list[tuple[int, str]]:
    """Type and text of Python's tokens in a line; white space in them is one blank, and those of nothing else go."""
    lines, found = [line.strip() + "\n"], []
    unread = iter(lines)
    try:
        for type_, text, *_ in tokenize.generate_tokens(lambda: next(unread, "")):
            if type_ != tokenize.COMMENT and (text := " ".join(text.split())):
                found.append((type_, text))
    except tokenize.TokenError as error:
        # Either brackets are open, and all tokens were given; or a string is, which the error says the beginning of.
        message, (_, column) = error.args
        if "string" in message:
            opened = _LITERAL.match(lines[0][column:])
            found.append((tokenize.STRING, opened[1] + 2 * opened[2]))
    return found


class _Spacing:
    """Blanks between tokens, as PEP 8 has them; what is open in a line stays open in those after it."""

    def __init__(self):
        self._open: list[str] = []

    def line(self, tokens: list[str]) -> str:
        """A line, so spaced that Python reads these very tokens in it."""
        line, before, unary = "", "", False
        for token in tokens:
            line += " " * (before != "" and not unary and self._apart(before, token)) + token
            unary = (token in _SIGNS and not _is_operand(before)) or (before, token) == ("", "@")
            self._opened(token)
            before = token
        # Some would become one: the dot behind a number, three dots.
        return line if [text for _, text in _tokens(line)] == tokens else " ".join(tokens)

    def _apart(self, before: str, token: str) -> bool:
        inside = self._open[-1] if self._open else ""
        if token in (")", "]", "}", ",", ";") or before in ("(", "[", "{"):
            return False
        if token == ":":
            return before == ","
        if token == ".":
            return _is_keyword(before)
        if before == ".":
            return token == "import"
        if token in ("(", "["):
            return not _is_operand(before)
        if "=" in (before, token) and inside == "(":
            return False
        return not (before == ":" and inside == "[")

    def _opened(self, token: str) -> None:
        if token in ("(", "[", "{"):
            self._open.append(token)
        elif token in (")", "]", "}") and self._open:
            self._open.pop()
        elif self._open and self._open[-1] in ("(", "(:") and token in (":", ","):
            # Behind an annotation the equals sign of a default has blanks.
            self._open[-1] = "(:" if token == ":" else "("


def _is_keyword(token: str) -> bool:
    return keyword.iskeyword(token) and token not in ("None", "True", "False")


def _is_operand(token: str) -> bool:
    """Whether a value ends there: a bracket behind it calls or indexes, a minus behind it is binary."""
    return not _is_keyword(token) and (token in (")", "]", "}") or re.match(r"[\w'\"]", token) is not None)
