"""How fast are near duplicates removed? Beside datatrove's MinHash, and rensa and datasketch used from Python."""

from collections.abc import Callable

from benchmarks import inputs, measure, other_environment
from benchmarks.documents_speed import raw
from benchmarks.inputs import Work
from benchmarks.measure import Measurement
from benchmarks.results import Section, Target
from preprocessing.near_duplicates import NearDuplicateParameters

PART_MB = 60
TIMES = 13
WANTED_RATE = 20
CHAIN, WITHOUT = "chain", "chain without"


def section(work: Work) -> Section:
    """Everyone on a part of the tree, because datatrove is slow; ours on the whole tree, too."""
    tree, part = work.tree, work.part(PART_MB)
    documents = work.documents(part)
    jsonl = work.empty("near_jsonl")
    text_mb = inputs.write_jsonl(documents, jsonl, parts=work.workers) / 1e6
    part_mb = inputs.source_bytes(documents) / 1e6
    other = other_environment.python_of(work.folder / "datatrove")
    of_part = {
        CHAIN: _ours(work, part),
        WITHOUT: _ours(work, part, near_jaccard=0),
        "datatrove english": _baseline(work, other, "datatrove", jsonl, "--words", "english"),
    }
    # No target hangs on these.
    once = {"datatrove regex": _baseline(work, other, "datatrove", jsonl, "--words", "regex")}
    for library in ("rensa", "datasketch"):
        once[library] = _baseline(work, other, "minhash", jsonl, "--library", library)
    print(f"on {part_mb:.1f} MB:")
    found = measure.interleaved(of_part, work.fewer_runs) | measure.interleaved(once, 1)
    print("on the whole tree:")
    whole = measure.interleaved({CHAIN: _ours(work, tree), WITHOUT: _ours(work, tree, near_jaccard=0)}, work.fewer_runs)
    whole_mb = inputs.source_bytes(work.folder / "runs" / CHAIN) / 1e6
    for name in ("near_jsonl", "baseline", CHAIN, WITHOUT, documents.name):
        work.empty(name)

    theirs = text_mb / measure.median_seconds(found["datatrove english"])
    rows, rates = [], {}

    def row(what: str, megabytes: float, seconds: float, core_seconds: float, peak: str) -> float:
        rate = megabytes / seconds
        cells = [f"{megabytes:.1f}", f"{seconds:.2f}", f"{core_seconds:.1f}", f"{rate:.1f}", f"{rate / theirs:.1f}"]
        rows.append([what, *cells, peak])
        return rate

    def row_of(what: str, megabytes: float, runs: list[Measurement]) -> float:
        seconds, core_seconds = measure.median_seconds(runs), measure.median_core_seconds(runs)
        return row(what, megabytes, seconds, core_seconds, f"{measure.peak_mb(runs):,.0f}")

    for name, what in (
        ("datatrove english", "datatrove 0.10 MinHash, its English words (spaCy)"),
        ("datatrove regex", "datatrove 0.10 MinHash, words by a regular expression"),
        ("datasketch", "datasketch from Python, 25 x 10, not verified"),
        ("rensa", "rensa from Python, 25 x 10, not verified"),
    ):
        row_of(what, text_mb, found[name])
    for where, runs, megabytes in (("the part", found, part_mb), ("the tree", whole, whole_mb)):
        rates[f"chain, {where}"] = row_of(
            f"ours, {where}: the whole chain with near duplicates", megabytes, runs[CHAIN]
        )
        seconds, core_seconds = (
            median(runs[CHAIN]) - median(runs[WITHOUT])
            for median in (measure.median_seconds, measure.median_core_seconds)
        )
        rates[f"step, {where}"] = row(
            f"ours, {where}: near duplicates alone, the difference", megabytes, seconds, core_seconds, ""
        )
    jaccard = NearDuplicateParameters().near_jaccard
    return Section(
        title="Near duplicates removed, per second",
        about=(
            f"A part of the tree, whole repositories chosen by a hash of their names, {part_mb:.1f} MB, of which "
            f"{text_mb:.1f} MB pass the filters and exact deduplication, because datatrove is slow; and the whole "
            f"tree. Everyone has {work.workers} processes and reads from the page cache; {work.said(fewer=True)}, of "
            "the second to fourth row one run. datatrove runs its four documented stages "
            "(signatures, buckets, clusters, filter; 14 x 8, 5-grams) from JSON lines to JSON lines, and does nothing "
            "else; ours starts from the FLCC tree, filters, "
            f"drops exact duplicates, finds pairs of Jaccard {jaccard} or more, verifies them, and writes Parquet."
        ),
        columns=["what", "MB", "s", "core s", "MB/s", "this / datatrove", "peak MB"],
        rows=rows,
        targets=[
            *(
                Target(
                    f"{what} at least {TIMES} times datatrove's MinHash, on the same part",
                    f"{times:.1f}",
                    times >= TIMES,
                )
                for what, times in (
                    ("near-duplicate removal", rates["step, the part"] / theirs),
                    ("the whole chain with it", rates["chain, the part"] / theirs),
                )
            ),
            Target(
                f"the whole chain with it at least {WANTED_RATE} MB/s, on the tree",
                f"{rates['chain, the tree']:.1f} MB/s",
                rates["chain, the tree"] >= WANTED_RATE,
            ),
        ],
        raw={"part": raw(found, megabytes=part_mb), "text_megabytes": text_mb, "tree": raw(whole, megabytes=whole_mb)},
    )


def _ours(work: Work, tree, *, near_jaccard: float | None = None) -> Callable[[], Measurement]:
    near_jaccard = NearDuplicateParameters().near_jaccard if near_jaccard is None else near_jaccard

    def run() -> Measurement:
        target = work.empty(CHAIN if near_jaccard else WITHOUT)
        return measure.run(inputs.run_command(tree, target, workers=work.workers, near_jaccard=near_jaccard))

    return run


def _baseline(work: Work, python, name: str, jsonl, *arguments: str) -> Callable[[], Measurement]:
    def run() -> Measurement:
        command = [python, "-m", f"benchmarks.baseline_{name}", "--input_dir", jsonl, "--output_dir"]
        return measure.run([*command, work.empty("baseline"), "--workers", str(work.workers), *arguments])

    return run
