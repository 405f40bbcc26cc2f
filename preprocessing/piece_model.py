"""Lists of pieces written as SentencePiece models, with the control pieces that every vocabulary has."""

from collections.abc import Sequence

from sentencepiece import sentencepiece_model_pb2

from preprocessing import contract

ModelProto = sentencepiece_model_pb2.ModelProto
SentencePiece = ModelProto.SentencePiece
META_SPACE = "\u2581"


def num_merges(vocab_size: int, num_characters: int) -> int:
    """How many merged pieces a vocabulary has room for.

    Raises:
      ValueError: it has none.

    Example: `num_merges(16000, 90)` is 15523: 128 reserved pieces, 3 special ones and 256 bytes are taken off.
    """
    room = vocab_size - contract.NUM_RESERVED - len(_special_pieces()) - num_characters
    if room < 1:
        raise ValueError(
            f"a vocabulary of {vocab_size} pieces has no room for merges: {vocab_size - room} are taken by reserved "
            "and special pieces, bytes and single characters. Ask for more than that"
        )
    return room


def bpe_model(merges: Sequence[str], characters: Sequence[str]) -> bytes:
    """A SentencePiece BPE model that merges the pair first whose piece stands first.

    It takes text as it is (no normalisation, no dummy prefix), writes what it has no piece for as bytes, and ends in
    the reserved pieces.

    Args:
      merges: pieces of two characters or more, escaped (`prompt.escape`), in order of preference.
      characters: single ones that shall not become bytes; the space must be one of them.

    Returns:
      The serialised model; equal pieces give equal bytes.
    """
    model = ModelProto()
    for piece, kind in _special_pieces():
        model.pieces.add(piece=piece, score=0.0, type=kind)
    for rank, piece in enumerate([*merges, *characters]):
        model.pieces.add(piece=piece.replace(" ", META_SPACE), score=-float(rank), type=SentencePiece.NORMAL)
    trainer = model.trainer_spec
    trainer.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    trainer.byte_fallback = True
    trainer.pad_id, trainer.eos_id, trainer.unk_id, trainer.bos_id = (
        contract.PAD_ID, contract.EOS_ID, contract.UNK_ID, -1,
    )  # fmt: skip
    normalizer = model.normalizer_spec
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = normalizer.remove_extra_whitespaces = False
    normalizer.escape_whitespaces = True
    return with_reserved_pieces(model)


def with_reserved_pieces(model: ModelProto) -> bytes:
    """Adds the 128 control pieces of `contract.reserved_pieces` after a model's own pieces, and serialises it."""
    for piece in contract.reserved_pieces():
        model.pieces.add(piece=piece, score=0.0, type=SentencePiece.CONTROL)
    model.trainer_spec.vocab_size = len(model.pieces)
    return model.SerializeToString(deterministic=True)


def _special_pieces() -> list[tuple[str, int]]:
    """The pieces of the first ids, and their types. SentencePiece asks for the bytes in this form."""
    special = {contract.PAD_ID: "<pad>", contract.EOS_ID: "</s>", contract.UNK_ID: "<unk>"}
    pieces = [
        (special[i], SentencePiece.UNKNOWN if i == contract.UNK_ID else SentencePiece.CONTROL) for i in sorted(special)
    ]
    return pieces + [(f"<0x{byte:02X}>", SentencePiece.BYTE) for byte in range(256)]
