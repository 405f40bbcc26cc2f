"""Changed logits, on a decoder that gives its input as logits."""

import types

import pytest

from code_t5.inference import step_logits


class Decoder:
    def _call_internal(self, context, inputs, targets=None):
        return inputs


def context(mode: str) -> types.SimpleNamespace:
    return types.SimpleNamespace(mode=mode, position=5)


def test_a_decoder_changes_its_steps_within_the_block_only():
    decoder = Decoder()
    with step_logits.changed(decoder, lambda logits, position: (logits, position)):
        assert decoder._call_internal(context("incremental"), 3.0) == (3.0, 5)
        assert decoder._call_internal(context("first_part"), 3.0) == 3.0
    assert decoder._call_internal(context("incremental"), 3.0) == 3.0


def test_a_decoder_is_itself_again_after_an_error():
    decoder = Decoder()
    with pytest.raises(KeyError), step_logits.changed(decoder, lambda logits, position: logits):
        raise KeyError
    assert decoder._call_internal.__func__ is Decoder._call_internal
