"""What became of suggestions, in figures that can be printed."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence

# Source, "accepted", "dismissed" or None, accepted characters, and milliseconds of a suggestion.
Row = tuple[str, str | None, int, float]


@dataclasses.dataclass(frozen=True)
class Counts:
    """What became of suggestions.

    Attributes:
      shown, accepted, dismissed: suggestions; what is neither accepted nor dismissed was typed over, or left alone.
      acceptance_rate: accepted / shown; None where none was shown.
      accepted_characters: of suggestions, or of the parts of them that were accepted.
      typed_characters: by hand.
      completed_ratio: accepted / (accepted + typed) characters, the "ratio of completed code" of "Full Line Code
        Completion: Bringing AI to Desktop", https://arxiv.org/abs/2405.08704; of the sources alone that see what is
        typed, and None where none does.
      milliseconds: from a request to its suggestion, the median; None where none was shown.
    """

    shown: int
    accepted: int
    dismissed: int
    acceptance_rate: float | None
    accepted_characters: int
    typed_characters: int
    completed_ratio: float | None
    milliseconds: float | None


@dataclasses.dataclass(frozen=True)
class Summary:
    """Attributes:

    total: of all sources.
    sources: of each that showed or saw anything.
    """

    total: Counts
    sources: Mapping[str, Counts]


def summarize(rows: Sequence[Row], typed: Mapping[str, int]) -> Summary:
    """Counts suggestions.

    Args:
      rows: of each of them.
      typed: characters typed by hand, by source; a source that sees none is not in it.

    Example: of rows [("lsp", "accepted", 8, 21.5), ("lsp", None, 0, 20.5)] and typed {"lsp": 24} the total has an
      `acceptance_rate` of 0.5, a `completed_ratio` of 0.25 and 21 `milliseconds`.
    """
    names = sorted({row[0] for row in rows} | set(typed))
    sources = {
        name: _counts([row for row in rows if row[0] == name], {key: typed[key] for key in typed if key == name})
        for name in names
    }
    return Summary(_counts(rows, typed), sources)


def _counts(rows: Sequence[Row], typed: Mapping[str, int]) -> Counts:
    accepted = sum(row[1] == "accepted" for row in rows)
    by_hand = sum(typed.values())
    completed = sum(row[2] for row in rows if row[0] in typed)
    return Counts(
        shown=len(rows),
        accepted=accepted,
        dismissed=sum(row[1] == "dismissed" for row in rows),
        acceptance_rate=accepted / len(rows) if rows else None,
        accepted_characters=sum(row[2] for row in rows),
        typed_characters=by_hand,
        completed_ratio=completed / (completed + by_hand) if by_hand else None,
        milliseconds=statistics.median(row[3] for row in rows) if rows else None,
    )


def table(summary: Summary) -> str:
    """A line for each source, and one for all if there are several."""
    rows = [("", "shown", "accepted", "dismissed", "rate", "characters", "typed", "completed", "median ms")]
    several = [("total", summary.total)] if len(summary.sources) > 1 else []
    for name, one in [*summary.sources.items(), *several]:
        rate, ratio = ("-" if share is None else f"{share:.1%}" for share in (one.acceptance_rate, one.completed_ratio))
        shown, accepted, dismissed, completed, typed = (
            f"{count:,}"
            for count in (one.shown, one.accepted, one.dismissed, one.accepted_characters, one.typed_characters)
        )
        wait = "-" if one.milliseconds is None else f"{one.milliseconds:.0f}"
        rows.append((name, shown, accepted, dismissed, rate, completed, typed, ratio, wait))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ([cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(line) for line in lines)
