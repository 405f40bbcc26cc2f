"""How fast are repositories made into documents? Beside a chain of separate programs, and its first step alone."""

import json

from benchmarks import baseline_chain, inputs, measure
from benchmarks.inputs import Work
from benchmarks.measure import BenchmarkError, Measurement
from benchmarks.results import Section, Target

CHAIN_TIMES, CONVERTER_TIMES = 1.5, 0.5


def section(work: Work) -> Section:
    """Runs all three in turns on the tree of installed packages, near duplicates off.

    Raises:
      BenchmarkError: they did not keep the same number of files, so they did not do the same work.
    """
    tree = work.tree
    counts = {}

    def ours() -> Measurement:
        target = work.empty("ours")
        found = measure.run(inputs.run_command(tree, target, workers=work.workers, near_jaccard=0))
        counts["ours"], counts["bytes"] = inputs.kept(target)[0], inputs.source_bytes(target)
        return found

    def chain() -> Measurement:
        target = work.empty("chain")
        target.mkdir()
        found = measure.run(baseline_chain.command(tree, target, workers=work.workers))
        counts["chain"] = json.loads(found.output.splitlines()[-1])["kept"]
        return found

    def converter() -> Measurement:
        target = work.empty("converter")
        command = [*inputs.module("benchmarks.baseline_chain"), "convert", "--input_dir", tree]
        return measure.run([*command, "--output_dir", target, "--workers", str(work.workers)])

    found = measure.interleaved({"ours": ours, "chain": chain, "converter": converter}, work.runs)
    for name in ("ours", "chain", "converter"):
        work.empty(name)
    if counts["ours"] != counts["chain"]:
        raise BenchmarkError(f"ours kept {counts['ours']} files, the chain {counts['chain']}: not the same work")
    size = counts["bytes"] / 1e6
    rates = {name: size / measure.median_seconds(runs) for name, runs in found.items()}
    rows = [
        [
            what,
            f"{measure.median_seconds(found[name]):.2f}",
            f"{measure.median_core_seconds(found[name]):.1f}",
            f"{rates[name]:.0f}",
            f"{rates['ours'] / rates[name]:.2f}",
            f"{measure.peak_mb(found[name]):,.0f}",
        ]
        for name, what in (
            ("ours", "ours: read, filter, exact duplicates, split, Parquet"),
            ("chain", "the chain: convert, concatenate, deduplicate, extract, split"),
            ("converter", "the chain's converter alone: filter, hash, JSON lines"),
        )
    ]
    against_chain, against_converter = rates["ours"] / rates["chain"], rates["ours"] / rates["converter"]
    return Section(
        title="Repositories to documents",
        about=(
            f"{size:.1f} MB of installed Python packages as an FLCC tree, in the page cache, {work.workers} processes, "
            f"near duplicates off; {work.said()}. Ours and the chain keep the same files, "
            f"{counts['ours']:,}."
        ),
        columns=["what", "s", "core s", "MB/s", "ours / this", "peak MB"],
        rows=rows,
        targets=[
            Target(f"at least {CHAIN_TIMES} times the chain", f"{against_chain:.2f}", against_chain >= CHAIN_TIMES),
            Target(
                f"at least {CONVERTER_TIMES} times the converter alone",
                f"{against_converter:.2f}",
                against_converter >= CONVERTER_TIMES,
            ),
        ],
        raw=raw(found, megabytes=size),
    )


def raw(found: dict[str, list[Measurement]], *, megabytes: float) -> dict:
    """All runs, for RESULTS.json."""
    return {
        "megabytes": megabytes,
        "runs": {
            name: [
                {
                    "seconds": round(run.seconds, 3),
                    "core_seconds": round(run.core_seconds, 2),
                    "peak_mb": round(run.peak_mb, 1),
                }
                for run in runs
            ]
            for name, runs in found.items()
        },
    }
