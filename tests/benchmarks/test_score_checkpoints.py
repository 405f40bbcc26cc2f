"""Scores of a small model that was trained by the clock."""

import json

import pytest
import seqio

from benchmarks import score_checkpoints
from code_t5.data.vocabulary import VOCABULARY


@pytest.mark.heavy
def test_bits_lines_and_gaps_of_a_model(small_model, small_data, tmp_path):
    output = tmp_path / "scores.json"
    words = ["--model_dir", small_model, "--data_dir", small_data / "data_dir", "--output", output]
    words += ["--documents", small_data / "documents", "--kilobytes", "6", "--lines", "4"]
    VOCABULARY.forget()
    try:
        score_checkpoints.main([str(word) for word in words])
    finally:
        seqio.set_tfds_data_dir_override(None)
        VOCABULARY.forget()
    found = json.loads(output.read_text())
    saved = json.loads((small_model / "progress.json").read_text())["saved"]
    points = [[point["step"], point["minutes"]] for point in found["curve"]]
    assert points == [[step, round(seconds / 60, 3)] for step, seconds in saved]
    figures = found["figures"]
    assert found["curve"][-1]["bits_per_byte"] == figures["bits_per_byte"] == figures["bits_per_byte_of_pieces"]
    # A new model gives each of 1,000 pieces about the same chance, log2(1000) = 10 bits a token.
    assert 0 < figures["bits_per_byte"] * figures["scored_bytes"] / figures["scored_tokens"] < 12
    assert 6000 <= figures["scored_bytes"] < 6400
    assert figures["line_completion"]["cases"] == 4
    for side in ("with_suffix", "without_suffix"):
        assert figures["infilling"][side]["all"]["cases"] == 4
