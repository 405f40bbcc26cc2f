"""Overlap with benchmarks: hits against the same thing done slowly with strings, the edge, the evidence, the errors."""

import dataclasses
import gzip
import hashlib
import io
import json
import pathlib
import pickle
import random
import re
import tokenize

import numpy as np
import pytest

from preprocessing import decontaminate, shingles
from preprocessing.benchmark_files import BenchmarkFile, Item
from preprocessing.contract import DataContractError
from preprocessing.decontaminate import BenchmarkIndex, Hit, read_benchmarks

REAL = pathlib.Path(__file__).parents[3] / "shared" / "data"
HUMAN_EVAL = REAL / "human_eval" / "HumanEval.jsonl.gz"
INFILLING = REAL / "human_eval" / "HumanEval-SingleLineInfilling.jsonl.gz"
CODEXGLUE = REAL / "codexglue" / "py150_line_dev_300.jsonl"
needs_real_files = pytest.mark.skipif(
    not REAL.is_dir(), reason=f"the published benchmark files are not at {REAL}; made-up ones are tested all the same"
)


def words(start: int, stop: int) -> str:
    return " ".join(f"w{i}" for i in range(start, stop))


def benchmark(*texts: str | tuple[str, ...], name: str = "b.jsonl") -> BenchmarkFile:
    """A file with items of these texts, or tuples of parts, called 0, 1, ..."""
    parts = [(text,) if isinstance(text, str) else text for text in texts]
    items = [Item(str(i), tuple(part.encode() for part in item)) for i, item in enumerate(parts)]
    return BenchmarkFile(name, "0" * 64, tuple(items))


def hits(index: BenchmarkIndex, text: str) -> list[Hit]:
    data = text.encode()
    return index.hits(shingles.word_hashes(data), data)


def slow_share(item: tuple[str, ...], text: str, n: int) -> tuple[int, int]:
    """(n-grams of the item that stand in the text, all n-grams of the item)."""

    def ngrams(part: str) -> set:
        found = re.findall(r"[A-Za-z0-9_\x80-\U0010ffff]+", part)
        return {tuple(found[i : i + n]) for i in range(len(found) - n + 1)}

    wanted = set().union(*map(ngrams, item))
    return len(wanted & ngrams(text)), len(wanted)


def test_a_copy_is_found_with_its_evidence():
    # 20 words have 11 10-grams.
    index = BenchmarkIndex([benchmark(words(0, 20))])
    document = f"# größe\nimport os\n\n{words(0, 9)},\n  {words(9, 20)})\nend\n"
    evidence = f"{words(0, 9)},\n  {words(9, 20)}"
    assert hits(index, document) == [Hit("b.jsonl", "0", 1.0, 11, evidence, 4)]
    assert hits(index, "import os\n") == []
    assert hits(index, "") == []


def test_punctuation_and_lines_make_no_difference():
    index = BenchmarkIndex(
        [benchmark("def f(a, b):\n    return [a + b, a - b, a * b, (a, b), {a: b}, a ** b, b @ a]\n")]
    )
    (hit,) = hits(index, "def f(a,b): return (\n a+b, a-b,\n a*b, (a, b),\n {a: b}, a**b, b @ a)")
    assert hit.overlap == 1.0


@pytest.mark.parametrize(
    ("overlap", "shared", "hit"),
    [(0.4, 10, True), (0.4, 9, False), (0.5, 13, True), (0.5, 12, False), (1.0, 25, True), (1.0, 24, False)],
)
def test_exactly_at_the_threshold_is_a_hit(overlap, shared, hit):
    # 34 words have 25 10-grams, and the first `shared` + 9 words have `shared` of them.
    index = BenchmarkIndex([benchmark(words(0, 34))], overlap=overlap)
    found = hits(index, words(0, shared + 9))
    assert [(h.overlap, h.shared) for h in found] == ([(shared / 25, shared)] if hit else [])


def test_every_overlap_of_whole_per_cents_is_met_by_exactly_so_many():
    """What floating point makes of 0.14 * 100 or 0.29 * 100 must not decide."""
    for per_cent in range(8, 101):
        index = BenchmarkIndex([benchmark(words(0, 109))], overlap=per_cent / 100)
        assert len(hits(index, words(0, per_cent + 9))) == 1
        assert hits(index, words(0, per_cent + 8)) == []


