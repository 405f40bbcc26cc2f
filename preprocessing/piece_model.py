"""SentencePiece models as data: the reserved pieces every vocabulary ends with."""

from sentencepiece import sentencepiece_model_pb2

from preprocessing import contract

ModelProto = sentencepiece_model_pb2.ModelProto
SentencePiece = ModelProto.SentencePiece


def with_reserved_pieces(model: ModelProto) -> bytes:
    """Adds the 128 control pieces of `contract.reserved_pieces` after a model's own pieces, and serialises it.

    Returns:
      The model's bytes; equal models give equal bytes.
    """
    for piece in contract.reserved_pieces():
        model.pieces.add(piece=piece, score=0.0, type=SentencePiece.CONTROL)
    model.trainer_spec.vocab_size = len(model.pieces)
    return model.SerializeToString(deterministic=True)
