"""The baseline that copies: a line goes on as an earlier line of the same file did that began alike.

A model that is no better than this has learnt nothing that the file does not say already.
"""

import collections

from completion.evaluation.cases import Case, Prediction
from completion.metrics import edit_similarity


class CopyFromFile:
    """Completes a line by the earlier lines that begin with what is typed of it: the most frequent rest first, then the
    nearest. Where nothing is typed yet, by the line behind the earlier line that is most like the last one.
    """

    name = "copy"

    def answer(self, case: Case) -> Prediction:
        """See `providers.Provider`; candidates are ranked by how often the file has them, then by how near."""
        if case.candidates:
            words = collections.Counter(_names(case.prompt))
            texts = tuple(sorted(case.candidates, key=lambda name: (-words[name], -case.prompt.rfind(name), name)))
            return Prediction(case.id, case.suite, self.name, texts, tuple(float(words[name]) for name in texts))
        *before, typed = case.prompt.split("\n")
        rests = self._began_alike(before, typed.lstrip()) if typed.strip() else self._behind_alike(before)
        return Prediction(case.id, case.suite, self.name, tuple(rests[:10]))

    @staticmethod
    def _began_alike(before: list[str], typed: str) -> list[str]:
        """The rests of lines that begin with what is typed, the most frequent first, the nearest of equals."""
        counts: dict[str, list[int]] = {}
        for number, line in enumerate(before):
            line = line.strip()
            if line.startswith(typed) and len(line) > len(typed):
                found = counts.setdefault(line[len(typed) :], [0, 0])
                found[0], found[1] = found[0] + 1, number
        return sorted(counts, key=lambda rest: (-counts[rest][0], -counts[rest][1]))

    @staticmethod
    def _behind_alike(before: list[str]) -> list[str]:
        """The line behind the line that is most like the last one."""
        lines = [line.strip() for line in before if line.strip()]
        if len(lines) < 2:
            return []
        last = lines[-1]
        best = max(range(len(lines) - 1), key=lambda i: (edit_similarity(last, lines[i]), i))
        return [lines[best + 1]]


def _names(text: str) -> list[str]:
    """Words of a text, as far as names are made of them."""
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