@pytest.mark.parametrize(("ngram", "words_needed"), [(1, 17), (5, 17), (10, 17), (17, 17), (18, 18), (25, 25)])
def test_seventeen_words_are_needed_however_small_the_share_asked_for(ngram, words_needed):
    index = BenchmarkIndex([benchmark(words(0, 30))], ngram=ngram, overlap=0.01)
    assert hits(index, words(0, words_needed - 1)) == []
    assert [hit.shared for hit in hits(index, words(0, words_needed))] == [words_needed - ngram + 1]


@pytest.mark.parametrize(("ngram", "shared"), [(1, 20), (5, 16), (10, 11), (13, 8)])
def test_the_length_of_ngrams_is_an_argument(ngram, shared):
    index = BenchmarkIndex([benchmark(words(0, 20))], ngram=ngram)
    assert [hit.shared for hit in hits(index, words(0, 20))] == [shared]
    assert hits(index, words(0, 20).replace("w4 ", "x ").replace("w9 ", "x ").replace("w14 ", "x ")) == (
        [] if ngram > 4 else [Hit("b.jsonl", "0", 0.85, 17, words(15, 20), 1)]
    )


def test_repetitions_count_once():
    index = BenchmarkIndex([benchmark(words(0, 20) + " " + words(0, 20))])
    # 40 words have 31 10-grams, 11 of which come again: 20 are distinct.
    assert [(hit.overlap, hit.shared) for hit in hits(index, words(0, 20))] == [(11 / 20, 11)]
    assert hits(index, " ".join([words(0, 10)] * 50)) == []


def test_ngrams_do_not_cross_from_part_to_part():
    index = BenchmarkIndex([benchmark((words(0, 16), words(16, 32)))])
    whole, turned = f"{words(0, 32)}", f"{words(16, 32)} {words(0, 16)}"
    assert [(hit.overlap, hit.shared) for hit in hits(index, whole)] == [(1.0, 14)]
    assert [(hit.overlap, hit.shared) for hit in hits(index, turned)] == [(1.0, 14)]


def test_half_of_a_long_item_is_what_the_threshold_says():
    texts = [benchmark(words(0, 5000))]
    half = words(1000, 3500)
    assert [hit.shared for hit in hits(BenchmarkIndex(texts, overlap=0.49), half)] == [2491]
    assert hits(BenchmarkIndex(texts, overlap=0.5), half) == []


def test_against_strings():
    """Random texts of few words, so that much is shared: shares, edges and order as in a slow search."""
    rng = random.Random(3)

    def text(length: int) -> str:
        return " ".join(rng.choice("abc") for _ in range(length))

    items = [tuple(text(rng.randrange(1, 40)) for _ in range(rng.randrange(1, 4))) for _ in range(200)]
    index = BenchmarkIndex([benchmark(*items[:90]), benchmark(*items[90:], name="c")], ngram=4, overlap=0.6)
    found = 0
    for _ in range(40):
        document = text(rng.randrange(0, 60))
        expected = []
        for number, item in enumerate(items):
            shared, size = slow_share(item, document, 4)
            if shared >= 14 and shared * 10 >= 6 * size:
                expected.append(("b.jsonl" if number < 90 else "c", number % 90, shared, shared / size))
        got = [(hit.benchmark, int(hit.item) % 90, hit.shared, hit.overlap) for hit in hits(index, document)]
        assert got == expected
        found += len(got)
    assert found > 100


def test_items_of_one_text_are_one_hit_a_file():
    twins = benchmark(words(0, 20), words(50, 80), words(0, 12) + "\n" + words(12, 20), words(0, 20))
    index = BenchmarkIndex([twins, benchmark(words(0, 20), name="c.jsonl")])
    assert [(hit.benchmark, hit.item) for hit in hits(index, words(0, 20))] == [
        ("b.jsonl", "0, 2 and 1 more"),
        ("c.jsonl", "0"),
    ]


def test_hits_come_in_the_order_of_files_and_rows():
    files = [benchmark(words(90, 120), words(0, 30), words(30, 60)), benchmark(words(60, 90), name="a.jsonl")]
    document = words(0, 200)
    expected = [("b.jsonl", "0"), ("b.jsonl", "1"), ("b.jsonl", "2"), ("a.jsonl", "0")]
    assert [(hit.benchmark, hit.item) for hit in hits(BenchmarkIndex(files), document)] == expected
    turned = [(hit.benchmark, hit.item) for hit in hits(BenchmarkIndex(files[::-1]), document)]
    assert turned == expected[3:] + expected[:3]


def test_the_evidence_is_the_longest_piece_and_stands_where_it_says():
    index = BenchmarkIndex([benchmark(words(0, 60))], overlap=0.2)
    document = f"{words(40, 52)}\nelse\r\n\tgröße {words(0, 12)}\n{words(12, 16)}\nelse\n{words(20, 33)}\n"
    (hit,) = hits(index, document)
    assert (hit.text, hit.line) == (f"{words(0, 12)}\n{words(12, 16)}", 3)


