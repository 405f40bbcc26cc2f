"""How far the lines of a Python file are indented, guessed from their tokens alone.

What is certain: one deeper behind a line that ends with a colon; `elif`, `else`, `except` and `finally` as deep as what
they go on with. The rest is what is usual: a block ends behind `return`, `raise`, `pass`, `break` and `continue`,
methods stand in the outermost class, `self` in a method, other functions in no block unless they follow a function's
head or its decorator, classes and `if __name__` in none. Any other line stands where the one before it does, so that
where a block ends by nothing but its indentation, what follows is too deep until one of these words is met.
"""

import dataclasses

WIDTH = 4
_HEADS = frozenset("async class def elif else except finally for if try while with".split())
# What stands as deep as the blocks that it goes on with.
_GOES_ON = {
    "elif": ("if", "elif"),
    "else": ("if", "elif", "for", "while", "try", "except"),
    "except": ("try", "except"),
    "finally": ("try", "except", "else"),
}
_LAST = ("return", "raise", "pass", "break", "continue")
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")


@dataclasses.dataclass(frozen=True)
class _Block:
    """What is indented under a line.

    Attributes:
      kind: the first word of that line.
      depth: of that line, 0 for the outermost.
      method: whether it is a function with `self` or `cls`.
    """

    kind: str
    depth: int
    method: bool


class Indentation:
    """Guesses for the lines of one file."""

    def __init__(self):
        self._blocks: list[_Block] = []
        # The tokens of the last statement, of all its lines, and its depth.
        self._statement: list[str] = []
        self._depth = 0
        # Of each open bracket the columns of what stands in it, and of the bracket that closes it.
        self._brackets: list[tuple[int, int]] = []

    def of(self, tokens: list[str], line: str) -> int:
        """Blanks before the next line.

        Args:
          tokens: of the line.
          line: as it is written behind these blanks.
        """
        if self._brackets:
            blanks = self._brackets[-1][bool(tokens) and tokens[0] in _CLOSING]
        else:
            self._depth = self._next_depth(tokens or [""])
            self._statement = []
            blanks = WIDTH * self._depth
        self._statement += tokens
        at = 0
        for token in tokens:
            at = line.index(token, at) + len(token)
            if token in _OPENING:
                # What stands behind the bracket in its line is stood under; else it is one deeper than that line.
                self._brackets.append((blanks + at, blanks + at) if at < len(line) else (blanks + WIDTH, blanks))
            elif token in _CLOSING and self._brackets:
                self._brackets.pop()
        return blanks

    def _next_depth(self, tokens: list[str]) -> int:
        last = self._statement or [""]
        if last[-1] == ":" and last[0] in _HEADS:
            self._blocks.append(_Block(last[last[0] == "async"], self._depth, _is_method(last)))
            return self._depth + 1
        depth = self._guess(tokens)
        while self._blocks and self._blocks[-1].depth >= depth:
            self._blocks.pop()
        return depth

    def _guess(self, tokens: list[str]) -> int:
        first, last = tokens[0], self._statement or [""]
        depth = max(0, self._depth - (last[0] in _LAST))
        if first in _GOES_ON:
            return next((one.depth for one in reversed(self._blocks) if one.kind in _GOES_ON[first]), depth)
        if last[0] == "@":
            return self._depth
        in_class = next((one.depth + 1 for one in self._blocks if one.kind == "class"), 0)
        if first == "@" or (first in ("def", "async") and _is_method(tokens)):
            return in_class
        if first == "class":
            # Django's classes in classes, the only usual ones.
            return in_class if tokens[1:2] in (["Meta"], ["Media"]) else 0
        if first in ("def", "async"):
            nested = depth == self._depth and self._blocks and self._blocks[-1].kind == "def"
            return depth if nested else 0
        if tokens[:2] == ["if", "__name__"]:
            return 0
        if "self" in tokens:
            return max(depth, next((one.depth + 1 for one in reversed(self._blocks) if one.method), 0))
        return depth


def _is_method(tokens: list[str]) -> bool:
    """Whether `def name ( self` begins a line, as far as it is there."""
    return "def" in tokens[:2] and (len(tokens) < 4 or bool({"self", "cls"} & set(tokens[3:5])))
