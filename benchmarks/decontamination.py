"""Which documents hold benchmark problems, and which copies would be found, for a grid of n-gram lengths and overlaps.

  python -m benchmarks.decontamination --documents DOCUMENTS --benchmarks FILES...

Prints, for each length and overlap,

- documents hit by each file of benchmarks. Few or none of them should be, but a published file may have been made of
  the very packages that are searched: look at the evidence, which is printed for the defaults;
- documents of one half of the repositories hit by rows made of the other half. The rows have CodeXGLUE's form; the
  repositories share vendored files, licence headers and import blocks;
- copies found, in per cent: of the benchmarks' problems, where they are Python, and of the files that rows were made
  of. The whole text, reformatted, with other names for variables, and the first half of its lines; for rows, which end
  anywhere in a file, of the file.
"""

import argparse
import collections
import contextlib
import heapq
import json
import pathlib
import random
import time
import zlib
from collections.abc import Callable, Iterator, Sequence

from benchmarks import planted_copies
from preprocessing import contract, decontaminate, shards, shingles
from preprocessing.benchmark_files import BenchmarkFile, Item, item_parts, read_benchmark_files
from preprocessing.decontaminate import BenchmarkIndex, Hit

NGRAMS = (5, 7, 10, 13)
OVERLAPS = (0.3, 0.4, 0.5, 0.6, 0.8)
COPIES: dict[str, Callable[[str], str]] = {
    "whole": str,
    "reformatted": planted_copies.reformatted,
    "renamed": planted_copies.renamed,
    "first half": planted_copies.first_half,
}
MADE = "made rows"


def main(argv: list[str] | None = None) -> None:
    """The command; see the text at the head of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", required=True, help="a folder that `preprocessing.run` made")
    parser.add_argument("--benchmarks", required=True, nargs="+", metavar="FILE", help="JSONL, gzipped or not")
    parser.add_argument("--rows", type=int, default=1000, help="make so many rows (%(default)s)")
    arguments = parser.parse_args(argv)
    files = read_benchmark_files(arguments.benchmarks)
    sources = sample(arguments.documents, arguments.rows)
    made = made_rows(sources)
    search(arguments.documents, files, made)
    for file in files:
        problems = [(item, item.parts[0].decode("utf-8", "replace")) for item in file.items if len(item.parts) == 1]
        if len(problems) == len(file.items) and all(_is_python(source) for _, source in problems):
            recall(file.name, problems)
    recall(MADE, list(zip(made.items, sources, strict=True)))


def sample(documents: str | pathlib.Path, count: int) -> list[str]:
    """Python sources of one half of the repositories; which, their hashes decide."""
    smallest = heapq.nsmallest(count, (file for file in _read(documents) if _half(file) == 0), key=lambda f: f.sha256)
    return [file.content for file in smallest if _is_python(file.content)]


def made_rows(sources: list[str]) -> BenchmarkFile:
    """A file of rows in the form of CodeXGLUE's; a source without any leaves `sources`."""
    literals = planted_copies.frequent_literals(sources)
    rows = [
        planted_copies.codexglue_row(source, random.Random(i), literals=literals) for i, source in enumerate(sources)
    ]
    sources[:] = [source for source, row in zip(sources, rows, strict=True) if row]
    parts = [tuple(part.encode() for part in item_parts(row)) for row in rows if row]
    return BenchmarkFile(MADE, "", tuple(Item(f"row {i}", item) for i, item in enumerate(parts)))


def search(documents: str | pathlib.Path, files: Sequence[BenchmarkFile], made: BenchmarkFile) -> None:
    """Looks every document up, and prints the tables."""
    lowest = min(OVERLAPS)
    given = {ngram: BenchmarkIndex(files, ngram=ngram, overlap=lowest) for ngram in NGRAMS}
    others = {ngram: BenchmarkIndex([made], ngram=ngram, overlap=lowest) for ngram in NGRAMS}
    hits: dict[int, list[tuple[str, Hit]]] = {ngram: [] for ngram in NGRAMS}
    spent: collections.Counter = collections.Counter()
    count = size = 0
    for file in _read(documents):
        count += 1
        data, place = file.content.encode(), f"{file.repository}/{file.path}"
        size += len(data)
        with _added_to(spent, "words"):
            words = shingles.word_hashes(data)
        for ngram in NGRAMS:
            with _added_to(spent, "n-grams", ngram):
                shingles.ngram_hashes(words, ngram)
            with _added_to(spent, "hits", ngram):
                found = given[ngram].hits(words, data)
            if _half(file) == 1:
                found = found + others[ngram].hits(words, data)
            hits[ngram] += [(place, hit) for hit in found]
    print(f"{count:,} documents, {size / 1e6:.1f} MB; words hashed at {size / 1e6 / spent['words',]:.0f} MB/s a core")
    for ngram in NGRAMS:
        both = spent["hits", ngram]
        lookup = max(both - spent["n-grams", ngram], 1e-9)
        print(
            f"n = {ngram}: {size / 1e6 / both:.0f} MB/s a core on top of that, {size / 1e6 / lookup:.0f} MB/s without "
            f"hashing the n-grams; {_too_short(given[ngram], others[ngram])}"
        )
    _print_documents_hit([*(file.name for file in files), MADE], hits)
    _print_hits(hits[decontaminate.NGRAM])


