"""The result of an evaluation in words and Markdown: the numbers of the page, for a terminal or beside a paper."""

from collections.abc import Iterable, Iterator
from typing import Any

from completion.evaluation.report.wording import compared, figure, missing, number, times, words

# Examples of each suite, and characters of the line before the cursor.
EXAMPLES = 3
MOST = 100


def markdown(results: dict[str, Any]) -> str:
    """All figures as tables, with comparisons in words and a few examples.

    Args:
      results: what results.json holds.

    Example: a figure with its interval is "14.1 (11.0 to 17.2)"; the highest of a column is bold.
    """
    about = results["about"]
    parts = [f"# How well {_text(about['model'])} completes code"]
    parts.append(
        f"Made {_text(about['made'])}, seed {about['seed']}, documents {_code(about['documents'])}.  \n"
        f"{_code(about['command'])}\n\nFigures are percent, with 95 % intervals."
    )
    lines = [f"- {_text(one['text'])}" for one in missing(results)]
    parts.append("## What is missing\n\n" + ("\n".join(lines) if lines else "Nothing."))
    for suite in results["suites"]:
        parts += _suite(suite)
        shown = [one for one in results["examples"] if one["suite"] == suite["name"]][:EXAMPLES]
        if shown:
            parts.append("### Examples\n\n" + "\n\n".join(map(_example, shown)))
    return "\n\n".join(parts) + "\n"


def _suite(suite: dict[str, Any]) -> Iterator[str]:
    labels = {one["key"]: one["label"] for one in suite["measures"]}
    left_out = [f"{count} {words(reason)}" for reason, count in suite.get("left_out") or ()]
    yield f"## {_text(suite['title'])}"
    yield _text(suite["about"])
    yield _text(times(suite["cases"], "case") + (f"; left out: {', '.join(left_out)}" if left_out else ""))
    providers = suite["providers"]
    totals = [one["total"]["figures"] for one in providers]
    best = {key: _best([figures.get(key) for figures in totals]) for key in labels}
    yield _table(
        ["provider", *labels.values(), "without answer", "median ms"],
        [
            [_text(one["name"]) + ("" if one["complete"] else " (partial)")]
            + [figure(one["total"]["figures"].get(key), bold=best[key][row]) for key in labels]
            + [str(one["total"]["errors"]), number(one["median_milliseconds"])]
            for row, one in enumerate(providers)
        ],
    )
    sentences = [line for pair in compared(suite) for line in pair]
    if sentences:
        yield "\n".join(f"- {_text(line)}" for line in sentences)
    yield from _likelihood(suite)
    yield from _slices(suite, labels)
    yield from _symbols(suite, labels)
    yield from _confusions(suite)
    for provider, found in (suite.get("calibration") or {}).items():
        yield f"### Calibration of {_text(provider)}"
        keys = ("confidence", "accuracy")
        yield f"Expected calibration error {number(found['expected_error'], 3)}."
        rows = [
            [
                f"{number(one['low'])} to {number(one['high'])}",
                str(one["cases"]),
                *(number(one[key], 3) for key in keys),
            ]
            for one in found["bins"]
        ]
        yield _table(["confidence", "cases", "mean confidence", "accuracy"], rows)
    yield "Measures:\n\n" + "\n".join(f"- {_text(one['label'])}: {_text(one['about'])}" for one in suite["measures"])


def _likelihood(suite: dict[str, Any]) -> Iterator[str]:
    if not suite.get("likelihood"):
        return
    digits = {"top_1": 1, "top_3": 1, "top_5": 1, "perplexity": 2, "bits_per_byte": 3}
    yield "### Likelihood of what was written"
    yield _table(
        ["provider", "token top-1", "token top-3", "token top-5", "perplexity", "bits per byte", "tokens", "bytes"],
        [
            [
                _text(name),
                *(figure(one.get(key), digits[key]) for key in digits),
                str(one["tokens"]),
                str(one["bytes"]),
            ]
            for name, one in suite["likelihood"].items()
        ],
    )


