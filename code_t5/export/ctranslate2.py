"""A CTranslate2 model (https://opennmt.net/CTranslate2): `model.bin`, `config.json` and the vocabulary's pieces."""

from collections.abc import Sequence

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

from code_t5.export import checkpoint
from completion import requests
from preprocessing import contract, prompt

QUANTIZATIONS = {"float32": None, "int8": "int8"}
_ACTIVATIONS = {"relu": common_spec.Activation.RELU, "gelu": common_spec.Activation.GELUTanh}


def write(weights: checkpoint.Weights, codec: prompt.Codec, folder: str, *, precision: str) -> None:
    """Writes a folder for `ctranslate2.Translator`.

    Raises:
      ValueError: a precision that CTranslate2 does not have, or a model of a decoder alone.
    """
    if precision not in QUANTIZATIONS:
        raise ValueError(f"CTranslate2 has no {precision} on CPUs: choose {' or '.join(QUANTIZATIONS)}")
    if weights.encoder is None:
        raise ValueError(
            "CTranslate2 has no decoder-only T5, so this model cannot be exported for it; --format onnx can. "
            "Encoder-decoders (models/shared-prefix_lm.gin, models/prefix_lm.gin) are exported in all formats"
        )
    spec = transformer_spec.TransformerSpec.from_config(
        (len(weights.encoder.blocks), len(weights.decoder.blocks)),
        weights.heads,
        pre_norm=True,
        activation=_ACTIVATIONS[weights.activation],
        ffn_glu=len(weights.decoder.blocks[0].feed_forward.wi) == 2,
        relative_attention_bias=True,
        rms_norm=True,
    )
    # CTranslate2 quantises arrays in place: it is given copies.
    spec.encoder.embeddings[0].weight = weights.embedding.copy()
    spec.decoder.embeddings.weight = weights.embedding.copy()
    for stack_spec, stack in ((spec.encoder, weights.encoder), (spec.decoder, weights.decoder)):
        _set_stack(stack_spec, stack)
    spec.decoder.projection.weight = weights.embedding.copy() if weights.logits is None else _kernel(weights.logits)
    if weights.logits is None:
        spec.decoder.scale_outputs = np.float32(weights.d_model**-0.5)
    pieces = [codec.processor.id_to_piece(i) for i in range(codec.vocab_size)]
    # The tables are padded to a multiple of 128; what no text has must have a name all the same.
    pieces += [f"<padded_{number}>" for number in range(weights.embedding.shape[0] - len(pieces))]
    spec.register_source_vocabulary(pieces)
    spec.register_target_vocabulary(pieces)
    spec.config.decoder_start_token = spec.config.bos_token = pieces[contract.PAD_ID]
    spec.config.eos_token, spec.config.unk_token = pieces[contract.EOS_ID], pieces[contract.UNK_ID]
    spec.config.add_source_eos = False
    spec.validate()
    spec.optimize(quantization=QUANTIZATIONS[precision])
    spec.save(folder)


def _set_stack(spec, stack: checkpoint.Stack) -> None:
    spec.scale_embeddings = False
    spec.layer_norm.gamma = stack.norm
    for layer, block in zip(spec.layer, stack.blocks, strict=True):
        _set_attention(layer.self_attention, block.attention, cross=False)
        # The bias of the first block is that of all.
        layer.self_attention.relative_attention_bias = np.ascontiguousarray(stack.blocks[0].attention.buckets.T)
        layer.self_attention.relative_attention_max_distance = np.int32(checkpoint.MAX_DISTANCE)
        if block.cross is not None:
            _set_attention(layer.attention, block.cross, cross=True)
        layer.ffn.layer_norm.gamma = block.feed_forward.norm
        layer.ffn.linear_0.weight = _kernel(block.feed_forward.wi[0])
        if len(block.feed_forward.wi) == 2:
            layer.ffn.linear_0_noact.weight = _kernel(block.feed_forward.wi[1])
        layer.ffn.linear_1.weight = _kernel(block.feed_forward.wo)


def _set_attention(spec, layer: checkpoint.Attention, *, cross: bool) -> None:
    spec.queries_scale = np.float32(1.0)
    spec.layer_norm.gamma = layer.norm
    parts = [layer.q], [layer.k, layer.v]
    for linear, together in zip(spec.linear, parts if cross else ([layer.q, layer.k, layer.v],), strict=False):
        linear.weight = _kernel(np.concatenate(together, axis=1))
    spec.linear[-1].weight = _kernel(layer.o)


def _kernel(weight: np.ndarray) -> np.ndarray:
    return np.array(weight.T, order="C")


def scores(folder: str, codec: prompt.Codec, inputs, targets) -> list[float]:
    """Log-likelihoods of rows of ids, by the exported model."""
    translator = ctranslate2.Translator(folder, device="cpu")
    pieces = [codec.processor.id_to_piece(i) for i in range(codec.vocab_size)]
    found = translator.score_batch(
        [[pieces[i] for i in row] for row in inputs], [[pieces[i] for i in row] for row in targets], max_batch_size=16
    )
    # It scores the end of the text too, which is not asked for.
    return [float(sum(one.log_probs[: len(row)])) for one, row in zip(found, targets, strict=True)]


def lines(folder: str, layout: requests.Layout, prompts: Sequence[str], *, max_tokens: int) -> list[str]:
    """The rest of the line after each prompt, written greedily by the exported model; no token is taken back."""
    translator = ctranslate2.Translator(folder, device="cpu")
    codec = layout.codec
    pieces = [codec.processor.id_to_piece(i) for i in range(codec.vocab_size)]
    ends = [pieces[i] for i in layout.stop_ids(infilling=False, one_line=True)]
    found = []
    for prompt_text in prompts:
        rows = layout.rows(requests.Request(prompt_text), heal=False)
        begun = [pieces[i] for i in rows.begun]
        [result] = translator.translate_batch(
            [[pieces[i] for i in rows.read]], target_prefix=[begun], beam_size=1, end_token=ends,
            max_decoding_length=len(begun) + max_tokens,
        )  # fmt: skip
        written = [codec.processor.piece_to_id(piece) for piece in result.hypotheses[0][len(begun) :]]
        found.append(prompt.first_line(codec.decode(written)))
    return found
