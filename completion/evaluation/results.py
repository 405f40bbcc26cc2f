"""All figures of a run, or of several beside each other, as one document: the pages are made of it alone.

They are made of what is in a run's folder, so they can be made again, and of a run that was interrupted:

OUT/run.json              what was asked of whom, see `Run`
OUT/line/suite.json       what was left out
OUT/line/cases.jsonl      and the answers, see `runs`
"""

import collections
import dataclasses
import json
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from completion import whole_file
from completion.evaluation import calibration, confusions, runs, scores, suites, symbol_suite
from completion.evaluation.cases import Case, Prediction
from completion.evaluation.report import plots
from completion.evaluation.runs import Answers
from completion.evaluation.scores import Measure

SCHEMA = 1
RUN, SUITE, LIKELIHOOD = "run.json", "suite.json", "likelihood.json"
# Baselines stand behind what they are compared with, in this order.
POPULARITY = "popularity"
BASELINES = ("n-gram", POPULARITY, "alphabetical", "copy")
# Beside the examples of the suite of that name, the first cases of each other suite are shown.
SHOWN_CASES = 100
_SHOWN_LINES, _SHOWN_TEXTS = 30, 5


def gather(folders: Mapping[str, pathlib.Path]) -> dict[str, Any]:
    """The figures of a run, or of several side by side.

    Args:
      folders: name -> folder of a run. The names of several stand before those of their providers: "new: model".

    Returns:
      A JSON document: `about`, `suites` and `examples`.

    Raises:
      OSError, ValueError: a folder is none of a run.
    """
    about = {name: _run(folder / RUN) for name, folder in folders.items()}
    partial = [note for one in about.values() for note in one.get("partial", [])]
    made, examples = [], []
    for name in suites.SUITES:
        there = {
            f"{run}: " if len(folders) > 1 else "": folder / name
            for run, folder in folders.items()
            if (folder / name / runs.CASES).exists()
        }
        if not there:
            continue
        if len(there) < len(folders):
            partial.append(f"{name}: only {', '.join(run.removesuffix(': ') for run in there)} was asked this")
        cases, answers, bad = _read(there, partial)
        if cases and not any(case.expected for case in cases):
            partial.append(f"{name}: its rows have no answers, so nothing is scored; the predictions are in its folder")
        elif cases:
            measure = suites.measure(name, there, cases)
            suite = _suite(name, next(iter(there.values())), cases, answers, measure, _likelihood(there))
            suite["bad_rows"] += bad
            made.append(suite)
            shown = cases if name == "examples" else cases[:SHOWN_CASES]
            examples += [_example(case, answers, measure) for case in shown]
    if not made:
        raise ValueError("; ".join(partial) or f"no suite was asked in {', '.join(map(str, folders.values()))}")
    first = next(iter(about.values()))
    return {"schema": SCHEMA, "about": {**first["about"], "partial": partial}, "suites": made, "examples": examples}


