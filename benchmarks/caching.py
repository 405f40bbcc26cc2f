"""How fast is a Task cached? Beside the tokeniser alone, and seqio's own cacher on Beam's DirectRunner.

python -m benchmarks.caching
python -m benchmarks.caching --runs 3 --work_dir BENCHMARKS
"""

import argparse
import json
import os
import pathlib
import statistics
from collections.abc import Callable

from benchmarks import inputs, measure, results
from benchmarks.documents_speed import raw
from benchmarks.inputs import Work
from benchmarks.measure import Measurement
from benchmarks.results import Section, Target
from preprocessing import shards

TASK, DATASET = "fl_py_dev", "flcc_python/dev"
VOCAB_SIZE, SAMPLE_MB = 16_000, 12
# seqio's cacher takes two minutes and 2 GB for this.
PART_MB = 40
TIMES_SEQIO, OF_TOKENIZER = 8, 0.8

OURS, OURS_PART, SEQIO, TOKENIZER = "ours", "ours, the part", "seqio", "tokeniser"


def section(work: Work) -> Section:
    """Makes documents, vocabulary and datasets, and measures on them."""
    documents, part = work.documents(work.tree), work.documents(work.part(PART_MB))
    vocabulary = _vocabulary(work, documents)
    data, part_data = (_dataset(work, folder, vocabulary) for folder in (documents, part))
    found = measure_all(work, documents, vocabulary, data=data, part_data=part_data)
    megabytes, part_mb = (_text_bytes(folder) / 1e6 for folder in (documents, part))
    for name in ("cache", documents.name, part.name, data.name, part_data.name):
        work.empty(name)
    return _section(work, found, megabytes=megabytes, part_mb=part_mb)


def measure_all(
    work: Work, documents: pathlib.Path, vocabulary: pathlib.Path, *, data: pathlib.Path, part_data: pathlib.Path
) -> dict[str, list[Measurement]]:
    """Runs all in turns.

    Args:
      documents: what the tokeniser alone is given.
      vocabulary: as `preprocessing.vocabulary` makes it.
      data: the data directory of the same documents, with the same vocabulary.
      part_data: that of a part of them, for seqio's cacher.
    """

    def ours(data_dir: pathlib.Path) -> Callable[[], Measurement]:
        def run() -> Measurement:
            cache = ["code_t5.main.cache", "--tasks", TASK, "--cache_dir", work.empty("cache"), "--data_dir", data_dir]
            return measure.run([*inputs.module("benchmarks.after_import"), *cache])

        return run

    def seqio() -> Measurement:
        cache = ["seqio.scripts.cache_tasks_main", f"--tasks={TASK}", f"--output_cache_dir={work.empty('cache')}"]
        cache += ["--module_import=code_t5", f"--tfds_data_dir={part_data}"]
        return measure.run([*inputs.module("benchmarks.after_import"), *cache])

    def tokenizer() -> Measurement:
        command = [*inputs.module("benchmarks.tokenizer_alone"), "--documents", documents, "--vocabulary", vocabulary]
        return measure.run([*command, "--workers", str(work.workers)])

    contestants = {TOKENIZER: tokenizer, OURS: ours(data), OURS_PART: ours(part_data), SEQIO: seqio}
    return measure.interleaved(contestants, work.runs)


