"""An engine that suggests what it is told to, for the laws of what is made of suggestions."""

import collections
from collections.abc import Callable

from completion.engine import Suggestion
from completion.requests import Request


class Told:
    """Attributes:

    requests: that it was asked. filters: of the last one.
    """

    def __init__(self, suggest: Callable[[Request], str | None]):
        self._suggest = suggest
        self.requests: list[Request] = []
        self.filters = None
        self.counts: collections.Counter[str] = collections.Counter()

    def complete(self, request, decoding=None, *, one_line, filters) -> list[Suggestion]:
        assert one_line
        self.requests.append(request)
        self.filters = filters
        text = self._suggest(request)
        return [] if text is None else [Suggestion(text, 0.0, (), (), True)]


def rest_of_line(text: str, before: str) -> str:
    """What is to be typed of the line in which a text goes on."""
    assert text.startswith(before)
    return text[len(before) :].partition("\n")[0].rstrip()


def oracle(text: str) -> Told:
    """Suggests the true rest of each line of a text."""
    return Told(lambda request: rest_of_line(text, request.prompt))
