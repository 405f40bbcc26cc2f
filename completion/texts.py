"""Where the text of an answer ends, and how much of it is certain while it is written."""

import dataclasses

from preprocessing import prompt

# What stands for bytes that are no character, or not yet; and what `prompt.escape` begins its two characters with.
_UNFINISHED = "\ufffd" + prompt.ESCAPE


@dataclasses.dataclass(frozen=True)
class Limits:
    """Where an answer ends, beside where the model ends it.

    Attributes:
      one_line: whether at the end of the first line.
      stop: texts before the first of which it ends.
    """

    one_line: bool = True
    stop: tuple[str, ...] = ()

    def reached(self, text: str) -> bool:
        """Whether a text has one of the stop texts in it."""
        return any(one in text for one in self.stop)

    def cut(self, text: str, *, ended: bool) -> str:
        """An answer's text, up to its end.

        Args:
          ended: whether it came to an end; else its last character may be written in part.

        Example: with the stop text "#", "x = 1  # one" is "x = 1  ".
        """
        text = prompt.first_line(text) if self.one_line else text
        text = text[: min((text.find(one) for one in self.stop if one in text), default=None)]
        return text if ended else text.rstrip(_UNFINISHED)

    def certain(self, text: str) -> str:
        """What of a text stays, whatever is written after it: no part of a character, no beginning of a stop text.

        Example: with the stop text "\\n\\n", "x = 1\\n" is certain up to "x = 1".
        """
        if self.reached(text) or (self.one_line and "\n" in text):
            return self.cut(text, ended=True)
        text = self.cut(text, ended=False)
        begun = [n for one in self.stop for n in range(1, len(one)) if text.endswith(one[:n])]
        return text[: len(text) - max(begun, default=0)]