def _section(work: Work, found: dict[str, list[Measurement]], *, megabytes: float, part_mb: float) -> Section:
    ways = [json.loads(run.output) for run in found[TOKENIZER]]
    rows, rates, core_rates, with_imports = [], {}, {}, {}

    def row(name: str, what: str, size: float, runs: list[dict[str, float]], *more: str) -> None:
        seconds, core_seconds = (statistics.median(run[key] for run in runs) for key in ("seconds", "core_seconds"))
        rates[name], core_rates[name] = size / seconds, size / core_seconds
        cells = [f"{seconds:.1f}", f"{core_seconds:.1f}", f"{rates[name]:.2f}", f"{core_rates[name]:.2f}"]
        rows.append([what, f"{size:.0f}", *cells, *(more or ("", ""))])

    for way in ways[0]:
        row(way, f"the tokeniser alone: {way}", megabytes, [run[way] for run in ways])
    for name, what, size in (
        (OURS, "ours", megabytes),
        (OURS_PART, "ours, the part", part_mb),
        (SEQIO, "seqio's cacher on Beam's DirectRunner, the part", part_mb),
    ):
        with_imports[name] = size / measure.median_seconds(found[name])
        later = [json.loads(run.output.splitlines()[-1]) for run in found[name]]
        row(name, what, size, later, f"{with_imports[name]:.2f}", f"{measure.peak_mb(found[name]):,.0f}")
    best = max(ways[0], key=rates.get)
    times, share = rates[OURS_PART] / rates[SEQIO], rates[OURS] / rates[best]
    return Section(
        title="A Task cached",
        about=(
            f"All documents of the tree, {megabytes:.1f} MB, and of a part of it, {part_mb:.1f} MB, because seqio's "
            f"cacher is slow; a vocabulary of {VOCAB_SIZE:,} pieces; {work.workers} cores; {work.said()}. "
            "The tokeniser alone has the documents in memory and throws tokens away; its best way counts. "
            "The others go from the TFDS dataset to the finished cache. Importing TensorFlow, seqio and t5 takes the "
            "same time for both, so all columns but the last but one are without it."
        ),
        columns=["what", "MB", "s", "core s", "MB/s", "MB/core s", "MB/s with imports", "peak MB"],
        rows=rows,
        targets=[
            Target(
                f"at least {TIMES_SEQIO} times seqio's cacher, on the same part",
                f"{times:.1f} ({with_imports[OURS_PART] / with_imports[SEQIO]:.1f} with the imports)",
                times >= TIMES_SEQIO,
            ),
            Target(
                f"at least {OF_TOKENIZER:.0%} of the tokeniser alone",
                f"{share:.0%} ({core_rates[OURS] / core_rates[best]:.0%} by core seconds, "
                f"{with_imports[OURS] / rates[best]:.0%} with the imports)",
                share >= OF_TOKENIZER,
            ),
        ],
        raw={**raw(found, megabytes=megabytes), "part_megabytes": part_mb, "tokenizer": ways},
    )


def _vocabulary(work: Work, documents: pathlib.Path) -> pathlib.Path:
    """Trained once and kept in the work folder."""
    target = work.folder / f"vocabulary_{VOCAB_SIZE}"
    if not target.exists():
        command = [*inputs.module("preprocessing.vocabulary"), "--documents", documents, "--output_dir", target]
        measure.run([*command, "--vocab_size", str(VOCAB_SIZE), "--sample_mb", str(SAMPLE_MB)])
    return target


def _dataset(work: Work, documents: pathlib.Path, vocabulary: pathlib.Path) -> pathlib.Path:
    target = work.empty(f"data_of_{documents.name}")
    command = [*inputs.module("code_t5.main.build_dataset"), "--dataset", DATASET, "--documents", documents]
    measure.run([*command, "--vocabulary", vocabulary, "--data_dir", target])
    inputs.read_all(target)
    return target


def _text_bytes(documents: pathlib.Path) -> int:
    return sum(count["bytes"] for count in shards.read_manifest(documents).counts.values())


def main() -> None:
    """The command; see the text at the head of this file."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.caching", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work_dir", type=pathlib.Path, default=measure.ROOT / "data" / "benchmarks")
    parser.add_argument("--runs", type=int, default=3, help="of each, in turns (%(default)s)")
    arguments = parser.parse_args()
    arguments.work_dir.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    here = results.machine(cores)
    print(f"{here['processor']}, {here['cores']} cores, {here['memory_gb']} GB of memory, {here['system']}")
    print(section(Work(arguments.work_dir.absolute(), arguments.runs, cores)))


if __name__ == "__main__":
    main()