def _print_documents_hit(names: Sequence[str], hits: dict[int, list[tuple[str, Hit]]]) -> None:
    widths = [max(13, len(name)) for name in names]
    print("\ndocuments hit / items that hit them")
    print("   n  overlap" + "".join(f"  {name:>{width}}" for name, width in zip(names, widths, strict=True)))
    for ngram in NGRAMS:
        for overlap in OVERLAPS:
            line = f"{ngram:>4}  {overlap:>7}"
            for name, width in zip(names, widths, strict=True):
                here = [(place, hit) for place, hit in hits[ngram] if hit.benchmark == name and hit.overlap >= overlap]
                places, items = {place for place, _ in here}, {hit.item for _, hit in here}
                line += f"  {f'{len(places):,} / {len(items):,}':>{width}}"
            print(line)


def _print_hits(hits: Sequence[tuple[str, Hit]]) -> None:
    print(f"\nhits at the defaults, n = {decontaminate.NGRAM} and overlap {decontaminate.OVERLAP}")
    for place, hit in hits:
        if hit.overlap >= decontaminate.OVERLAP:
            print(f"{hit.overlap:>6.2f} of {hit.item} of {hit.benchmark}: {place}, line {hit.line}")
            print(f"       {json.dumps(hit.text, ensure_ascii=False)}")


def recall(name: str, problems: Sequence[tuple[Item, str]]) -> None:
    """Prints the share of copies that are found.

    Args:
      problems: items with the sources that they were made of.
    """
    copies = [{kind: copy(source).encode() for kind, copy in COPIES.items()} for _, source in problems]
    print(f"\n{name}: copies found of {len(problems):,} items, per cent (too short to be found: as not found)")
    print("   n  overlap  too short  " + "  ".join(f"{kind:>11}" for kind in COPIES))
    for ngram in NGRAMS:
        shares: dict[str, list[float]] = {kind: [] for kind in COPIES}
        for (item, _), texts in zip(problems, copies, strict=True):
            try:
                index = BenchmarkIndex([BenchmarkFile(name, "", (item,))], ngram=ngram, overlap=min(OVERLAPS))
            except contract.DataContractError:
                continue
            for kind, data in texts.items():
                shares[kind] += [hit.overlap for hit in index.hits(shingles.word_hashes(data), data)] or [0.0]
        for overlap in OVERLAPS:
            found = [sum(share >= overlap for share in shares[kind]) / len(problems) for kind in COPIES]
            too_short = 1 - len(shares["whole"]) / len(problems)
            print(f"{ngram:>4}  {overlap:>7}  {too_short:>9.1%}  " + "  ".join(f"{share:>11.1%}" for share in found))


def _read(documents: str | pathlib.Path) -> Iterator[contract.CodeFile]:
    for split in contract.SPLITS:
        yield from shards.read_documents(documents, split, verify=False)


def _half(file: contract.CodeFile) -> int:
    return zlib.crc32(file.repository.encode()) % 2


def _is_python(source: str) -> bool:
    try:
        planted_copies.reformatted(source)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _too_short(*indexes: BenchmarkIndex) -> str:
    files = [file for index in indexes for file in decontaminate.describe(index)["files"]]
    return "too short: " + ", ".join(f"{file['items_too_short']} of {file['items']:,}" for file in files)


@contextlib.contextmanager
def _added_to(spent: collections.Counter, *name: str | int) -> Iterator[None]:
    started = time.thread_time()
    yield
    spent[name] += time.thread_time() - started


if __name__ == "__main__":
    main()
