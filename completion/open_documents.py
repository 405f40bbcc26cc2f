"""What stands in an editor's documents, kept up to date by its incremental changes.

A line ends at "\\n", "\\r\\n" or "\\r" and nowhere else, and a column is counted in the units that editor and server
agreed on: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.18/specification/#textDocuments
pygls 2.1.1 keeps documents, too, but ends lines at form feeds and the like, as `str.splitlines` does, so that it loses
track of files that have one; and takes a column beyond the end of the last line for the one before its last character.
"""

import re
from collections.abc import Sequence

from lsprotocol import types

_NEWLINE = re.compile(r"\r\n|\n|\r")
_INDENTATION = re.compile(r"(\r\n|\n|\r)[ \t]+")
# An editor may gather the keys of some 150 ms in one change; what is longer was pasted, or another completion.
_MOST_TYPED = 8


class OpenDocument:
    """A document that is open in an editor.

    Attributes:
      text: as it is now, newlines as they are.
      language: as the editor names it, "python" say.
      offered: what the text would be with each suggestion that is shown -> what the suggestion is known by. How an
        editor says what it changed does not matter then: a suggestion "x)" before ")" may come as one of ")x".
    """

    def __init__(self, text: str, *, language: str, encoding: str):
        """Args:

        text: as it was opened.
        language: as the editor names it.
        encoding: of columns: "utf-8", "utf-16" or "utf-32".
        """
        self.text = text
        self.language = language
        self._encoding = encoding
        self.offered: dict[str, str | None] = {}

    def index(self, position: types.Position) -> int:
        """The characters before a position; one beyond its line is the line's end, one beyond the text the text's.

        Example: in 'a = "😀"', UTF-16, column 7 is the closing quotation mark, of index 6.
        """
        start = 0
        for _ in range(position.line):
            newline = _NEWLINE.search(self.text, start)
            if newline is None:
                return len(self.text)
            start = newline.end()
        units = 0
        for i, char in enumerate(self.text[start : self._line_end(start)]):
            units += self._units(char)
            if units > position.character:
                return start + i
        return self._line_end(start)

    def position(self, index: int) -> types.Position:
        """The position of an index."""
        newlines = list(_NEWLINE.finditer(self.text, 0, index))
        start = newlines[-1].end() if newlines else 0
        return types.Position(len(newlines), sum(map(self._units, self.text[start:index])))

    def line(self, index: int) -> tuple[str, str]:
        """The parts of a line before and behind an index, without its end."""
        start = max(self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)) + 1
        return self.text[start:index], self.text[index : self._line_end(index)]

    def change(self, changes: Sequence[types.TextDocumentContentChangeEvent]) -> int:
        """Makes changes, one after the other.

        Returns:
          How many characters were typed by hand, an editor's indentation after a newline left out: all of a change that
          is short, and nothing of one that makes the text what a suggestion would make it.
        """
        typed = 0
        for one in changes:
            if isinstance(one, types.TextDocumentContentChangePartial):
                start, end = self.index(one.range.start), self.index(one.range.end)
                self.text = self.text[:start] + one.text + self.text[end:]
                keys = len(_INDENTATION.sub(r"\1", one.text))
                typed += keys if keys <= _MOST_TYPED and self.text not in self.offered else 0
            else:
                self.text = one.text
        return typed

    def _line_end(self, index: int) -> int:
        newline = _NEWLINE.search(self.text, index)
        return newline.start() if newline else len(self.text)

    def _units(self, char: str) -> int:
        if self._encoding == types.PositionEncodingKind.Utf32:
            return 1
        if self._encoding == types.PositionEncodingKind.Utf8:
            return len(char.encode("utf-8", "surrogatepass"))
        return 1 + (ord(char) > 0xFFFF)
