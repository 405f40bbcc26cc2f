"""Files that are there as a whole or not at all, whatever stops the writing."""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import TextIO


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[TextIO]:
    """A text file in UTF-8 that takes the place of `path` when the block ends well; else nothing of it is left.

    Newlines stay as they are. Half a character (a lone surrogate, which JSON can hold and UTF-8 cannot) is written as
    JSON and Python escape it: backslash, u, d800.

    Raises:
      OSError: it cannot be written.
    """
    path = pathlib.Path(path)
    beside = path.with_name(path.name + ".incomplete")
    try:
        with beside.open("w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
            yield file
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write(path: str | os.PathLike, text: str) -> None:
    """Writes a text; see `writing`."""
    with writing(path) as file:
        file.write(text)
