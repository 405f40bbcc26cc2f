"""Where does the time of the chain go? By function, without and with near duplicates."""

import json

from benchmarks import inputs, measure
from benchmarks.inputs import Work
from benchmarks.results import Section
from preprocessing.near_duplicates import NearDuplicateParameters

FUNCTIONS = 15


def section(work: Work) -> Section:
    """Profiles one process on the tree, both ways."""
    jaccards = (0, NearDuplicateParameters().near_jaccard)
    profiles = [_profile(work, jaccard) for jaccard in jaccards]
    totals = [sum(profile.values()) for profile in profiles]
    first = sorted(set().union(*profiles), key=lambda name: -profiles[-1].get(name, 0))[:FUNCTIONS]
    rest = [sum(seconds for name, seconds in profile.items() if name not in first) for profile in profiles]
    rows = [
        [
            name,
            *(
                cell
                for profile, total in zip(profiles, totals, strict=True)
                for cell in _cells(profile.get(name, 0), total)
            ),
        ]
        for name in first
    ]
    rows.append(["all others", *(cell for pair in zip(rest, totals, strict=True) for cell in _cells(*pair))])
    rows.append(["together", *(cell for total in totals for cell in _cells(total, total))])
    return Section(
        title="Where the time goes",
        about=(
            "`preprocessing.run --workers 1` on the tree: seconds by the innermost function of ours on the stack, what "
            "it calls in Arrow, numpy, rensa and the system included (`benchmarks/profiling.py`)."
        ),
        columns=["function", "near duplicates off, s", "%", "on, s", "%"],
        rows=rows,
        raw={f"near_jaccard {jaccard}": profile for jaccard, profile in zip(jaccards, profiles, strict=True)},
    )


def _profile(work: Work, near_jaccard: float) -> dict[str, float]:
    target = work.empty("profiled")
    words = [str(word) for word in inputs.run_command(work.tree, target, workers=1, near_jaccard=near_jaccard)]
    run = measure.run([*inputs.module("benchmarks.profiling"), *words[2:]])
    work.empty("profiled")
    print(f"  near_jaccard {near_jaccard}: {run.seconds:.1f} s")
    return {name: round(seconds, 3) for name, seconds in json.loads(run.output).items()}


def _cells(seconds: float, total: float) -> tuple[str, str]:
    return f"{seconds:.2f}", f"{100 * seconds / total:.1f}"
