"""A line on stderr that says how far a command is: written over on a terminal, else a new one every half minute."""

import sys
import time

_WIDTH = 78


class ProgressLine:
    """One for all that a command does."""

    def __init__(self) -> None:
        self._written_over = sys.stderr.isatty()
        self._began = self._told = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        """Shows a text, unless one was shown a moment ago."""
        now = time.monotonic()
        if now - self._told < (0.2 if self._written_over else 30):
            return
        self._told = now
        shown = f"\r{text[:_WIDTH]:<{_WIDTH}}" if self._written_over else f"{text}\n"
        print(shown, end="", file=sys.stderr, flush=True)

    def end(self) -> float:
        """Takes the line away; the seconds it all took."""
        if self._written_over:
            print(f"\r{'':<{_WIDTH}}\r", end="", file=sys.stderr, flush=True)
        return self.seconds
