"""How Mesh TensorFlow models write: greedy, sampling and beam search for every model type, stopping where we ask.

t5's own decoding stops at EOS only, which in code stands at the end of a file; it has no beam search for decoder-only
models, and reads their temperature and top-k from other gin names than those of encoder-decoders.
"""

import dataclasses
from collections.abc import Sequence

import mesh_tensorflow as mtf
import numpy as np
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import transformer
from mesh_tensorflow.transformer.transformer import Context, Unitransformer, autoregressive_inputs

from code_t5.inference import first_token, step_logits, stop_set
from preprocessing.contract import EOS_ID


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How to write a completion.

    Attributes:
      max_new_tokens: the most tokens to write.
      beam_size: 1 for greedy or sampling; above 1 a beam search, whose best sequence is returned.
      temperature: 0 takes the most likely token; 1 samples from the model's distribution.
      top_k: sample among so many most likely tokens; -1 for all.
      length_bonus: alpha of the beam search's length penalty (Wu et al. 2016, https://arxiv.org/abs/1609.08144).

    Raises:
      ValueError: values that do not go together, or are out of range.
    """

    max_new_tokens: int = 64
    beam_size: int = 1
    temperature: float = 0.0
    top_k: int = -1
    length_bonus: float = 0.6

    def __post_init__(self):
        if self.max_new_tokens < 1 or self.beam_size < 1 or self.temperature < 0:
            raise ValueError(f"max_new_tokens and beam_size must be 1 or more, temperature 0 or more: {self}")
        if self.top_k != -1 and self.top_k < 1:
            raise ValueError(f"top_k must be 1 or more, or -1 for all tokens, got {self.top_k}")
        if self.beam_size > 1 and (self.temperature or self.top_k != -1):
            raise ValueError("a beam search is not random: give beam_size, or temperature and top_k, not both")
        if self.top_k != -1 and not self.temperature:
            raise ValueError("top_k needs a temperature above 0: without one the most likely token is taken anyway")


def predict_fn(decoding: Decoding, *, stop_ids: Sequence[int], ranks: np.ndarray):
    """The function that Mesh TensorFlow's `get_estimator` takes as `predict_fn`.

    Args:
      decoding: how to write.
      stop_ids: the tokens any of which ends a sequence, besides the room being full: EOS, or all that begin with a
        newline. They are one event to the search, with the sum of their probabilities, and written as the first.
      ranks: int32 [vocab_size], of `completion.healing.PieceOrder`.

    Raises:
      ValueError: there is none.

    Returns:
      A function of `model`, `features` and `variable_dtype` that gives int32 [batch, length]: what the model wrote
      after each prompt, zeros after its end. `features` are {"inputs": int32 [batch, inputs], "targets": int32 [batch,
      targets], "allowed": int32 [batch, 2]}: the prompts; the tokens that an answer is made to begin with, zeros where
      there are none, which a decoder-only model writes again (or no "targets"); and the range of ranks of the first
      token after them, see `first_token.restrict_first`. Where that is restricted, stop ids do not end the sequence as
      its first token, the first of them excepted.
    """
    if not stop_ids:
        raise ValueError("stop_ids is empty: give the tokens that end a sequence, EOS at least")
    stop_id = stop_ids[0]

    def write(model, features, variable_dtype):
        one_row = isinstance(model, Unitransformer)
        decoder = model if one_row else model.decoder
        before = features["inputs" if one_row else "targets"]
        start = _length(before)
        forced = features.get("targets") if one_row else None

        def change(logits, position):
            folded = stop_set.fold(logits, decoder.output_vocab_dim, stop_ids)
            first = start
            if forced is not None:
                folded = _force(folded, forced, mtf.add(position, -start, output_shape=position.shape))
                first = start + _length(forced)
            return first_token.restrict_first(
                logits,
                folded,
                is_first=mtf.equal(position, first, output_shape=position.shape),
                allowed=features["allowed"],
                ranks=ranks,
                vocab_dim=decoder.output_vocab_dim,
            )

        with step_logits.changed(decoder, change):
            if one_row:
                return _write_after_prompt(model, features, decoding, stop_id, variable_dtype)
            return _write_from_encoder(model, features, decoding, stop_id, variable_dtype)

    return write


def _length(row: mtf.Tensor) -> mtf.Tensor:
    """How many tokens stand in each row, int32 [batch]."""
    return mtf.reduce_sum(mtf.to_int32(mtf.not_equal(row, 0)), reduced_dim=row.shape.dims[-1])


def _force(logits: mtf.Tensor, forced: mtf.Tensor, step: mtf.Tensor) -> mtf.Tensor:
    """Logits that leave only the token that is forced at a step, where there is one.

    Args:
      logits: float [batch, ..., vocab].
      forced: int32 [batch, tokens], zeros after each row's end.
      step: int32 [batch, ...], 0 for the first token that is written.
    """
    forced_dim = forced.shape.dims[-1]
    token = mtf.gather(forced, mtf.minimum(step, forced_dim.size - 1), forced_dim, output_shape=step.shape)
    only = (mtf.one_hot(token, logits.shape.dims[-1]) - 1.0) * -first_token.FORBIDDEN
    is_forced = mtf.less(step, _length(forced), output_shape=step.shape)
    return mtf.where(is_forced, only, logits, output_shape=logits.shape)


def _write_after_prompt(model, features, decoding, stop_id, variable_dtype):
    """Decoder-only: the prompt stands in the same row, and room for the rest is added after it."""
    inputs, forced = features["inputs"], features.get("targets")
    length_dim = inputs.shape.dims[-1]
    max_steps = decoding.max_new_tokens + (0 if forced is None else forced.shape.dims[-1].size)
    sequences = mtf.pad(inputs, [0, max_steps], length_dim.name)
    if decoding.beam_size > 1:
        longer = dataclasses.replace(decoding, max_new_tokens=max_steps)
        return _beam_search(model, sequences, longer, stop_id, {"variable_dtype": variable_dtype})
    return model.sample_autoregressive(
        sequences,
        stop_at_token=stop_id,
        max_steps=max_steps,
        temperature=decoding.temperature,
        sampling_keep_top_k=decoding.top_k,
        variable_dtype=variable_dtype,
        remove_partial_sequences=True,
    )


def _write_from_encoder(model, features, decoding, stop_id, variable_dtype):
    """Encoder-decoder: as `Bitransformer.decode` does, with our stop token, after the forced beginning."""
    inputs, forced = features["inputs"], features["targets"]
    shared_params = model._shared_params(inputs.mesh, variable_dtype)
    sequence_id = mtf.minimum(inputs, 1)
    encoder_layer_outputs = []
    encoder_output, _ = model.encoder.call_simple(
        inputs=inputs,
        targets=None,
        compute_loss=False,
        mode=tf.estimator.ModeKeys.PREDICT,
        variable_dtype=variable_dtype,
        sequence_id=sequence_id,
        shared_params=shared_params,
        layer_outputs=encoder_layer_outputs,
    )
    to_memory = mtf.layers.rename_length_to_memory_length
    attended = {
        "variable_dtype": variable_dtype,
        "encoder_output": to_memory(encoder_output),
        "encoder_sequence_id": to_memory(sequence_id),
        "encoder_inputs": to_memory(inputs),
        "shared_params": shared_params,
        "encoder_layer_outputs": encoder_layer_outputs,
    }
    sequences = mtf.pad(forced, [0, decoding.max_new_tokens], forced.shape.dims[-1].name)
    if decoding.beam_size > 1:
        return _beam_search(model.decoder, sequences, decoding, stop_id, attended)
    return model.decoder.sample_autoregressive(
        sequences,
        stop_at_token=stop_id,
        max_steps=decoding.max_new_tokens,
        temperature=decoding.temperature,
        sampling_keep_top_k=decoding.top_k,
        remove_partial_sequences=True,
        **attended,
    )


def _beam_search(model: Unitransformer, sequences, decoding, stop_id, attended):
    """Beam search after a prompt, which may be empty: the best of `beam_size` sequences.

    Args:
      model: the decoder.
      sequences: int32 [batch, length], prompts with zeros after them.
      attended: what the decoder attends to besides itself, keyword arguments of `Context`.

    Returns:
      int32 [batch, max_new_tokens].
    """
    batch_dim, length_dim = sequences.shape.dims
    beam_dim = mtf.Dimension("beam", decoding.beam_size)
    new_dim = mtf.Dimension("new_length", decoding.max_new_tokens)
    mesh = sequences.mesh
    prompts = mtf.broadcast(sequences, [batch_dim, beam_dim, length_dim])
    prompt_length = mtf.reduce_sum(mtf.to_int32(mtf.not_equal(prompts, 0)), reduced_dim=length_dim)
    positions = mtf.range(mesh, length_dim, tf.int32)
    priority = positions
    if model.input_full_attention:
        priority = positions * mtf.to_int32(mtf.greater(positions, prompt_length))
    shared = {
        "model": model,
        "mesh": mesh,
        "batch_dims": [batch_dim, beam_dim],
        "length_dim": length_dim,
        "sequence_id": 1 if "encoder_sequence_id" in attended else None,
        "write_priority": priority,
        **attended,
    }
    first = Context(
        mode="first_part",
        position=positions,
        position_is_default=True,
        new_states=[],
        constant_states=[],
        initial_position=prompt_length,
        read_priority=priority,
        inputs=prompts,
        **shared,
    )
    with tf.variable_scope(model.name):
        model._call_internal(first, autoregressive_inputs(prompts))
    last_of_prompt = mtf.gather(prompts, mtf.maximum(prompt_length - 1, 0), length_dim)

    def next_logits(step, written, states):
        """Logits [batch, beam, vocab] of token number `step` after the prompt."""
        is_first = mtf.to_int32(mtf.equal(step, 0))
        previous = mtf.gather(written, mtf.maximum(step - 1, 0), new_dim) * (1 - is_first) + last_of_prompt * is_first
        position = prompt_length + step
        context = Context(
            mode="incremental",
            position=position,
            states=states,
            new_states=[],
            constant_states=first.constant_states,
            read_priority=position,
            inputs=previous,
            **shared,
        )
        with tf.variable_scope(model.name, reuse=True):
            logits = model._call_internal(context, previous)
        return mtf.to_float(logits), context.new_states

    beams, _ = mtf.beam_search.beam_search(
        next_logits,
        mtf.zeros(mesh, mtf.Shape([batch_dim, beam_dim, new_dim]), dtype=tf.int32),
        decoding.length_bonus,
        states=first.new_states,
        eos_id=stop_id,
        decode_length=mtf.constant(mesh, decoding.max_new_tokens, dtype=tf.int32),
    )
    best = mtf.gather(beams, mtf.constant(mesh, 0, dtype=tf.int32), beam_dim)
    return mtf.rename_dimension(best, new_dim.name, length_dim.name)


assert transformer.delimited_lm_inputs_mask.__defaults__ == (EOS_ID,)
