"""The figures of a typing simulation (`completion.typing_simulation`), from what happened at each key."""

import collections
from collections.abc import Sequence
from typing import Any

import numpy as np

from completion.typist import PLACES, TypedFile

RESAMPLES = 1000


class Totals:
    """Sums over files; suggestions themselves are not kept."""

    def __init__(self):
        self._counts: collections.Counter[str] = collections.Counter()
        self._places: dict[str, collections.Counter[str]] = {place: collections.Counter() for place in PLACES}
        self._milliseconds: dict[str, list[float]] = {place: [] for place in PLACES}
        self._files: list[dict[str, Any]] = []

    def add(self, file: TypedFile) -> None:
        sums = {
            "lines": file.lines,
            "lines_of_code": file.lines_of_code,
            "newlines": file.newlines,
            "characters": file.characters,
            "characters_typed": file.typed,
        }
        self._counts.update(sums)
        self._files.append({"file": file.name, **sums, "characters_accepted": file.accepted})
        for ask in file.asks:
            self._milliseconds[ask.place].append(ask.milliseconds)
            self._places[ask.place].update(
                asked=1,
                shown=int(ask.suggestion is not None),
                accepted=int(ask.accepted > 0),
                finished=int(ask.finishes),
                characters_accepted=ask.accepted,
                characters_matched=ask.matched,
            )

    def figures(self, *, seed: int = 0) -> dict[str, Any]:
        """All figures; shares are 0 to 1, and None where there is nothing to divide by.

        Args:
          seed: of the resamples.
        """
        counts = self._counts
        places = {"total": sum(self._places.values(), collections.Counter()), **self._places}
        times = {"total": [one for some in self._milliseconds.values() for one in some], **self._milliseconds}
        accepted = places["total"]["characters_accepted"]
        keys_without = counts["characters"] + counts["newlines"]
        keys = counts["characters_typed"] + places["total"]["accepted"] + counts["newlines"]
        pairs = [(file["characters_accepted"], file["characters"]) for file in self._files]
        perfect = self._places["line_start"]["finished"]
        return {
            "files": len(self._files),
            **counts,
            "characters_accepted": accepted,
            "ratio_of_completed_code": _share(accepted, counts["characters"]),
            "ratio_interval": interval(pairs, seed=seed),
            "perfect_lines": _share(perfect, counts["lines_of_code"]),
            "lines_finished_later": _share(places["total"]["finished"] - perfect, counts["lines_of_code"]),
            "keys": keys,
            "keys_without": keys_without,
            "keystrokes_saved": _share(keys_without - keys, keys_without),
            "places": {
                place: _of_place(found, times[place], characters=counts["characters"])
                for place, found in places.items()
            },
            "by_file": self._files,
        }


def interval(pairs: Sequence[tuple[int, int]], *, seed: int = 0) -> list[float] | None:
    """Between what two ratios of completed code 95 % lie, where as many files are drawn again and again, with return.

    Args:
      pairs: of each file the characters that were accepted, and all of code; more than 0 of them.

    Returns:
      The percentiles 2.5 and 97.5 of RESAMPLES ratios; None of fewer than two files, which say nothing of others.

    Source: the percentile bootstrap, B. Efron, Bootstrap Methods: Another Look at the Jackknife, 1979.
    """
    if len(pairs) < 2:
        return None
    chance, files = np.random.default_rng(seed), np.array(sorted(pairs))
    sums = np.array([files[chance.integers(len(files), size=len(files))].sum(axis=0) for _ in range(RESAMPLES)])
    return np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5]).tolist()


def _of_place(found: collections.Counter[str], milliseconds: list[float], *, characters: int) -> dict[str, Any]:
    median, p95 = np.percentile(milliseconds, [50, 95]).tolist() if milliseconds else (None, None)
    return {
        **{name: found[name] for name in ("asked", "shown", "accepted", "finished", "characters_accepted")},
        "acceptance": _share(found["accepted"], found["shown"]),
        "ratio_of_completed_code": _share(found["characters_accepted"], characters),
        "matched_characters": _share(found["characters_matched"], found["shown"]),
        "milliseconds_median": median,
        "milliseconds_p95": p95,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def table(figures: dict[str, Any]) -> str:
    """What `Totals.figures` found, to be read."""
    places = figures["places"]
    rows = [
        ("suggestions asked for", "asked", "{:,}"),
        ("shown", "shown", "{:,}"),
        ("accepted", "accepted", "{:,}"),
        ("accepted of those shown", "acceptance", "{:.1%}"),
        ("lines finished", "finished", "{:,}"),
        ("characters accepted", "characters_accepted", "{:,}"),
        ("ratio of completed code", "ratio_of_completed_code", "{:.1%}"),
        ("matched characters a suggestion", "matched_characters", "{:.2f}"),
        ("milliseconds, median", "milliseconds_median", "{:.1f}"),
        ("milliseconds, 95 % below", "milliseconds_p95", "{:.1f}"),
    ]
    lines = [_row("", [place.replace("_", " ") for place in places])]
    lines += [_row(name, [_text(form, place[key]) for place in places.values()]) for name, key, form in rows]
    between = figures["ratio_interval"]
    shares = [
        ("ratio of completed code", "ratio_of_completed_code", between and "{:.1%} to {:.1%}".format(*between)),
        ("perfect lines", "perfect_lines", "whole, from the start of the line"),
        ("lines finished later", "lines_finished_later", "from further on in the line"),
        ("keystrokes saved", "keystrokes_saved", f"{figures['keys']:,} of {figures['keys_without']:,} are left"),
    ]
    lines += ["", *(f"{name:<32}{_text('{:.1%}', figures[key]):>12}  {more or ''}" for name, key, more in shares)]
    return "\n".join(line.rstrip() for line in lines)


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<32}" + "".join(f"{cell:>12}" for cell in cells)


def _text(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)
