"""What the soak of training would see."""

import json

from tests.faults import training_soak

EXPECTED = [{"step": step, "loss": 2.0, "batch": f"batch {step}"} for step in (1, 2, 3)]


def test_a_run_that_did_the_same_is_right():
    assert training_soak.wrong([*EXPECTED[:2], *EXPECTED[1:]], EXPECTED) == [], "step 2 was trained twice"


def test_another_batch_loss_or_a_missing_step_is_wrong():
    found = [EXPECTED[0], {**EXPECTED[1], "batch": "batch 3"}, {**EXPECTED[1], "loss": 2.05}]
    assert training_soak.wrong(found, EXPECTED) == [
        "step 2 had another batch",
        "step 3 is missing",
        "step 2: loss 2.0500, undisturbed 2.0000",
    ]


def test_a_line_that_a_kill_cut_off_is_no_step(tmp_path):
    text = json.dumps(EXPECTED[0])
    (tmp_path / "steps.jsonl").write_text(f"{text}\n{text[:20]}")
    assert training_soak.rows(tmp_path) == EXPECTED[:1]
    assert training_soak.rows(tmp_path / "none") == []
