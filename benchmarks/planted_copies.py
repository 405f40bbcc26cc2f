"""Copies of a source file as they occur: put into another layout, with other names, in part; and CodeXGLUE's rows."""

import ast
import collections
import io
import random
import re
import tokenize
from collections.abc import Iterable

_STRING = re.compile(r"""(?s)([a-zA-Z]*)('''|\"""|'|")(.*)\2""")
_DROPPED = (tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
# As many as CodeXGLUE keeps of the literals of its training set (CodeXGLUE, Code-Code/CodeCompletion-line).
KEPT_STRINGS, KEPT_NUMBERS = 200, 30


def reformatted(source: str) -> str:
    """The same program as `ast` writes it: no comments, its own line breaks, quotes and brackets.

    Raises:
      SyntaxError: not the Python that runs this.
    """
    return ast.unparse(ast.parse(source))


def renamed(source: str) -> str:
    """The same program with another name for each parameter, and for each variable that is assigned.

    Functions, classes, attributes and imports keep their names, comments and strings their words.

    Example: `def f(x):\\n    y = g(x)\\n` becomes `def f(x_):\\n    y_ = g(x_)\\n`.

    Raises:
      SyntaxError: not the Python that runs this.
    """
    own = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    # Not splitlines, which ends lines where tokenize does not, at form feeds for one.
    lines = list(io.StringIO(source))
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    # From the end, so that what comes before keeps its place.
    for before, token in reversed(list(zip(["", *(token.string for token in tokens)], tokens, strict=False))):
        if token.type == tokenize.NAME and token.string in own and before != ".":
            row, end = token.end
            lines[row - 1] = f"{lines[row - 1][:end]}_{lines[row - 1][end:]}"
    return "".join(lines)


def first_half(source: str) -> str:
    """The first half of its lines."""
    lines = source.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2])


def frequent_literals(sources: Iterable[str]) -> frozenset[str]:
    """The strings and numbers that CodeXGLUE's form would keep of these sources, as they stand in its marks."""
    strings, numbers = collections.Counter(), collections.Counter()
    for source in sources:
        for token in _tokens(source):
            if token.type == tokenize.STRING:
                strings[_STRING.fullmatch(token.string)[3]] += 1
            elif token.type == tokenize.NUMBER:
                numbers[token.string] += 1
    kept = [*strings.most_common(KEPT_STRINGS), *numbers.most_common(KEPT_NUMBERS)]
    return frozenset(literal for literal, _ in kept)


def codexglue_row(source: str, rng: random.Random, *, literals: frozenset[str]) -> dict[str, str] | None:
    """A row of CodeXGLUE's line completion: a source up to a random place in a random line, and the rest of the line.

    As its `preprocess.py` makes them: comments and indentation dropped, tokens joined by spaces, `<EOL>` for ends of
    lines, literals that are not in `literals` as `<STR_LIT>` and `<NUM_LIT>`.

    Returns:
      `input` and `gt`; None if the source is not Python 3 or has no line with two tokens.
    """
    out = [["<s>"]]
    for token in _tokens(source):
        text = " ".join(token.string.split())
        if token.type == tokenize.STRING:
            prefix, quote, inner = _STRING.fullmatch(token.string).groups()
            out[-1].append(f"{prefix}{quote}<STR_LIT{f':{inner}' if inner in literals else ''}>{quote}")
        elif token.type == tokenize.NUMBER:
            out[-1].append(f"<NUM_LIT:{text}>" if text in literals else "<NUM_LIT>")
        elif token.type in (tokenize.NEWLINE, tokenize.NL):
            out += [[]] if out[-1] else []
        elif token.type not in _DROPPED:
            out[-1].append(text)
    long = [number for number, line in enumerate(out) if number and len(line) > 1]
    if not long:
        return None
    number = rng.choice(long)
    cut = rng.randrange(1, len(out[number]))
    lines = [*out[:number], out[number][:cut]]
    return {"input": " <EOL> ".join(" ".join(line) for line in lines), "gt": " ".join(out[number][cut:])}


def _tokens(source: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
