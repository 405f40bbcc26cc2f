from benchmarks import training_costs
from benchmarks.training_processes import Course
from benchmarks.training_variants import PACKED, STOCK


def test_costs_are_medians_and_the_far_step_is_calculated():
    clock = {
        "steps": [[0.0, 0.2, 0.0, 1000]] * 100,
        "snapshot_s": [0.5, 0.1, 0.3],
        "restore_s": [0.2] * 3,
        "validation_s": [4.0] * 3,
        "snapshot_bytes": {"weights": 13_000_000, "input": 2_000_000},
    }
    examples = {STOCK.name: 200.0, PACKED.name: 1000.0}
    section = training_costs.table(Course([25.0], clock), Course([26.5], clock), examples)
    assert section.rows == [
        ["one step", "0.200", "1"],
        ["snapshot: 13.0 MB of weights, 2.0 MB of input", "0.30", "1.5"],
        ["reading it again", "0.20", "1.0"],
        ["validation, 256 windows", "4.00", "20.0"],
        ["start to first step, new run", "25.0", ""],
        ["start to first step, going on from step 100", "26.5", ""],
        ["t5's skip_seen_data at step 1,000,000, calculated", "20,000", ""],
    ]
