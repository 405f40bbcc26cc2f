"""Records stand for runs."""

import json

import pytest

from benchmarks import run_records
from benchmarks.measure import BenchmarkError
from benchmarks.training_variants import PACKED, PREDECESSOR_VOCABULARY, STOCK
from tests.benchmarks.training_records import record, settings


def test_a_record_is_found_by_its_settings(tmp_path):
    made = settings(STOCK, 1)
    assert run_records.find(made, tmp_path) is None
    path = run_records.write(made, {"figures": {"bits_per_byte": 2.0}}, tmp_path)
    assert path.name == "stock_prefix_lm-10min-seed1.json"
    found = run_records.find(made, tmp_path)
    assert found["figures"] == {"bits_per_byte": 2.0}
    assert found["settings"]["variant"]["gin_files"] == ["objectives/stock_prefix_lm.gin"]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_record_of_other_settings_is_none(tmp_path):
    run_records.write(settings(STOCK, 1, vocab_size=4000), {}, tmp_path)
    assert run_records.find(settings(STOCK, 1), tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "stock_prefix_lm-10min-seed1.json").write_text(content)
    with pytest.raises(BenchmarkError, match=r"seed1.json is not the record of a run .*: delete it"):
        run_records.find(settings(STOCK, 1), tmp_path)


def test_the_committed_records_are_whole():
    for path in run_records.FOLDER.glob("*.json"):
        found = json.loads(path.read_text())
        assert path.stem == run_records.name_of(found)
        assert found["curve"][-1]["bits_per_byte"] == found["figures"]["bits_per_byte"]
        assert path.stat().st_size < 50_000


@pytest.mark.parametrize(
    "change, what",
    [
        ({"digests": {"documents": "e"}}, "documents"),
        ({"digests": {"vocabulary": "w"}}, "vocabularies"),
        ({"machine": {"processor": "another", "cores": "2 of 2"}}, "processors"),
        ({"figures": {"scored_text": "u"}}, "scored text"),
    ],
)
def test_runs_that_are_not_alike_are_not_compared(change, what):
    one, other = record(settings(STOCK), 2.2), record(settings(PACKED), 2.0)
    run_records.check_comparable([one, other])
    with pytest.raises(
        BenchmarkError, match=f"stock_prefix_lm-10min-seed0 and packed_prefix_lm-10min-seed0 .* {what} differ"
    ):
        run_records.check_comparable([one, {**other, **{k: {**other[k], **v} for k, v in change.items()}}])


def test_vocabularies_of_another_kind_may_differ():
    other = record(settings(PREDECESSOR_VOCABULARY), 2.0)
    other["digests"] = {**other["digests"], "vocabulary": "w"}
    run_records.check_comparable([record(settings(PACKED), 2.2), other])
    stale = {"digests": {**other["digests"], "vocabulary": "of another day"}}
    with pytest.raises(BenchmarkError, match="their vocabularies differ"):
        run_records.check_comparable([other, record(settings(PACKED), 2.2), record(settings(STOCK), 2.2, **stale)])
