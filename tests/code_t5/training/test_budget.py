import pytest

from code_t5.training.budget import Budget


def test_the_smallest_limit_ends_the_run():
    budget = Budget(100, epochs=2, max_seconds=60)
    assert budget.reached(step=99, epochs=1, seconds=59.9) is None
    assert budget.reached(step=100, epochs=2, seconds=61.0) == "train_steps = 100"
    assert budget.reached(step=40, epochs=2, seconds=61.0) == "epochs = 2"
    assert budget.reached(step=40, epochs=0, seconds=61.0) == "max_seconds = 60"
    assert Budget(100).reached(step=99, epochs=10**6, seconds=1e9) is None


def test_what_is_further_tells_how_much_is_over():
    assert Budget(100).share_done(step=25, seconds=1e9) == 0.25
    assert Budget(100, max_seconds=10).share_done(step=25, seconds=5.0) == 0.5
    assert Budget(100).share_done(step=200, seconds=0.0) == 1.0


@pytest.mark.parametrize(
    "limits", [{"train_steps": 0}, {"train_steps": 1, "epochs": 0}, {"train_steps": 1, "max_seconds": -1}]
)
def test_limits_are_more_than_nothing(limits):
    name, value = list(limits.items())[-1]
    with pytest.raises(ValueError, match=f"{name} = {value}: must be more than 0, or None for no such limit"):
        Budget(**limits)
