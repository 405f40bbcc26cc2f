import json
import random

from benchmarks import baseline_minhash, measure
from benchmarks.inputs import module


def test_shingles():
    assert baseline_minhash.shingles("a = b+c(d)\n e") == {"a b c d e"}
    assert baseline_minhash.shingles("a b c d") == set()


def test_pairs_meet_in_a_whole_band():
    signatures = [[1, 2, 3, 4, 5], [1, 2, 0, 0, 5], [9, 9, 0, 0, 5], [1, 9, 3, 9, 5]]
    assert baseline_minhash.pairs_in_bands(signatures, bands=2, rows=2) == {(0, 1), (1, 2)}


def test_clusters_are_named_by_their_first_file():
    assert baseline_minhash.clusters(6, [(3, 4), (0, 3), (1, 5)]) == [0, 1, 2, 0, 0, 1]


def test_the_command_keeps_one_of_each_cluster(tmp_path):
    generator = random.Random(0)
    words = [[f"w{number}_{generator.randrange(500)}" for _ in range(300)] for number in range(3)]
    texts = [" ".join(text) for text in (*words, [*words[1][:299], "other"], words[2][:290])]
    (tmp_path / "in").mkdir()
    for name, part in (("1.jsonl", texts[:2]), ("2.jsonl", texts[2:])):
        lines = [json.dumps({"text": text, "id": str(texts.index(text))}) + "\n" for text in part]
        (tmp_path / "in" / name).write_text("".join(lines))
    command = [*module("benchmarks.baseline_minhash"), "--library", "rensa", "--input_dir", tmp_path / "in"]
    run = measure.run([*command, "--output_dir", tmp_path / "out"])
    assert json.loads(run.output) == {"kept": 3}
    assert json.loads((tmp_path / "out" / "pairs.json").read_text()) == [[1, 3], [2, 4]]
    kept = [json.loads(line)["id"] for line in (tmp_path / "out" / "deduplicated.jsonl").read_text().splitlines()]
    assert kept == ["0", "1", "2"]
