"""The engine as an editor uses it: started once, then asked at each key."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import measure
from benchmarks.completion_models import Models
from benchmarks.completion_prompts import Place
from benchmarks.results import Section, Target
from completion.engine import Engine
from completion.requests import Request
from completion.search import Decoding

CONTESTANT = "engine, int8"
# A size with as deep an encoder and two layers of a decoder, as sizes/base_shallow_decoder.gin.
SHALLOW = "base, 12+2"
NEW, LONG, BEAMS = 10, 32, 4
MAX_START_S, MAX_TYPED_MS, MAX_KEY_MS, MAX_BEAMS = 3.0, 5.0, 80.0, 2.5
STARTS = 5


def section(models: Models, places: Sequence[Place], *, sizes: Sequence[str], say=print) -> Section:
    """Measures each size; about five minutes."""
    found = {}
    for size in [*sizes, *([SHALLOW] if "base" in sizes else [])]:
        layers = 2 if size == SHALLOW else None
        folder = models.export(size.partition(",")[0], CONTESTANT, decoder_layers=layers)
        found[size] = measured(str(folder), places)
        say(f"  {size}: {found[size]}")
    return table(found, number=len(places))


def measured(folder: str, places: Sequence[Place]) -> dict[str, Any]:
    """Seconds to start, threads, and median milliseconds of each kind of key."""
    program = f"from completion.engine import Engine; Engine({folder!r})"
    starts = [measure.run([sys.executable, "-c", program]).seconds for _ in range(STARTS)]
    engine, alone = Engine(folder), Engine(folder, threads=1)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for place in places:
        for kind, milliseconds in keys(engine, place).items():
            times[kind].append(milliseconds)
        times["one thread"].append(timed(lambda place=place: alone.complete(Request(place.text), Decoding(NEW)))[0])
    medians = {kind: statistics.median(values) for kind, values in times.items()}
    return {"start_s": statistics.median(starts), "threads": engine.threads, **medians}


# What is told of a size, in this order; each in milliseconds.
KINDS = {
    "new place": f"first key of a place: read 512 tokens, write {NEW}",
    "one thread": "the same with one thread",
    "next key": f"next key in the line: write {NEW}",
    "typed": "a key that was suggested",
    "greedy": f"write {LONG} in a place that was read, greedily",
    "beams": f"the same with a beam of {BEAMS}",
}


def keys(engine: Engine, place: Place) -> dict[str, float]:
    """Milliseconds of each kind of key in one place."""
    how = Decoding(NEW)
    found = {}
    found["new place"], _ = timed(lambda: engine.complete(Request(place.text), how, one_line=False))
    typed = place.text + place.line[0]
    found["next key"], [suggestion] = timed(lambda: engine.complete(Request(typed), how, one_line=False))
    further = typed + suggestion.text[:1]
    found["typed"], _ = timed(lambda: engine.complete(Request(further), how, one_line=False))
    for kind, long in (("greedy", Decoding(LONG)), ("beams", Decoding(LONG, beam_size=BEAMS))):
        found[kind], _ = timed(lambda long=long: engine.complete(Request(place.text), long, one_line=False))
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Milliseconds, and what came out."""
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


def table(found: dict[str, dict[str, Any]], *, number: int) -> Section:
    """The section of what was found."""
    targets = []
    for size, one in found.items():
        ratio, chosen, alone = one["beams"] / one["greedy"], one["new place"], one["one thread"]
        # What was to be reached, the figure, and whether it was.
        for what, figure, met in (
            (f"starts in under {MAX_START_S:g} s", f"{one['start_s']:.1f} s", one["start_s"] < MAX_START_S),
            (f"typed-through under {MAX_TYPED_MS:g} ms", f"{one['typed']:.1f} ms", one["typed"] < MAX_TYPED_MS),
            ("its threads not slower than one", f"{chosen:.0f} ms, one {alone:.0f} ms", chosen <= alone * 1.05),
            (f"a beam of {BEAMS} at most {MAX_BEAMS:g} times greedy", f"{ratio:.2f} times", ratio <= MAX_BEAMS),
        ):
            targets.append(Target(f"{size}: {what}", figure, met))
        if size == "base":
            met = one["next key"] < MAX_KEY_MS
            targets.append(
                Target(f"base: the next key in a line under {MAX_KEY_MS:g} ms", f"{one['next key']:.0f} ms", met)
            )
    return Section(
        title="A completion: key by key",
        about=(
            f"The engine with 8-bit weights at {number} places of held-out code, as an editor asks it: medians. "
            "Starting is a whole process, Python and all, until the engine has chosen its threads by trying them."
        ),
        columns=["", *found],
        rows=[
            ["start, s", *(f"{one['start_s']:.1f}" for one in found.values())],
            ["threads chosen", *(str(one["threads"]) for one in found.values())],
            *([f"{about}, ms", *(f"{one[kind]:.1f}" for one in found.values())] for kind, about in KINDS.items()),
        ],
        targets=targets,
        raw=found,
    )
