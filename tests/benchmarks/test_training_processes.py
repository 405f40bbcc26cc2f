"""Each contestant trains, and tells of each step."""

import pytest

from benchmarks import baseline_huggingface_t5, training_processes
from benchmarks.training_processes import Shape

STEPS = 14
SHAPE = Shape("tiny", 32, 2, STEPS)


def test_sizes_are_those_of_gin():
    assert baseline_huggingface_t5.size("tiny") == {
        "d_model": 256, "num_layers": 4, "d_ff": 1024, "num_heads": 4, "d_kv": 64,
    }  # fmt: skip


@pytest.mark.heavy
def test_all_contestants_take_their_steps(small_data, tmp_path):
    ours = training_processes.ours(SHAPE, small_data / "data_dir", tmp_path / "ours")
    stock = training_processes.stock(SHAPE, small_data / "data_dir", tmp_path / "stock")
    torch = training_processes.hugging_face(SHAPE, 1000)
    for course in (ours, stock, torch):
        assert len(course.ends) == STEPS
        assert course.ends == sorted(course.ends)
        assert course.steps_per_second(skipped=3) > 0
    assert all(0 < step[3] <= 2 * 2 * 32 for step in ours.clock["steps"])
    assert [len(ours.clock[f"{name}_s"]) for name in ("snapshot", "restore", "validation")] == [3, 3, 3]
    assert min(ours.clock["snapshot_bytes"].values()) > 1000
    assert (tmp_path / "ours" / "FINISHED").exists()
    assert not (tmp_path / "stock" / "FINISHED").exists(), "t5's own loop"