def test_long_evidence_is_cut_and_still_stands_in_the_document():
    text = " ".join(f"größe{i}" for i in range(200))
    (hit,) = hits(BenchmarkIndex([benchmark(text)]), f"\n\n{text}")
    assert len(hit.text) == decontaminate.EVIDENCE_CHARACTERS == 200
    assert text.startswith(hit.text)
    assert hit.line == 3


def test_a_pickled_index_finds_the_same():
    index = BenchmarkIndex([benchmark(words(0, 20), words(15, 40))])
    pickled = pickle.dumps(index)
    assert len(pickled) < 10_000 < index._table.nbytes * 100
    assert "_table" not in pickle.loads(pickled).__getstate__()
    assert hits(pickle.loads(pickled), words(0, 40)) == hits(index, words(0, 40)) != []
    assert decontaminate.describe(pickle.loads(pickled)) == decontaminate.describe(index)


def test_a_table_that_is_too_small_rejects_less_and_finds_the_same(monkeypatch):
    monkeypatch.setattr(decontaminate, "_MAX_TABLE_BITS", 1)
    index = BenchmarkIndex([benchmark(words(0, 20))])
    assert len(index._table) == 2
    assert [hit.shared for hit in hits(index, words(0, 500))] == [11]
    assert hits(index, words(300, 500)) == []


def test_items_that_are_too_short_are_counted_and_never_found():
    index = BenchmarkIndex([benchmark(words(0, 16), words(20, 37), "()", (words(0, 16), words(1, 17)))])
    assert decontaminate.describe(index) == {
        "ngram": 10,
        "overlap": 0.4,
        "min_shared": 8,
        "files": [{"name": "b.jsonl", "sha256": "0" * 64, "items": 4, "items_too_short": 2}],
    }
    assert [hit.item for hit in hits(index, words(0, 40))] == ["1", "3"]


def test_files_are_read_and_described(tmp_path):
    row = {"task_id": "H/0", "prompt": words(0, 12), "canonical_solution": " " + words(12, 20), "test": words(90, 120)}
    stored = gzip.compress(json.dumps(row).encode())
    (tmp_path / "h.jsonl.gz").write_bytes(stored)
    rows = [{"input": f"<s> {words(0, 14)} <EOL> '<STR_LIT>' <EOL> {words(14, 25)} =", "gt": words(25, 30)}]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"input": "x", "gt": "y"}]))
    index = read_benchmarks([tmp_path / "h.jsonl.gz", str(tmp_path / "c.jsonl")], ngram=9, overlap=0.75)
    digest = hashlib.sha256((tmp_path / "c.jsonl").read_bytes()).hexdigest()
    assert decontaminate.describe(index) == {
        "ngram": 9,
        "overlap": 0.75,
        "min_shared": 9,
        "files": [
            {"name": "h.jsonl.gz", "sha256": hashlib.sha256(stored).hexdigest(), "items": 1, "items_too_short": 0},
            {"name": "c.jsonl", "sha256": digest, "items": 2, "items_too_short": 1},
        ],
    }
    json.dumps(decontaminate.describe(index))
    source = f"{words(0, 14)}\nx = 'a lost literal'\n{words(14, 25)} = {words(25, 30)}"
    assert [(hit.benchmark, hit.item, hit.overlap) for hit in hits(index, source)] == [("c.jsonl", "line 1", 1.0)]


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ([], {}, "no benchmark files: expected at least one"),
        ([benchmark(words(0, 20))], {"ngram": 0}, "n-grams of 0 words: expected at least 1"),
        ([benchmark(words(0, 20))], {"overlap": 0.0}, "an overlap of 0.0: expected a share above 0 and up to 1"),
        ([benchmark(words(0, 20))], {"overlap": 1.01}, "an overlap of 1.01: expected a share above 0 and up to 1"),
    ],
)
def test_wrong_arguments(files, arguments, message):
    with pytest.raises(ValueError, match=message):
        BenchmarkIndex(files, **arguments)


def test_a_file_of_which_nothing_can_be_found():
    good, short = benchmark(words(0, 20)), benchmark(words(0, 16), "x", name="short.jsonl")
    message = (
        r"nothing of the benchmark short\.jsonl can be found: none of its 2 items has 8 different n-grams of 10 words, "
        "as 17 words in a row have. Leave the file out"
    )
    with pytest.raises(DataContractError, match=message):
        BenchmarkIndex([good, short])
    with pytest.raises(DataContractError, match="has 1 different n-grams of 20 words, as 20 words in a row have"):
        BenchmarkIndex([short], ngram=20)