def _slices(suite: dict[str, Any], labels: dict[str, str]) -> Iterator[str]:
    providers = suite["providers"]
    for division in dict.fromkeys(name for one in providers for name in one.get("slices") or ()):
        values = dict.fromkeys(value for one in providers for value in (one.get("slices") or {}).get(division, ()))
        yield f"### By {_text(words(division))}"
        rows = []
        for value in values:
            for one in providers:
                part = (one.get("slices") or {}).get(division, {}).get(value)
                if part:
                    figures = [figure(part["figures"].get(key)) for key in labels]
                    rows.append([_text(words(value)), _text(one["name"]), str(part["cases"]), *figures])
        yield _table([words(division), "provider", "cases", *labels.values()], rows)


def _symbols(suite: dict[str, Any], labels: dict[str, str]) -> Iterator[str]:
    found = suite.get("symbols")
    if not found:
        return
    providers = dict.fromkeys(name for one in found for name in one["providers"])
    columns = [
        (name, key)
        for name in providers
        for key in labels
        if any(one["providers"].get(name, {}).get(key) is not None for one in found)
    ]
    yield "### By symbol"
    yield _table(
        ["symbol", "cases", "fallback", *(f"{name} {labels[key]}" for name, key in columns)],
        [
            [_text(one["symbol"]), str(one["cases"]), "popularity" if one["fallback"] else ""]
            + [number(one["providers"].get(name, {}).get(key)) for name, key in columns]
            for one in sorted(found, key=lambda one: -one["cases"])
        ],
    )


def _confusions(suite: dict[str, Any]) -> Iterator[str]:
    for provider, found in (suite.get("confusions") or {}).items():
        yield f"### Confusions of {_text(provider)}"
        yield "Kinds of tokens: expected in rows, predicted in columns."
        rows = zip(found["kinds"], found["matrix"], strict=True)
        yield _table(["expected", *found["kinds"]], [[_text(kind), *map(str, row)] for kind, row in rows])
        if found["identifiers"]:
            rows = [
                [*(_code(one[name]).replace("|", "\\|") for name in ("expected", "predicted")), str(one["cases"])]
                for one in found["identifiers"]
            ]
            yield _table(["expected", "predicted", "cases"], rows)


def _example(example: dict[str, Any]) -> str:
    line = example["prompt"].rpartition("\n")[2][-MOST:]
    lines = [f"{_code(example['id'])}: behind {_code(line)} stands {_code(_short(example['expected']))}", ""]
    for provider, answer in example["answers"].items():
        if answer["error"] is not None:
            said = f"no answer: {_text(answer['error'])}"
        else:
            said = _code(_short(answer["texts"][0])) if answer["texts"] else "nothing"
            rank = 1 if answer["exact_match"] else answer["rank"]
            said += ", right" if rank == 1 else f", right at rank {rank}" if rank else ", not right"
        lines.append(f"- {_text(provider)}: {said}")
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= MOST else text[:MOST] + " …"


def _best(figures: list[dict[str, Any] | None]) -> list[bool]:
    """Which are the highest by what can be read of them; none where all are the same."""
    means = [one["mean"] for one in figures if one]
    shown = [number(one["mean"]) if one else None for one in figures]
    highest = number(max(means)) if means else None
    distinct = len({one for one in shown if one is not None}) > 1
    return [distinct and one == highest for one in shown]


def _table(columns: list[str], rows: Iterable[list[str]]) -> str:
    """Columns are texts, cells are Markdown."""
    lines = [list(map(_text, columns)), ["---"] + ["--:"] * (len(columns) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    text = " ".join(str(text).split())
    for mark in "\\`*_[]<>|#~&":
        text = text.replace(mark, f"\\{mark}")
    return text


def _code(text: str) -> str:
    """Code on one line, within more backticks than stand in it; newlines are shown as ⏎."""
    text = str(text).replace("\r", "").replace("\n", "⏎")
    ticks = "`"
    while ticks in text:
        ticks += "`"
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"
