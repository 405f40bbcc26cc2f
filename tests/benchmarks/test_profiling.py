import time

from benchmarks import profiling
from preprocessing import shingles


def hash_for(seconds: float) -> None:
    data = b"word " * 20_000
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        shingles.word_hashes(data)


def test_time_is_put_down_to_the_innermost_function_of_ours():
    def work() -> None:
        hash_for(0.5)
        time.sleep(0.25)

    found = profiling.profile(work)
    ours = sum(seconds for name, seconds in found.items() if name.startswith("shingles."))
    assert ours > 0.3
    assert found["elsewhere"] >= 0.24
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_other_rooms_can_be_asked_for():
    found = profiling.profile(lambda: hash_for(0.1), rooms=("tests",))
    assert max(found, key=found.get) == "test_profiling.hash_for"
