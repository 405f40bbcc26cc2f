"""Tables, from given records."""

import dataclasses

import pytest

from benchmarks import objective_tables
from benchmarks.measure import BenchmarkError
from benchmarks.training_variants import (
    DEEP,
    LONG,
    PACKED,
    PREDECESSOR_VOCABULARY,
    SHALLOW,
    STOCK,
    WITH_INFILLING,
)
from tests.benchmarks.training_records import record, settings


def runs(variant, bits, **more) -> list[dict]:
    return [record(settings(variant, seed), value, **more) for seed, value in enumerate(bits)]


def test_the_objective_wins_by_more_than_the_spread():
    made = runs(STOCK, [2.40, 2.30, 2.32], exact=5.0) + runs(PACKED, [2.10, 2.11, 2.15], exact=7.0)
    section = objective_tables.objectives(made)
    cells = ["2.320 (2.300 to 2.400)", "5.0 (5.0 to 5.0)", "40.0 (40.0 to 40.0)"]
    assert section.rows[0] == ["t5's prefix-LM and pipeline", "3", "3,000", *cells]
    assert section.rows[1][3] == "2.110 (2.100 to 2.150)"
    bits, lines = section.targets
    assert (bits.found, bits.met) == ("0.210 better, spread 0.100, 3 seeds", True)
    assert (lines.found, lines.met) == ("2.000 better, spread 0.000, 3 seeds", True)
    assert "500 lines" in section.about
    assert "5.0 steps a second, on 2 of 2 cores" in section.about
    assert section.raw["runs"][0] == "stock_prefix_lm-10min-seed0.json"


@pytest.mark.parametrize("bits", [[2.30, 2.31, 2.25], [2.5, 2.5, 2.5]])
def test_a_gain_within_the_spread_is_missed(bits):
    made = runs(STOCK, [2.40, 2.30, 2.32]) + runs(PACKED, bits)
    assert not objective_tables.objectives(made).targets[0].met


def test_one_seed_shows_no_spread():
    made = runs(STOCK, [2.4]) + runs(PACKED, [2.1])
    section = objective_tables.objectives(made)
    assert section.rows[0][3] == "2.400"
    assert not section.targets[0].met


def test_the_vocabularies_show_what_the_bytes_of_their_pieces_would_have_given():
    made = runs(PREDECESSOR_VOCABULARY, [2.5, 2.6]) + runs(PACKED, [2.0, 2.1])
    section = objective_tables.tokenizers(made)
    assert section.rows[0][2:] == ["3.75", "2.550 (2.500 to 2.600)", "2.295 (2.250 to 2.340)"]
    assert section.targets[0].met


def test_infilling_with_and_without_what_stands_after():
    section = objective_tables.infilling(runs(WITH_INFILLING, [2.0], infilling=True, exact=11.0))
    assert section.rows[2] == ["together", "100", "14.0", "11.0", "50.0", "50.0"]
    assert section.targets[0].met
    assert objective_tables.infilling(runs(WITH_INFILLING, [2.0])) is None
    assert objective_tables.infilling([]) is None


def test_a_shallow_decoder_stands_beside_a_deep_one():
    section = objective_tables.decoders(runs(DEEP, [2.8]) + runs(SHALLOW, [2.5], exact=6.0))
    assert [list(row) for row in section.rows] == [
        ["12+12 layers", "3,000", "2.800", "5.0", "40.0"],
        ["12+2 layers", "3,000", "2.500", "6.0", "40.0"],
    ]


def test_the_long_run_is_held_against_xz():
    made = dataclasses.replace(settings(LONG, minutes=120.0, data="whole"), evaluate=True)
    evaluation = {
        "bits_per_byte": {"model": 1.9, "unigram": 3.0, "xz_same_context": 3.0},
        "line_completion": {"exact_match": 12.34, "edit_similarity": 50.0},
        "xz_whole_files": 1.5,
    }
    section = objective_tables.long_run([record(made, 1.8, evaluation=evaluation)])
    assert section.rows[0] == ["the model", "1.900", "12.3", "50.0"]
    assert (section.targets[0].found, section.targets[0].met) == ("37% fewer", True)
    assert "120 minutes" in section.about
    evaluation["bits_per_byte"]["model"] = 2.1
    assert not objective_tables.long_run([record(made, 1.8, evaluation=evaluation)]).targets[0].met
    assert objective_tables.long_run([]) is None


def test_other_documents_are_refused():
    other = record(settings(PACKED), 2.0, digests={"documents": "e"})
    with pytest.raises(BenchmarkError, match="their documents differ"):
        objective_tables.objectives([record(settings(STOCK), 2.0), other])


def test_more_lines_count_where_all_runs_have_them():
    made = runs(STOCK, [2.4], exact=5.0) + runs(PACKED, [2.1], exact=7.0)
    made[0]["figures"]["more_lines"] = {"exact_match": 6.0, "edit_similarity": 41.0, "cases": 2000}
    assert [row[4] for row in objective_tables.objectives(made).rows] == ["5.0", "7.0"]
    made[1]["figures"]["more_lines"] = {"exact_match": 6.5, "edit_similarity": 42.0, "cases": 2000}
    section = objective_tables.objectives(made)
    assert [row[4] for row in section.rows] == ["6.0", "6.5"]
    assert "2,000 lines of held-out files" in section.about
