"""Which share of the near-duplicate pairs is found, and which share of what is found is one?

All pairs of 3,000 files are known exactly: their 5-grams are compared as text, without any hashing of ours. Beside
ours stands MinHash LSH as it is mostly done: 25 bands of 10 rows, no verification.

python -m benchmarks.near_duplicates
"""

import argparse
import itertools
import json
import pathlib
import sys

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from benchmarks import measure, other_environment
from benchmarks.inputs import Work
from benchmarks.near_duplicate_sample import Composition, ngrams, sample
from benchmarks.results import Section, Target
from preprocessing import minhash, near_duplicates, shingles
from preprocessing.buckets import buckets
from preprocessing.fingerprints import Fingerprints, FingerprintWriter, store_path
from preprocessing.near_duplicates import NearDuplicateParameters
from preprocessing.workers import Workers

THRESHOLD = 0.7
WANTED = 0.97
BORDERS = (0.70, 0.72, 0.75, 0.80, 0.90, 1.01)

Pairs = set[tuple[int, int]]


def exact_similarities(contents: list[bytes], *, least: float) -> dict[tuple[int, int], float]:
    """Jaccard similarity of the 5-grams of all pairs (i, j), i < j, for those with `least` or more.

    Every 5-gram is a column of its own, found by its text; the product of the 0/1 matrix with its transpose has the
    number of common 5-grams of every pair.
    """
    column: dict[bytes, int] = {}
    columns = [[column.setdefault(ngram, len(column)) for ngram in ngrams(data)] for data in contents]
    sizes = np.array([len(row) for row in columns])
    flat = np.fromiter(itertools.chain.from_iterable(columns), np.int64, sizes.sum())
    starts = np.concatenate([[0], np.cumsum(sizes)])
    matrix = scipy.sparse.csr_matrix((np.ones(len(flat), np.int32), flat, starts), (len(contents), len(column)))
    common = scipy.sparse.triu(matrix @ matrix.T, k=1).tocoo()
    similarity = common.data / (sizes[common.row] + sizes[common.col] - common.data)
    enough = similarity >= least
    rows, others, values = (array[enough].tolist() for array in (common.row, common.col, similarity))
    return dict(zip(zip(rows, others, strict=True), values, strict=True))


def _fingerprints(contents: list[bytes], folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True)
    n = NearDuplicateParameters().near_ngram
    with FingerprintWriter(store_path(folder, 0)) as writer:
        for data in contents:
            writer.add(shingles.shingle_set(shingles.word_hashes(data), n))
    Fingerprints.of([store_path(folder, 0)], [np.array(writer.lengths)]).save(folder / "index")
    return folder / "index"


def verified_pairs(contents: list[bytes], folder: pathlib.Path, *, threshold: float) -> Pairs:
    """All pairs that the engine finds when it leaves no comparison out because the two are joined already."""
    prints = Fingerprints.load(_fingerprints(contents, folder))
    rows = np.flatnonzero(prints.lengths() > 0)
    found = set()
    for band in range(minhash.BANDS):
        for group in buckets(prints.band(band)[rows], rows, rows):
            signatures = np.stack([prints.signature(row) for row in group.tolist()])
            for i, row in enumerate(group[:-1].tolist()):
                others = group[i + 1 :]
                both = signatures[i], signatures[i + 1 :]
                similar = near_duplicates.similar(prints, row, others, signatures=both, band=band, threshold=threshold)
                found.update((row, int(others[place])) for place, _ in similar)
    return found


def kept_by_clusters(contents: list[bytes], folder: pathlib.Path, *, threshold: float) -> int:
    """How many files the engine keeps: clusters, and files in none."""
    index = _fingerprints(contents, folder / "prints")
    rows = np.flatnonzero(Fingerprints.load(index).lengths() > 0)
    with Workers(1) as pool:
        labels = near_duplicates.clusters(pool, index, rows=rows, threshold=threshold)
    return len(contents) - len(rows) + len(np.unique(labels))


def _components(count: int, pairs: Pairs) -> int:
    edges = np.array(sorted(pairs)).reshape(-1, 2)
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    return int(scipy.sparse.csgraph.connected_components(graph, directed=False)[0])


