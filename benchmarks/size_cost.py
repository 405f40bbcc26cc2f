"""What does it cost to have more data? Time and peak memory of the whole chain on 1, 2 and 4 times the tree."""

import math

from benchmarks import inputs, larger_tree, measure
from benchmarks.documents_speed import raw
from benchmarks.inputs import Work
from benchmarks.measure import Measurement
from benchmarks.results import Section, Target
from preprocessing.near_duplicates import NearDuplicateParameters

TIMES = (1, 2, 4)
MAX_EXPONENT = 1.1
MAX_PEAK_MB = 1500


def section(work: Work) -> Section:
    """Runs the chain, near duplicates and all, on trees of three sizes."""
    trees = {times: larger_tree.make(work.tree, work.empty(f"tree_x{times}"), times=times) for times in TIMES[1:]}
    trees = {TIMES[0]: work.tree, **trees}
    for tree in trees.values():
        inputs.read_all(tree)
    jaccard = NearDuplicateParameters().near_jaccard
    facts = {}

    def run(times: int) -> Measurement:
        target = work.empty("sized")
        found = measure.run(inputs.run_command(trees[times], target, workers=work.workers, near_jaccard=jaccard))
        facts[times] = (inputs.source_bytes(target) / 1e6, *inputs.kept(target))
        return found

    contestants = {f"{times} x": (lambda times=times: run(times)) for times in TIMES}
    found = list(measure.interleaved(contestants, work.fewer_runs).values())
    for name in ("sized", *(f"tree_x{times}" for times in TIMES[1:])):
        work.empty(name)
    seconds, peaks = [measure.median_seconds(runs) for runs in found], [measure.peak_mb(runs) for runs in found]
    megabytes, files, _ = zip(*(facts[times] for times in TIMES), strict=True)
    rows = [
        [
            f"{times} x",
            f"{megabytes[i]:,.1f}",
            f"{files[i]:,}",
            f"{seconds[i]:.1f}",
            f"{measure.median_core_seconds(found[i]):.1f}",
            f"{megabytes[i] / seconds[i]:.1f}",
            f"{peaks[i]:,.0f}",
        ]
        for i, times in enumerate(TIMES)
    ]
    exponent = math.log(seconds[-1] / seconds[0]) / math.log(megabytes[-1] / megabytes[0])
    growth = (peaks[-1] - peaks[0]) * 1e6 / (files[-1] - files[0])
    return Section(
        title="Cost against size",
        about=(
            "The whole chain, near duplicates and all, on the tree and on trees that hold it and copies of it in moved "
            "alphabets, so that as large a share is dropped from each (`benchmarks/larger_tree.py`); "
            f"{work.workers} processes, {work.said(fewer=True)}; memory is the largest sum over all "
            "processes, mapped files included. "
            f"From 1 x to {TIMES[-1]} x it grows by {growth:,.0f} bytes a file that is kept."
        ),
        columns=["size", "MB", "files kept", "s", "core s", "MB/s", "peak MB"],
        rows=rows,
        targets=[
            Target(f"time grows as size^k, k at most {MAX_EXPONENT}", f"{exponent:.2f}", exponent <= MAX_EXPONENT),
            Target(
                f"less than {MAX_PEAK_MB:,} MB of memory at {TIMES[-1]} x",
                f"{peaks[-1]:,.0f} MB",
                peaks[-1] < MAX_PEAK_MB,
            ),
        ],
        raw=raw({f"{times} x": runs for times, runs in zip(TIMES, found, strict=True)}, megabytes=megabytes[0]),
    )
