"""Kills at random moments: what is left is never taken for finished, and a second run gives the same bytes.

`make soak` does this with every stage, many times.
"""

import random

import pytest

from tests.faults import rounds


@pytest.mark.parametrize(
    ("name", "victim"),
    [
        ("run", "group"),
        ("run", "main"),
        ("run", "worker"),
        ("weights", "main"),
        ("statistics", "worker"),
        pytest.param("cache", "group", marks=pytest.mark.slow),
    ],
)
def test_killed_and_run_again(made, tmp_path, name, victim):
    undisturbed = made.undisturbed(name)
    seed = random.randrange(1 << 32)
    done = rounds.kill_and_run_again(
        made.stages[name], undisturbed, tmp_path / "round", victim=victim, generator=random.Random(seed)
    )
    assert done.wrong == [], f"{done}, seed {seed}"