def as_codexglue_row(source: str, *, cut: int, kept: set[str]) -> dict[str, str]:
    """Python 3 source in the form of CodeXGLUE's rows: its `input` ends and its `gt` begins after `cut` tokens."""
    out = ["<s>"]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.STRING:
            quote = (
                "'''" if token.string.endswith("'''") else '"""' if token.string.endswith('"""') else token.string[-1]
            )
            text = token.string[token.string.index(quote) + len(quote) : -len(quote)]
            mark = f"<STR_LIT:{text}>" if text in kept else "<STR_LIT>"
            out.append(token.string[: token.string.index(quote)] + quote + mark + quote)
        elif token.type == tokenize.NUMBER:
            out.append(f"<NUM_LIT:{token.string}>" if token.string in kept else "<NUM_LIT>")
        elif token.type in (tokenize.NEWLINE, tokenize.NL):
            out += ["<EOL>"] * (out[-1] != "<EOL>")
        elif token.type not in (tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            out.append(token.string)
    return {"input": " ".join(out[:cut]), "gt": " ".join(out[cut : cut + 6])}


def test_the_source_of_a_codexglue_row_is_found(tmp_path):
    """This very file, whose comments and strings the row has lost; and no other file of this folder."""
    source = pathlib.Path(__file__).read_text(encoding="utf-8")
    row = as_codexglue_row(source, cut=1500, kept={"0", "1", "utf-8", "__main__"})
    assert "<STR_LIT>" in row["input"]
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    index = read_benchmarks([tmp_path / "rows.jsonl"])
    found = {
        path.name: [hit.overlap for hit in hits(index, path.read_text(encoding="utf-8"))]
        for path in pathlib.Path(__file__).parent.glob("*.py")
    }
    (overlap,) = found.pop(pathlib.Path(__file__).name)
    assert 0.8 < overlap <= 1.0
    assert len(found) > 5
    assert [name for name, overlaps in found.items() if overlaps] == []


@needs_real_files
def test_every_problem_of_human_eval_is_found_and_named_in_both_sets():
    index = read_benchmarks([HUMAN_EVAL, INFILLING])
    assert [file["items"] for file in decontaminate.describe(index)["files"]] == [164, 1033]
    assert [file["items_too_short"] for file in decontaminate.describe(index)["files"]] == [0, 0]
    for row in map(json.loads, gzip.decompress(HUMAN_EVAL.read_bytes()).splitlines()):
        document = f"import os\n\n\n{row['prompt']}{row['canonical_solution']}\n\nprint({row['entry_point']})\n"
        found = [hit for hit in hits(index, document) if hit.overlap == 1.0]
        # 56 and 61 differ in their brackets alone.
        assert row["task_id"] in [id_ for hit in found for id_ in hit.item.split(", ")]
        assert {hit.benchmark for hit in found} == {HUMAN_EVAL.name, INFILLING.name}
        for hit in found:
            assert document.count("\n", 0, document.index(hit.text)) == hit.line - 1


@needs_real_files
def test_codexglue_rows_are_found_in_what_they_were_made_of():
    index = read_benchmarks([CODEXGLUE])
    assert decontaminate.describe(index)["files"][0]["items_too_short"] == 47
    source = "import sys\n\n\ndef main():\n    # a comment\n    filea = 'a.txt'\n    a = open(filea).readlines()\n"
    assert hits(index, source) == []
    rows = [json.loads(line) for line in CODEXGLUE.read_text().splitlines()]
    (line,) = [number for number, row in enumerate(rows, 1) if "def sentence_ribes" in row["input"]]
    text = re.sub(r"<EOL>", "\n", rows[line - 1]["input"]).replace("<STR_LIT>", "some text")
    text = re.sub(r"<NUM_LIT:(.*?)>", r"\1", text).replace("<NUM_LIT>", "0.25")
    (hit,) = hits(index, text)
    assert (hit.item, hit.benchmark) == (f"line {line}", CODEXGLUE.name)
    assert hit.overlap > 0.95


def test_a_hit_is_json_like():
    (hit,) = hits(BenchmarkIndex([benchmark(words(0, 20))]), words(0, 20))
    assert json.loads(json.dumps(dataclasses.asdict(hit))) == dataclasses.asdict(hit)
    assert not any(isinstance(value, np.generic) for value in dataclasses.asdict(hit).values())
