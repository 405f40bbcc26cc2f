"""A Hugging Face T5: `config.json`, `model.safetensors`, and a tokenizer that `AutoTokenizer` loads.

Names and layouts are those of transformers' `modeling_t5.py`: kernels are transposed, and a model whose encoder and
decoder share their weights is written out twice, because there nothing can share them.
"""

import json
import os
import pathlib
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from code_t5.export import checkpoint
from preprocessing import contract, prompt

WEIGHTS, CONFIG, TOKENIZER, TOKENIZER_CONFIG = (
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
_SPACE = "\u2581"


def write(weights: checkpoint.Weights, codec: prompt.Codec, folder: str, *, model_max_length: int) -> None:
    """Writes a folder for `from_pretrained`.

    Raises:
      ValueError: the model is a decoder alone, which transformers has no T5 for.
    """
    if weights.encoder is None:
        raise ValueError(
            "Hugging Face has no decoder-only T5, so this model cannot be exported for it; --format onnx can. "
            "Encoder-decoders (models/shared-prefix_lm.gin, models/prefix_lm.gin) are exported in all formats"
        )
    save_file(tensors(weights), os.path.join(folder, WEIGHTS), metadata={"format": "pt"})
    _write_json(folder, CONFIG, config(weights))
    tokenizer(codec).save(os.path.join(folder, TOKENIZER))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": model_max_length, "pad_token": "<pad>",
        "eos_token": "</s>", "unk_token": "<unk>", "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    _write_json(folder, TOKENIZER_CONFIG, settings)


def config(weights: checkpoint.Weights) -> dict[str, Any]:
    """The content of `config.json`."""
    gated = len(weights.decoder.blocks[0].feed_forward.wi) == 2
    return {
        "architectures": ["T5ForConditionalGeneration"],
        "model_type": "t5",
        "vocab_size": weights.embedding.shape[0],
        "d_model": weights.d_model,
        "d_kv": weights.d_kv,
        "d_ff": weights.d_ff,
        "num_heads": weights.heads,
        "num_layers": len(weights.encoder.blocks),
        "num_decoder_layers": len(weights.decoder.blocks),
        "relative_attention_num_buckets": weights.decoder.blocks[0].attention.buckets.shape[1],
        "relative_attention_max_distance": checkpoint.MAX_DISTANCE,
        "feed_forward_proj": f"gated-{weights.activation}" if gated else weights.activation,
        "layer_norm_epsilon": weights.epsilon,
        "dropout_rate": 0.0,
        "tie_word_embeddings": weights.logits is None,
        "is_encoder_decoder": True,
        "use_cache": True,
        "pad_token_id": contract.PAD_ID,
        "eos_token_id": contract.EOS_ID,
        "decoder_start_token_id": contract.PAD_ID,
        "torch_dtype": "float32",
    }


def tensors(weights: checkpoint.Weights) -> dict[str, np.ndarray]:
    """The arrays by transformers' names."""
    found = {"shared.weight": weights.embedding}
    if weights.logits is not None:
        found["lm_head.weight"] = weights.logits.T
    for name, stack in (("encoder", weights.encoder), ("decoder", weights.decoder)):
        found[f"{name}.final_layer_norm.weight"] = stack.norm
        for number, block in enumerate(stack.blocks):
            at = f"{name}.block.{number}.layer"
            layers = [("SelfAttention", block.attention), ("EncDecAttention", block.cross)]
            layers = [(kind, layer) for kind, layer in layers if layer is not None]
            for place, (kind, layer) in enumerate(layers):
                found[f"{at}.{place}.layer_norm.weight"] = layer.norm
                for part in "qkvo":
                    found[f"{at}.{place}.{kind}.{part}.weight"] = getattr(layer, part).T
                if layer.buckets is not None:
                    found[f"{at}.{place}.{kind}.relative_attention_bias.weight"] = layer.buckets.T
            last, names = len(layers), ("wi",) if len(block.feed_forward.wi) == 1 else ("wi_0", "wi_1")
            found[f"{at}.{last}.layer_norm.weight"] = block.feed_forward.norm
            for wi, array in zip(names, block.feed_forward.wi, strict=True):
                found[f"{at}.{last}.DenseReluDense.{wi}.weight"] = array.T
            found[f"{at}.{last}.DenseReluDense.wo.weight"] = block.feed_forward.wo.T
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def tokenizer(codec: prompt.Codec) -> Tokenizer:
    """The vocabulary as a tokenizer of Hugging Face's: the same ids for every text, escape and all; no EOS is added."""
    processor = codec.processor
    pieces = [processor.id_to_piece(i) for i in range(codec.vocab_size)]
    special = [i for i in range(codec.vocab_size) if processor.is_control(i) or processor.is_unknown(i)]
    # The score of a piece is minus its rank: SentencePiece merges what makes the best piece.
    normal = [i for i in range(codec.vocab_size) if i not in set(special) and not processor.is_byte(i)]
    rank = {pieces[i]: -processor.get_score(i) for i in normal}
    merges = []
    for piece in rank:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in rank and right in rank:
                merges.append((rank[piece], rank[left], rank[right], left, right))
    merges.sort(key=lambda merge: merge[:3])
    model = models.BPE(
        vocab={piece: i for i, piece in enumerate(pieces)}, merges=[merge[3:] for merge in merges],
        unk_token=pieces[contract.UNK_ID], byte_fallback=True, fuse_unk=False,
    )  # fmt: skip
    made = Tokenizer(model)
    made.normalizer = normalizers.Sequence(
        [*(normalizers.Replace(plain, escaped) for plain, escaped in prompt.ESCAPES), normalizers.Replace(" ", _SPACE)]
    )
    # Pieces do not go past a newline's beginning.
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n"), "merged_with_next")
    made.decoder = decoders.Sequence(
        [
            decoders.Replace(_SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            *(decoders.Replace(escaped, plain) for plain, escaped in reversed(prompt.ESCAPES)),
        ]
    )
    made.add_special_tokens([AddedToken(pieces[i], normalized=False, special=True) for i in special])
    return made


def _write_json(folder: str, name: str, content: dict[str, Any]) -> None:
    pathlib.Path(folder, name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
