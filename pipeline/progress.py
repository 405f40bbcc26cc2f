"""What the pipeline says while it works: a line a result, and on a terminal a last one of what its command says."""

import shutil
import sys
import time
from typing import TextIO

from pipeline.plan import Planned

# How often a line that is being written over is written anew, in seconds.
_EVERY_S = 0.2


class View:
    """Tells what is being made.

    Example of what stands there in the end:

        [  0 s] Documents 0b5525cadb: found
        [  1 s] Vocabulary 88023bce12: the pieces of text that the model reads
        [ 14 s] Vocabulary 88023bce12: made in 13 s
    """

    def __init__(self, stream: TextIO | None = None):
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._began = time.monotonic()
        self._shown = ""
        self._next = 0.0

    def found(self, planned: Planned) -> None:
        self._line(f"{planned.name}: found")

    def begins(self, planned: Planned) -> None:
        where = str(planned.place)
        self._line(f"{planned.name}: {planned.stage.about}{'' if where == 'here' else f', on {where}'}")

    def waits(self, planned: Planned | None = None) -> None:
        """Another process makes a result, or all that is not there yet."""
        self._line(f"{planned.name if planned else 'the rest'}: another pipeline makes it, waiting")

    def says(self, line: str) -> None:
        """The last line of a command; on a terminal it stands below, until there is another one."""
        if self._live and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_S
            self.clear()
            self._shown = ("    " + line.expandtabs())[: shutil.get_terminal_size().columns - 1]
            self._stream.write(self._shown)
            self._stream.flush()

    def made(self, planned: Planned, seconds: float) -> None:
        self._line(f"{planned.name}: made in {seconds:,.0f} s")

    def failed(self, error: BaseException) -> None:
        self._line(str(error))

    def _line(self, text: str) -> None:
        self.clear()
        print(f"[{time.monotonic() - self._began:3.0f} s] {text}", file=self._stream, flush=True)

    def clear(self) -> None:
        """Takes away what `says` wrote."""
        if self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()
            self._shown = ""
