import pytest

from code_t5.data import heldout


def test_bits_per_byte_is_the_documented_example():
    assert heldout.bits_per_byte([2.0, 6.0], [-4.0, -4.0])["bits_per_byte"] == pytest.approx(1.442695)


def test_decoded_text_is_refused():
    with pytest.raises(ValueError, match=r"score_eval.gin instead of eval.gin"):
        heldout.bits_per_byte([2.0], ["text"])


def test_postprocessor_gives_bytes_of_targets_and_leaves_scores():
    assert heldout.bytes_or_score("text", example={"targets_bytes": 7}, is_target=True) == 7.0
    assert heldout.bytes_or_score(-3.5, example={"targets_bytes": 7}) == -3.5
