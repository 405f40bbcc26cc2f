"""A baseline: MinHash LSH as it is mostly written, shingles in Python and signatures by rensa or datasketch.

Words by a regular expression, 5-grams as strings, 256 permutations, bands in dictionaries, union-find; files that
share a band are taken for near duplicates without a further look. `--workers` processes make the signatures.

python -m benchmarks.baseline_minhash --library rensa --input_dir JSONL --output_dir OUT --workers 2
"""

import argparse
import collections
import itertools
import json
import multiprocessing
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence

N = 5
PERMUTATIONS = 256
SEED = 1


def shingles(text: str) -> set[str]:
    """Word 5-grams.

    Example: `shingles("a b c d e f")` is `{"a b c d e", "b c d e f"}`.
    """
    words = re.findall(r"\w+", text)
    return {" ".join(words[i : i + N]) for i in range(len(words) - N + 1)}


def rensa_signature(text: str) -> list[int]:
    import rensa

    minhash = rensa.RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update(list(shingles(text)))
    return minhash.digest()


def datasketch_signature(text: str) -> list[int]:
    import datasketch

    minhash = datasketch.MinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update_batch([shingle.encode() for shingle in shingles(text)])
    return minhash.digest().tolist()


SIGNATURES = {"rensa": rensa_signature, "datasketch": datasketch_signature}


def pairs_in_bands(signatures: Sequence[Sequence[int]], *, bands: int, rows: int) -> set[tuple[int, int]]:
    """All (i, j), i < j, whose signatures are equal in at least one band of `rows` values.

    Example: `pairs_in_bands([[1, 2, 3, 4], [1, 2, 0, 0], [9, 9, 0, 0]], bands=2, rows=2)` is `{(0, 1), (1, 2)}`.
    """
    found = set()
    for band in range(bands):
        buckets = collections.defaultdict(list)
        for number, signature in enumerate(signatures):
            buckets[tuple(signature[band * rows : (band + 1) * rows])].append(number)
        for bucket in buckets.values():
            found.update(itertools.combinations(bucket, 2))
    return found


def clusters(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The smallest member of the cluster of each of `count` files.

    Example: `clusters(4, [(0, 1), (1, 3)])` is `[0, 0, 2, 0]`.
    """
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return [root(number) for number in range(count)]


def _rows(input_dir: pathlib.Path) -> Iterator[str]:
    for file in sorted(input_dir.iterdir()):
        with file.open(encoding="utf-8") as rows:
            yield from rows


def _signature(task: tuple[str, str]) -> list[int]:
    library, row = task
    return SIGNATURES[library](json.loads(row)["text"])


def main(argv: list[str] | None = None) -> None:
    """The command: writes the rows that stay, and the pairs by their row numbers, over all files in order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baseline_minhash")
    parser.add_argument("--library", choices=sorted(SIGNATURES), required=True)
    parser.add_argument("--input_dir", type=pathlib.Path, required=True)
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--bands", type=int, default=25)
    parser.add_argument("--rows", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args(argv)
    arguments.output_dir.mkdir(parents=True)
    with multiprocessing.Pool(arguments.workers) as pool:
        tasks = ((arguments.library, row) for row in _rows(arguments.input_dir))
        signatures = list(pool.imap(_signature, tasks, chunksize=16))
    pairs = pairs_in_bands(signatures, bands=arguments.bands, rows=arguments.rows)
    cluster = clusters(len(signatures), pairs)
    with (arguments.output_dir / "deduplicated.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(row for number, row in enumerate(_rows(arguments.input_dir)) if cluster[number] == number)
    (arguments.output_dir / "pairs.json").write_text(json.dumps(sorted(pairs)), encoding="utf-8")
    print(json.dumps({"kept": sum(cluster[number] == number for number in range(len(cluster)))}))


if __name__ == "__main__":
    main()
