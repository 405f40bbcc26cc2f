"""What a model is asked to complete, and the tokens that it reads for it.

The layouts are those of `preprocessing.prompt`, in which training puts infilling and other files too.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

from completion import healing
from preprocessing import contract, prompt

# More characters than a token of code has in the mean, by far; and, squared, more than a token can have.
_CHARACTERS = 32


@dataclasses.dataclass(frozen=True)
class Request:
    """A place in a file.

    Attributes:
      prompt: the text before the cursor.
      suffix: the text after it, up to the end of the file, to be infilled before; None to go on writing.
      files: (path, text) of other files of the repository, the most related first.
      path: of the file at hand, "" where it is not known.
    """

    prompt: str
    suffix: str | None = None
    files: tuple[tuple[str, str], ...] = ()
    path: str = ""

    @classmethod
    def from_row(cls, row: Any, *, where: str) -> "Request":
        """Reads a JSON object; fields that mean nothing here are passed over.

        Args:
          row: {"prompt": text, "suffix": text or null, "files": [{"path": text, "text": text}, ...], "path": text}, all
            but the first optional.
          where: the row's address, for errors.

        Raises:
          ValueError: a field is missing or of another kind.

        Example: `Request.from_row({"prompt": "x = ", "suffix": "\\n"}, where="a.jsonl:1")` is `Request("x = ", "\\n")`.
        """
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
            raise ValueError(f'{where} has no text "prompt": expected {{"prompt": "import os\\n"}}')
        if not isinstance(row.get("suffix"), str | None):
            raise ValueError(f'{where}: "suffix" is the text after the cursor, or null, got {row["suffix"]!r}')
        if not isinstance(row.get("path", ""), str):
            raise ValueError(f'{where}: "path" is the path of the file in its repository, got {row["path"]!r}')
        files = row.get("files", [])
        if not isinstance(files, list) or not all(_is_file(file) for file in files):
            raise ValueError(
                f'{where}: "files" is a list such as [{{"path": "a.py", "text": "x = 1\\n"}}], got {files!r}'
            )
        pairs = tuple((file["path"], file["text"]) for file in files)
        return cls(row["prompt"], row.get("suffix"), pairs, row.get("path", ""))


@functools.lru_cache(maxsize=8)
def _context(codec: prompt.Codec, files: tuple[tuple[str, str], ...], path: str, budget: int) -> list[int]:
    """Kept, because it stays the same from one key to the next."""
    return prompt.context(codec, files, path=path, budget=budget)


def _check_text(name: str, text: str) -> None:
    """Half a character in two parts (a surrogate alone) can stand in JSON, but in no file."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} has half a character at {error.start:,} (U+{ord(text[error.start]):04X} alone): send whole ones"
        ) from error


def _is_file(file: Any) -> bool:
    return isinstance(file, dict) and all(isinstance(file.get(name), str) for name in ("path", "text"))


