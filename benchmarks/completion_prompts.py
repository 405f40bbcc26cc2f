"""Places in held-out code where a completion is asked for."""

import dataclasses
import pathlib
import random

from benchmarks.measure import BenchmarkError
from preprocessing import prompt, shards

LONGEST = 512


@dataclasses.dataclass(frozen=True)
class Place:
    """A cursor in a line.

    Attributes:
      before: the last `LONGEST` tokens before it.
      to_end: tokens from it to the end of its line.
      text: of the file up to the cursor.
      line: the rest of the line.
    """

    before: list[int]
    to_end: int
    text: str
    line: str


def places(documents: pathlib.Path, codec: prompt.Codec, number: int, *, seed: int = 0) -> list[Place]:
    """Cursors behind words of lines of held-out files, one a file, with at least `LONGEST` tokens before them.

    Raises:
      BenchmarkError: there are not enough such files.
    """
    chance = random.Random(seed)
    files = sorted((file.path, file.content) for file in shards.read_documents(documents, "test"))
    chance.shuffle(files)
    found = []
    for _, text in files:
        starts = [i for i, character in enumerate(text) if character in " (.=" and _in_code(text, i)]
        chance.shuffle(starts)
        for start in starts[:20]:
            end = text.find("\n", start + 1)
            before, line = text[: start + 1], text[start + 1 : end if end >= 0 else len(text)]
            ids = codec.encode(before)
            if len(ids) >= LONGEST and 4 <= len(line) <= 60:
                found.append(Place(ids[-LONGEST:], len(codec.encode(line)), before, line))
                break
        if len(found) == number:
            return found
    raise BenchmarkError(
        f"{documents} has {len(found)} long held-out files, {number} are needed: give larger documents"
    )


def _in_code(text: str, start: int) -> bool:
    """Whether something stands before this place in its line, which is no comment."""
    line = text[text.rfind("\n", 0, start) + 1 : start].strip()
    return bool(line) and not line.startswith("#")
