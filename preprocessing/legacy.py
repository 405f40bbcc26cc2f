"""Legacy text as a source: one file a line, its newlines written as `Ċ`; the only place that knows this stand-in."""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from preprocessing import row_files
from preprocessing.source import Dropped, RawFile

NEWLINE = "Ċ"


@dataclasses.dataclass(frozen=True, slots=True)
class TextUnit(row_files.RangeUnit):
    """One text file; see `source.Unit`."""

    def read(self, *, max_bytes: int) -> Iterator[RawFile | Dropped]:
        mark = NEWLINE.encode()
        stem = self.range.name.removesuffix(".gz").removesuffix(".txt")
        repository = f"legacy/{stem}"
        # A newline is two bytes here.
        for number, line in self.range.lines(longest=2 * max_bytes):
            if line is None:
                yield Dropped("too_large", self.range.where(number))
            else:
                yield RawFile(repository, f"{number + 1:08d}.py", line.removesuffix(b"\n").replace(mark, b"\n"))


class TextSource:
    """Files of one document a line, as a `source.Source`.

    Such files do not say which repository a document is from. The text file stands for it (`train.txt` becomes
    `legacy/train`), so its documents stay in one split, and the number of the line is the path (`00000017.py`). What
    was a literal `Ċ` before such a file was made cannot be told from a newline any more.

    Args:
      root: a folder, of which all `.txt` files are read, or one file, gzipped or not.

    Raises:
      DataContractError: there is no such file.
    """

    def __init__(self, root: str | os.PathLike):
        self._files = row_files.list_files(root, endings=(".txt", ".txt.gz"))

    def units(self) -> list[TextUnit]:
        # One range a file, because paths are line numbers.
        return [TextUnit(row_files.LineRange(self._files.root, name, 0, size)) for name, size in self._files.sizes]

    def describe(self) -> dict[str, Any]:
        return self._files.describe("text")