class Rows(NamedTuple):
    """What a model is given for a request.

    Attributes:
      read: the ids that it reads.
      begun: the ids that its answer is made to begin with.
      taken_back: the id of the last piece before the cursor, which stands in neither of them; what the model writes
        first must begin with its text. None where nothing was taken back.
    """

    read: list[int]
    begun: list[int]
    taken_back: int | None = None


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the tokens of a request are laid out for one model.

    Attributes:
      codec: of the model.
      max_inputs: the most tokens that it reads, without the EOS of a delimited model.
      max_forced: the most tokens that its answer can be made to begin with.
      delimited: whether it reads prompt and answer in one row, and prompts end in EOS.
      one_row: whether it reads prompt and answer in one row, as all decoder-only models do.
      context_budget: the most tokens of other files; 0 for none.
      infills: whether it was trained to fill in.

    Raises:
      ValueError: the budget leaves no room for a prompt.
    """

    codec: prompt.Codec
    max_inputs: int
    max_forced: int
    delimited: bool
    one_row: bool = False
    context_budget: int = 0
    infills: bool = False

    def __post_init__(self):
        # Three markers of infilling and a token.
        if self.context_budget < 0 or (self.context_budget and self.context_budget > self.max_inputs - 4):
            raise ValueError(
                f"a context budget of {self.context_budget} tokens: the model reads {self.max_inputs} in all, so it is "
                f"0 to {max(self.max_inputs - 4, 0)}"
            )

    def check(self, request: Request) -> None:
        """Raises ValueError where the model was not trained for what a request needs, or the request is no text."""
        for name, text in (("prompt", request.prompt), ("suffix", request.suffix or ""), ("path", request.path)):
            _check_text(name, text)
        for path, text in request.files:
            _check_text("files", path + text)
        if request.suffix is not None and not self.infills:
            raise ValueError(
                "a request has a suffix, but this model was not trained to fill in: code_t5.infilling.rate in its "
                "operative_config.gin is missing or 0. Leave the suffix out, or train a model with "
                "--gin_file=objectives/code_infilling.gin"
            )
        if request.files and not self.context_budget:
            raise ValueError(
                "a request has files, but this model was trained without other files: code_t5.context.budget in its "
                "operative_config.gin is missing or 0. Leave the files out, or give them so many tokens all the same "
                "with --context_budget"
            )

    @functools.cached_property
    def piece_order(self) -> healing.PieceOrder:
        """Of the codec."""
        return healing.PieceOrder(self.codec)

    def rows(self, request: Request, *, heal: bool = True) -> Rows:
        """The ids that the model reads, those that its answer is made to begin with, and the one that was taken back.

        Without a suffix an encoder-decoder reads the lines before the cursor's, and its answer begins with what stands
        in that line already: it goes on with a line more surely than it takes one up. A decoder reads all in one row
        anyway. The newline before the cursor's line goes with that line, because its piece may hold the indentation,
        too: so the two parts are the ids of the whole prompt, as training cuts them. The last of these ids is taken
        back (`healing`) where it is a text piece: a newline, too, since a piece may hold it and an indentation of which
        only a part was typed.

        With a suffix it is the same: the suffix stands behind the lines that are read, and the answer begins with the
        cursor's line, as in training, where holes begin with a line. So what is read does not change while a line is
        typed.

        Example: "import os\\n    x = os." is read as "import os", the answer begins with "\\n    x = os", and "." is
          taken back.
        """
        before = self._context(request)
        room = self.max_inputs - len(before)
        if request.suffix is not None:
            return self._rows_to_fill(request, before, room, heal=heal)
        text = request.prompt
        border = text.rfind("\n")
        if self.in_one_row or border <= 0:
            ids, taken_back = self._taken_back(self._end_of(text, room + 1), heal)
            return Rows(self._ended([*before, *prompt.left_cut(ids, room)]), [], taken_back)
        line, taken_back = self._taken_back(self._end_of(text[border:], self.max_forced + 1), heal)
        read = prompt.left_cut(self._end_of(text[:border], room), room)
        return Rows(self._ended([*before, *read]), list(prompt.left_cut(line, self.max_forced)), taken_back)

    def _rows_to_fill(self, request: Request, before: list[int], room: int, *, heal: bool) -> Rows:
        """Rows where there is a suffix: the cursor's line begins the answer of every model, as in training."""
        border = max(request.prompt.rfind("\n"), 0)
        line, taken_back = self._taken_back(self._end_of(request.prompt[border:], self.max_forced + 1), heal)
        # The file ends behind the suffix, which training shows by EOS; a delimited row has its one EOS at its end.
        suffix = self._begin_of(request.suffix, room)
        if not self.delimited:
            suffix = [*suffix, contract.EOS_ID]
        ids = contract.special_ids(self.codec.vocab_size)
        read = prompt.infilling(self._end_of(request.prompt[:border], room), suffix, ids=ids, max_tokens=room)
        return Rows(self._ended([*before, *read]), list(prompt.left_cut(line, self.max_forced)), taken_back)

    def _end_of(self, text: str, tokens: int) -> list[int]:
        """Ids of a text, or of its end: at least so many of the last ones as they would be of the whole.

        Files may have megabytes, of which a model reads the last kilobytes. Lines are encoded alone (a newline begins a
        piece), so an end that begins with a line has the ids that it has in the whole; a line is cut only where it is
        longer than all that can be read by far.
        """
        for characters in (tokens * _CHARACTERS, tokens * _CHARACTERS**2):
            start = text.find("\n", max(0, len(text) - characters))
            if start <= 0 or len(text) <= characters:
                break
            ids = self.codec.encode(text[start:])
            if len(ids) >= tokens:
                return ids
        return self.codec.encode(text[-tokens * _CHARACTERS**2 :])

    def _begin_of(self, text: str, tokens: int) -> list[int]:
        """Ids of a text, or of its beginning: at least so many of the first ones as they would be of the whole."""
        end = text.find("\n", tokens * _CHARACTERS)
        ids = self.codec.encode(text[:end] if end >= 0 else text[: tokens * _CHARACTERS**2])
        return ids if end < 0 or len(ids) >= tokens else self.codec.encode(text[: tokens * _CHARACTERS**2])

    @property
    def in_one_row(self) -> bool:
        """Whether prompt and answer are one row, as for all decoder-only models."""
        return self.one_row or self.delimited

    def _taken_back(self, ids: list[int], heal: bool) -> tuple[list[int], int | None]:
        if heal and ids and self.piece_order.heals(ids[-1]):
            return ids[:-1], ids[-1]
        return ids, None

    def first_tokens(self, rows: Rows) -> tuple[int, int]:
        """The range of ranks that the first token written is bound to."""
        if rows.taken_back is None:
            return healing.NOT_HEALED
        return self.piece_order.continuing(rows.taken_back)

    def _context(self, request: Request) -> list[int]:
        if not self.context_budget or not (request.files or request.path):
            return []
        return list(_context(self.codec, request.files, request.path, self.context_budget))

    def _ended(self, ids: Sequence[int]) -> list[int]:
        return [*ids, contract.EOS_ID] if self.delimited else list(ids)

    def stop_ids(self, *, infilling: bool, one_line: bool) -> list[int]:
        """The tokens any of which ends an answer; the first of them is written for it.

        That is none of the newlines: an answer may begin with one that was taken back.
        """
        ends = [contract.special_ids(self.codec.vocab_size)["end_of_insertion"]] if infilling else []
        return [*ends, contract.EOS_ID, *(self.codec.line_ends() if one_line else [])]
