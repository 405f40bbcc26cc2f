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
from benchmarks.after_import import seconds_after_import
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
    ways = [json.loads(run.output)["seconds"] for run in found[TOKENIZER]]
    alone = {way: megabytes / statistics.median(seconds[way] for seconds in ways) for way in ways[0]}
    best = max(alone.values())
    rows = [
        [f"the tokeniser alone: {way}", f"{megabytes:.0f}", "", "", f"{rate:.2f}", "", ""]
        for way, rate in alone.items()
    ]
    sizes = {OURS: megabytes, OURS_PART: part_mb, SEQIO: part_mb}
    whole, after_import = {}, {}
    for name, what in (
        (OURS, "ours"),
        (OURS_PART, f"ours, the part of {PART_MB} MB"),
        (SEQIO, "seqio's cacher, Beam's DirectRunner, the part"),
    ):
        seconds = measure.median_seconds(found[name])
        later = statistics.median(seconds_after_import(run.output) for run in found[name])
        whole[name], after_import[name] = sizes[name] / seconds, sizes[name] / later
        cells = [f"{seconds:.1f}", f"{later:.1f}", f"{after_import[name]:.2f}", f"{whole[name]:.2f}"]
        rows.append([what, f"{sizes[name]:.0f}", *cells, f"{measure.peak_mb(found[name]):,.0f}"])
    times, share = after_import[OURS_PART] / after_import[SEQIO], after_import[OURS] / best
    return Section(
        title="A Task cached",
        about=(
            f"All documents of the tree, {megabytes:.1f} MB, and of a part of it, {part_mb:.1f} MB, because seqio's "
            f"cacher is slow; a vocabulary of {VOCAB_SIZE:,} pieces; {work.workers} cores; medians of {work.runs} runs "
            "in turns. The tokeniser alone has the documents in memory, and its tokens are thrown away; its best way "
            "counts. The others go from the TFDS dataset to the finished cache. Importing TensorFlow, seqio and t5 is "
            "the same for both and takes longer than the small part of the work, so the rates are given with it and "
            "without it; the targets are without it, which is kind to seqio."
        ),
        columns=["what", "MB", "s", "s after imports", "MB/s after imports", "MB/s", "peak MB"],
        rows=rows,
        targets=[
            Target(
                f"at least {TIMES_SEQIO} times seqio's cacher, on the same part",
                f"{times:.1f}",
                times >= TIMES_SEQIO,
            ),
            Target(
                f"at least {OF_TOKENIZER:.0%} of the tokeniser alone",
                f"{share:.0%} ({whole[OURS] / best:.0%} with the imports)",
                share >= OF_TOKENIZER,
            ),
        ],
        raw={**raw(found, megabytes=megabytes), "part_megabytes": part_mb, "tokenizer": ways},
    )


def _vocabulary(work: Work, documents: pathlib.Path) -> pathlib.Path:
    """Trained once, in two minutes, and kept in the work folder."""
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
