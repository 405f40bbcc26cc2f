import pytest

from benchmarks import training_workers
from benchmarks.measure import BenchmarkError
from benchmarks.training_processes import Course


def test_the_share_of_waiting_is_of_the_time_after_the_warm_up():
    steps = [[0.0, 9.0, 8.0, 0]] * 20 + [[0.0, 0.5, 0.01, 0]] * 40
    course = Course([number / 2 for number in range(60)], {"steps": steps})
    section = training_workers.table({0: course, 2: course})
    assert section.rows == [
        ["none: in the trainer", "2.00", "10.0", "2.0%"],
        ["2", "2.00", "10.0", "2.0%"],
    ]


def test_no_workers_need_no_service(tmp_path):
    with training_workers.service(0, tmp_path / "service") as address:
        assert address is None
    assert not (tmp_path / "service").exists()


@pytest.mark.slow
def test_a_server_that_ends_is_told(tmp_path):
    with pytest.raises(BenchmarkError, match=r"the data service's worker ended\n(.|\n)*which dispatcher"):
        training_workers._start(["worker"], tmp_path / "log.txt")
