"""Results in words, for the page and for Markdown: numbers, what is missing, how two providers compare."""

import decimal
from typing import Any


def number(value: float | None, digits: int = 1) -> str:
    """A number as the page writes it: halves away from zero, a real minus sign, "–" for None.

    Example: 6.25 is "6.3", -0.04 is "0.0", -2.0 is "−2.0".
    """
    if value is None:
        return "–"
    # The exact value of the float, as JavaScript's toFixed rounds it; format() would take 6.25 to 6.2.
    rounded = decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP)
    return f"−{-rounded}" if rounded < 0 else str(abs(rounded))


def figure(found: dict[str, Any] | float | None, digits: int = 1, *, bold: bool = False) -> str:
    """A figure with its interval: "14.1 (11.0 to 17.2)", or the number alone where there is none."""
    if not isinstance(found, dict):
        return number(found, digits)
    mean = number(found["mean"], digits)
    mean = f"**{mean}**" if bold else mean
    if found["low"] is None:
        return mean
    return f"{mean} ({number(found['low'], digits)} to {number(found['high'], digits)})"


def words(name: str) -> str:
    """A name of the results for people. Example: "after_dot" is "after dot"."""
    return name.replace("_", " ")


def times(number: int, what: str) -> str:
    """Example: 1 and "case" is "1 case", 1200 and "case" is "1,200 cases"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def missing(results: dict[str, Any]) -> list[dict[str, str | None]]:
    """What is partial or failed, a sentence each: `text`, and `suite` and `example` where one can be looked at."""
    found = [{"text": reason, "suite": None, "example": None} for reason in results["about"].get("partial", ())]
    for suite in results["suites"]:
        rows = suite.get("bad_rows") or []
        if rows:
            text = f"{suite['title']}: {times(len(rows), 'broken row')} left out, such as {rows[0]}"
            found.append({"text": text, "suite": None, "example": None})
        for provider in suite["providers"]:
            where, total = f"{suite['title']}, {provider['name']}", provider["total"]
            if not provider["complete"]:
                cases = f"{total['errors']} of {times(total['cases'], 'case')}"
                text = f"{where}: partial; {cases} without an answer count as wrong; the same command goes on"
                found.append({"text": text, "suite": None, "example": None})
            for failed in provider.get("failed", ()):
                text = f"{where}: {times(failed['cases'], 'case')} failed: {failed['reason']}"
                found.append({"text": text, "suite": suite["name"], "example": failed["example"]})
    return found


def compared(suite: dict[str, Any]) -> list[list[str]]:
    """The comparisons of a suite in words: for each pair of providers a sentence a measure, in the measures' order.

    Example: "model is 4.1 points above n-gram in exact match (2.0 to 6.3), better in 99 % of resamples".
    """
    return [
        [
            _sentence(one["first"], one["second"], measure["label"], one["figures"][measure["key"]])
            for measure in suite["measures"]
            if measure["key"] in one["figures"]
        ]
        for one in suite.get("comparisons", ())
    ]


def _sentence(first: str, second: str, label: str, found: dict[str, Any]) -> str:
    difference = found["difference"]
    below = difference["mean"] < 0
    size = number(abs(difference["mean"]))
    if not float(size):
        text = f"{first} is level with {second} in {label}"
    else:
        text = f"{first} is {size} points {'below' if below else 'above'} {second} in {label}"
    if difference["low"] is None:
        return f"{text} (no interval: fewer than two groups of cases)"
    ends = [difference["low"], difference["high"]]
    if ends[0] < 0 < ends[1]:
        # An interval across zero: which side is which must be said.
        text += f" ({number(-ends[0])} below to {number(ends[1])} above)"
    else:
        text += " ({} to {})".format(*(number(abs(end)) for end in sorted(ends, key=abs)))
    return f"{text}, {'worse' if below else 'better'} in {_share(found['worse' if below else 'better'])} resamples"


def _share(share: float) -> str:
    """Example: 1 is "all", 0.996 is "more than 99 % of", 0.99 is "99 % of", 0.004 is "less than 1 % of", 0 is "no"."""
    if share in (0, 1):
        return "all" if share else "no"
    if share > 0.99:
        return "more than 99 % of"
    return "less than 1 % of" if share < 0.01 else f"{number(100 * share, 0)} % of"
