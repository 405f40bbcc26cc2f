"""The short form of the soak, and what it would see."""

import pytest

from tests import exported_models
from tests.faults import completion_soak
from tests.faults.completion_soak import Figures


def test_what_must_not_be_is_seen():
    assert Figures([0.1], [], [100.0] * 8).wrong() == []
    found = Figures([0.1], ["ReadError: reset"], [100.0, 100.0, 150.0, 150.0]).wrong()
    assert found == ["ReadError: reset", "memory grew from 100 to 150 MB"]


@pytest.mark.slow
def test_eight_clients_a_kill_and_a_new_start(tmp_path):
    before, after = completion_soak.soak(exported_models.random_export(tmp_path / "model"), clients=8, seconds=10)
    assert before.wrong() == after.wrong() == []
    assert len(before.seconds) > 100
    assert len(after.seconds) > 20