def write(path: pathlib.Path, content: dict[str, Any]) -> None:
    """Writes a JSON document, whole or not at all."""
    whole_file.write(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _run(path: pathlib.Path) -> dict[str, Any]:
    """What is kept of a run.

    Raises:
      OSError, ValueError: it is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} is no run of completion.evaluate: it has no {path.name}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("about"), dict):
            raise ValueError("expected an object with `about`")
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. The same command as before writes it anew") from error
    return found


def _read(folders: Mapping[str, pathlib.Path], partial: list[str]) -> tuple[list[Case], list[Answers], list[str]]:
    """The cases of a suite, all answers to them and broken rows; a run that asked other cases is left out."""
    cases: list[Case] = []
    found: list[Answers] = []
    broken: list[str] = []
    for prefix, folder in folders.items():
        asked, answers, bad = runs.read(folder)
        broken += bad
        if cases and runs.digest(asked) != runs.digest(cases):
            partial.append(f"{folder.name}: {prefix}was asked other cases, and is not compared")
            continue
        cases = asked
        found += [_renamed(one, prefix + one.provider) for one in sorted(answers, key=_baselines_last)]
    return cases, sorted(found, key=_baselines_last), broken


def _renamed(answers: Answers, provider: str) -> Answers:
    predictions = {case: dataclasses.replace(one, provider=provider) for case, one in answers.predictions.items()}
    return dataclasses.replace(answers, provider=provider, predictions=predictions)


def _baselines_last(answers: Answers) -> tuple[int, str]:
    name = answers.provider.rpartition(": ")[2]
    return (BASELINES.index(name) + 1 if name in BASELINES else 0), answers.provider


def is_baseline(provider: str) -> bool:
    """Whether a provider is one of `BASELINES`, be it of one run of several."""
    return provider.rpartition(": ")[2] in BASELINES


def _likelihood(folders: Mapping[str, pathlib.Path]) -> dict[str, Any]:
    """Provider -> how likely held-out text is to it, where that was asked."""
    found = {}
    for prefix, folder in folders.items():
        if (folder / LIKELIHOOD).exists():
            of_run = json.loads((folder / LIKELIHOOD).read_text(encoding="utf-8"))
            found |= {
                prefix + provider: {key: value for key, value in row.items() if key != "about"}
                for provider, row in of_run.items()
            }
    return found


def _suite(
    name: str,
    folder: pathlib.Path,
    cases: Sequence[Case],
    answers: Sequence[Answers],
    measure: Measure,
    likelihood: dict[str, Any],
) -> dict[str, Any]:
    suite = suites.SUITES[name]
    kept = json.loads((folder / SUITE).read_text(encoding="utf-8"))
    made = {
        "name": name,
        "title": suite.title,
        "about": suite.about,
        "cases": len(cases),
        "left_out": [[reason, count] for reason, count in kept["left_out"].items() if count],
        "bad_rows": list(kept["bad_rows"]),
        "measures": [
            {"key": key, "label": key.replace("_", " "), "about": about} for key, about in measure.about.items()
        ],
        "providers": [_provider(cases, one, measure) for one in answers],
        "comparisons": _comparisons(cases, answers, measure),
        "plots": {},
    }
    if "symbol" in cases[0].slices:
        made["symbols"] = _symbols(cases, answers, measure)
    if suite.writes:
        made["confusions"] = {one.provider: confusions.figures(cases, one.predictions) for one in answers}
    made["calibration"] = {
        one.provider: found for one in answers if (found := calibration.figures(cases, one.predictions, measure))
    }
    if likelihood:
        made["likelihood"] = likelihood
    made["plots"] = plots.of_suite(made)
    return made


def _provider(cases: Sequence[Case], answers: Answers, measure: Measure) -> dict[str, Any]:
    found = scores.summary(cases, answers.predictions.values(), measure=measure)
    reasons: dict[str, list[str]] = {}
    for case, why in found.failed.items():
        reasons.setdefault(why, []).append(case)
    took = [one.milliseconds for one in answers.predictions.values()]
    return {
        "name": answers.provider,
        "complete": answers.complete,
        "seconds": answers.seconds,
        "per_second": len(took) / answers.seconds if answers.seconds else None,
        "median_milliseconds": statistics.median(took) if took else None,
        "failed": [
            {"reason": why, "cases": len(ids), "example": ids[0]}
            for why, ids in sorted(reasons.items(), key=lambda item: -len(item[1]))
        ],
        "total": dataclasses.asdict(found.total),
        "slices": {
            division: {value: dataclasses.asdict(part) for value, part in parts.items()}
            for division, parts in found.slices.items()
            if division not in ("symbol", "topic")  # as many values as there are modules: a table of its own
        },
    }


def _comparisons(cases: Sequence[Case], answers: Sequence[Answers], measure: Measure) -> list[dict[str, Any]]:
    """Every model and server beside all that stand behind it."""
    made = []
    for number, first in enumerate(answers):
        for second in answers[number + 1 :]:
            if is_baseline(first.provider):
                continue
            values = [one.predictions.values() for one in (first, second)]
            found = scores.compared(cases, *values, measure=measure)
            figures = {key: dataclasses.asdict(one) for key, one in found.items()}
            made.append({"first": first.provider, "second": second.provider, "figures": figures})
    return made


def _symbols(cases: Sequence[Case], answers: Sequence[Answers], measure: Measure) -> list[dict[str, Any]]:
    """Figures by symbol, the one with the most cases first, and whether popularity beats the first provider there."""
    found = {one.provider: symbol_suite.by_symbol(cases, one.predictions, measure) for one in answers}
    first, popular = (found.get(name, {}) for name in (answers[0].provider, POPULARITY))
    worse = set(symbol_suite.fallback(first, popular)) if popular and "top_1" in measure.names else set()
    counts = collections.Counter(case.slices["symbol"] for case in cases)
    return [
        {
            "symbol": symbol,
            "cases": number,
            "providers": {
                provider: {name: of[symbol][name] for name in measure.names} for provider, of in found.items()
            },
            "fallback": symbol in worse,
        }
        for symbol, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _example(case: Case, answers: Sequence[Answers], measure: Measure) -> dict[str, Any]:
    lines = case.prompt.splitlines(keepends=True)
    return {
        "id": case.id,
        "suite": case.suite,
        "about": case.about,
        "path": case.path,
        "slices": case.slices,
        "prompt": "".join(lines[-_SHOWN_LINES:]),
        "expected": case.expected,
        "suffix": None if case.suffix is None else "".join(case.suffix.splitlines(keepends=True)[:_SHOWN_LINES]),
        "candidates": len(case.candidates),
        "answers": {one.provider: _answer(case, one.predictions.get(case.id), measure) for one in answers},
    }


def _answer(case: Case, prediction: Prediction | None, measure: Measure) -> dict[str, Any]:
    prediction = prediction or Prediction(case.id, case.suite, "", error="not asked")
    score = scores.score(case, prediction)
    if measure is not scores.LINES and not case.candidates:
        # What is right is for the suite to say, by its first figure.
        right = measure.of(case, prediction)[0] == 100
        score = dataclasses.replace(score, exact_match=right, rank=1 if right else None)
    most = 2 * _SHOWN_TEXTS if case.candidates else _SHOWN_TEXTS
    return {
        "texts": [scores.ending(case, text) for text in prediction.texts[:most]],
        "scores": list(prediction.scores[:most]),
        "rank": score.rank,
        "exact_match": score.exact_match,
        "edit_similarity": score.edit_similarity,
        "milliseconds": prediction.milliseconds,
        "error": prediction.error,
    }
