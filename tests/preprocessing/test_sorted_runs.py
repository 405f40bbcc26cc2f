import collections
import random

import pytest

from preprocessing import sorted_runs

KIND = sorted_runs.Kind("symbols", ("module", "attribute"), ("uses", "files"))


@pytest.mark.parametrize("batch_rows", [1, 7, 10_000])
def test_runs_are_added_up_in_order(tmp_path, monkeypatch, batch_rows):
    monkeypatch.setattr(sorted_runs, "BATCH_ROWS", batch_rows)
    random.seed(3)
    expected: dict[tuple, list[int]] = collections.defaultdict(lambda: [0, 0])
    for number in range(6):
        split = ("train", "test")[number % 2]
        counts = {}
        for _ in range(50):
            key = (random.choice("abé\U00010400"), random.choice(["", "x", "xy", "é"]))
            counts[key] = (random.randrange(9), 1)
        for key, values in counts.items():
            total = expected[(*key, ("train", "validation", "test").index(split))]
            total[0], total[1] = total[0] + values[0], total[1] + values[1]
        sorted_runs.write(tmp_path / f"symbols-{number}.arrow", KIND, counts, split=split)
    found = list(sorted_runs.merged(tmp_path, KIND))
    splits = ("train", "validation", "test")
    assert found == [(key[:2], splits[key[2]], tuple(values)) for key, values in sorted(expected.items())]


def test_other_kinds_and_empty_runs_give_nothing(tmp_path):
    sorted_runs.write(tmp_path / "imports-0.arrow", KIND, {("a", "b"): (1, 2)}, split="train")
    sorted_runs.write(tmp_path / "symbols-0.arrow", KIND, {}, split="train")
    assert list(sorted_runs.merged(tmp_path, KIND)) == []