def baseline_pairs(work: Work, library: str, contents: list[bytes], *, bands: int, rows: int) -> Pairs:
    """What `benchmarks.baseline_minhash` takes for near duplicates."""
    jsonl, target = work.empty("quality_jsonl"), work.empty("quality_pairs")
    jsonl.mkdir()
    lines = [
        json.dumps({"text": data.decode(errors="replace"), "id": str(i)}) + "\n" for i, data in enumerate(contents)
    ]
    (jsonl / "00.jsonl").write_text("".join(lines), encoding="utf-8")
    python = sys.executable if library == "rensa" else other_environment.python_of(work.folder / "datatrove")
    command = [python, "-m", "benchmarks.baseline_minhash", "--library", library, "--input_dir", jsonl]
    measure.run([*command, "--output_dir", target, "--bands", str(bands), "--rows", str(rows)])
    return {tuple(pair) for pair in json.loads((target / "pairs.json").read_text(encoding="utf-8"))}


def section(work: Work, *, composition: Composition | None = None) -> Section:
    """Counts what each finds of the pairs of 3,000 files."""
    composition = composition or Composition()
    contents = sample(work.documents(work.tree), composition=composition)
    exact = exact_similarities(contents, least=0.4)
    true = {pair for pair, similarity in exact.items() if similarity >= THRESHOLD}
    folder = work.empty("quality_ours")
    ours = verified_pairs(contents, folder, threshold=THRESHOLD)
    found = {
        f"ours: {minhash.BANDS} bands of {minhash.ROWS} rows, verified": ours,
        "rensa, 25 bands of 10 rows": baseline_pairs(work, "rensa", contents, bands=25, rows=10),
        "datasketch, 25 bands of 10 rows": baseline_pairs(work, "datasketch", contents, bands=25, rows=10),
        f"rensa, {minhash.BANDS} bands of {minhash.ROWS} rows": baseline_pairs(
            work, "rensa", contents, bands=minhash.BANDS, rows=minhash.ROWS
        ),
    }
    bins = list(itertools.pairwise(BORDERS))
    members = [{pair for pair in true if low <= exact[pair] < high} for low, high in bins]
    rows = [["all pairs, exactly", str(len(true)), "", "", *(str(len(pairs)) for pairs in members)]]
    for name, pairs in found.items():
        right = pairs & true
        shares = [len(pairs & part) / max(len(part), 1) for part in members]
        rows.append(
            [
                name,
                str(len(pairs)),
                f"{len(right) / len(true):.4f}",
                f"{len(right) / max(len(pairs), 1):.4f}",
                *(f"{share:.3f}" for share in shares),
            ]
        )
    recall, precision = len(ours & true) / len(true), len(ours & true) / max(len(ours), 1)
    kept = kept_by_clusters(contents, work.empty("quality_clusters"), threshold=THRESHOLD)
    wanted_kept = _components(len(contents), true)
    for name in ("quality_ours", "quality_clusters", "quality_jsonl", "quality_pairs"):
        work.empty(name)
    near = sum(0.65 <= similarity < 0.75 for similarity in exact.values())
    return Section(
        title="Near-duplicates found",
        about=(
            f"{len(contents):,} files without exact duplicates: {composition.namesakes:,} with a namesake of about "
            f"their size (vendored copies and their like), {composition.others + composition.originals:,} at random, "
            f"and of {composition.originals} of these {composition.edited:,} edited copies, half with words replaced, "
            "half with lines taken out, at similarities around 0.6, 0.66, 0.69, 0.71, 0.75 and 0.85. Of the "
            f"{len(contents) * (len(contents) - 1) // 2:,} pairs, all compared by their word 5-grams as text, "
            f"{len(true):,} have a Jaccard similarity of {THRESHOLD} or more, and {near:,} one from 0.65 to 0.75. "
            "The last columns are recall by similarity. The baselines take every pair that meets in a band. With all "
            f"pairs known, {wanted_kept:,} files stay, one a cluster; ours keeps {kept:,}."
        ),
        columns=["what", "pairs", "recall", "precision", *(f"{low:.2f} to {min(high, 1):.2f}" for low, high in bins)],
        rows=rows,
        targets=[
            Target(f"recall at least {WANTED}", f"{recall:.4f}", recall >= WANTED),
            Target(f"precision at least {WANTED}", f"{precision:.4f}", precision >= WANTED),
        ],
        raw={
            "pairs": len(true),
            "found": {name: {"pairs": len(pairs), "right": len(pairs & true)} for name, pairs in found.items()},
            "files_kept": {"exact": wanted_kept, "ours": kept},
        },
    )


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.near_duplicates", description=__doc__)
    parser.add_argument("--work_dir", type=pathlib.Path, default=measure.ROOT / "data" / "benchmarks")
    print(section(Work(parser.parse_args(argv).work_dir)))


if __name__ == "__main__":
    main()
