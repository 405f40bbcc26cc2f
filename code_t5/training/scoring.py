"""The model that is being trained, asked what it gives to held-out text, in the same session."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping

import gin
import mesh_tensorflow as mtf
import numpy as np
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import transformer
from mesh_tensorflow.transformer import utils as mesh_utils

from code_t5.inference import padded_rows
from code_t5.training.model_session import ModelSession
from preprocessing.contract import EOS_ID

TOP = (1, 3, 5)


@dataclasses.dataclass
class Totals:
    """Sums over target tokens that were scored.

    Attributes:
      nats: of their negative log-likelihood.
      tokens, text_bytes: how many, and the UTF-8 bytes that they stand for.
      right: of each of TOP, how many were among the so many most likely tokens.
    """

    nats: float = 0.0
    tokens: int = 0
    text_bytes: int = 0
    right: dict[int, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(TOP, 0))

    def figures(self) -> dict[str, float]:
        """Example: of 2 tokens for 4 bytes with 4.0 nats: loss_per_token 2.0, bits_per_byte 1.443."""
        if not self.tokens:
            raise ValueError("no tokens to score")
        return {
            "loss_per_token": self.nats / self.tokens,
            "bits_per_byte": self.nats / math.log(2) / max(1, self.text_bytes),
            **{f"top_{k}_accuracy": self.right[k] / self.tokens for k in TOP},
        }


class Scorer:
    """Scores rows of held-out text, `inputs` and `targets` as a `_heldout` Task has them."""

    def __init__(self, model: ModelSession, *, vocab_size: int, sequence_length: dict[str, int], batch_size: int):
        """Adds the model to the session's graph once more, without its training, over the same weights.

        Args:
          vocab_size: of the vocabulary.
          sequence_length: {"inputs", "targets"}, the most tokens of a row.
          batch_size: rows at a time.
        """
        self._model, self._batch_size = model, batch_size
        self._model_type = gin.query_parameter("utils.run.model_type")
        one_row = self._model_type in ("lm", "delimited_lm")
        if one_row:
            self._lengths = {"targets": sum(sequence_length.values())}
        else:
            self._lengths = dict(sequence_length)
        with model.graph.as_default():
            self._features = {
                name: tf.placeholder(tf.int32, [batch_size, length], f"score_{name}")
                for name, length in self._lengths.items()
            }
            with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
                self._nats, self._ranks, lowering = self._build(vocab_size)
            self._copy = lowering.copy_masters_to_slices()

    def _build(self, vocab_size: int) -> tuple[tf.Tensor, tf.Tensor, mtf.Lowering]:
        """Of each target its negative log-likelihood, and how many tokens are more likely."""
        shape = mtf.convert_to_shape(gin.query_parameter("utils.run.mesh_shape"))
        layout = mtf.convert_to_layout_rules(gin.query_parameter("utils.run.layout_rules"))
        devices = gin.query_parameter("utils.run.mesh_devices") or [""] * shape.size
        graph = mtf.Graph()
        mesh = mtf.Mesh(graph, "score_mesh", None)
        implementation = mtf.placement_mesh_impl.PlacementMeshImpl(shape, layout, devices)
        built = mesh_utils.build_model(
            model_type=self._model_type, input_vocab_size=vocab_size, output_vocab_size=vocab_size,
            mesh_shape=shape, layout_rules=layout,
        )  # fmt: skip
        batch = mtf.Dimension("batch", self._batch_size)
        features = {
            name: mtf.import_fully_replicated(
                mesh, value, mtf.Shape([batch, mtf.Dimension("length", self._lengths[name])]), name=name
            )
            for name, value in self._features.items()
        }
        targets = features["targets"]
        how = {"mode": tf.estimator.ModeKeys.EVAL, "variable_dtype": mesh_utils.get_variable_dtype()}
        if isinstance(built, transformer.Unitransformer):
            logits = padded_rows.logits(built, targets, **how)
        else:
            logits, _ = built.call_simple(inputs=features["inputs"], targets=targets, compute_loss=False, **how)
            logits = mtf.cast(logits, tf.float32)
        vocab = logits.shape.dims[-1]
        wanted = mtf.maximum(targets, 0)
        nats = mtf.layers.softmax_cross_entropy_with_logits(logits, wanted, vocab)
        own = mtf.reduce_sum(logits * mtf.one_hot(wanted, vocab), reduced_dim=vocab)
        ranks = mtf.reduce_sum(mtf.to_int32(mtf.greater(logits, own)), reduced_dim=vocab)
        nats, ranks = mtf.anonymize(nats), mtf.anonymize(ranks)
        lowering = mtf.Lowering(graph, {mesh: implementation}, autostack=False)
        return lowering.export_to_tf_tensor(nats), lowering.export_to_tf_tensor(ranks), lowering

    def score(self, rows: Iterable[Mapping[str, np.ndarray]], piece_bytes: np.ndarray) -> Totals:
        """Scores rows with the weights as they are now.

        Args:
          rows: {"inputs": int [tokens], "targets": int [tokens]}; those of a decoder that writes everything have no
            inputs.
          piece_bytes: int [vocab_size], the bytes that each id stands for.
        """
        self._model.update_masters()
        session = self._model.session
        session.run(self._copy)
        totals = Totals()
        for batch in self._batches(rows):
            nats, ranks = session.run((self._nats, self._ranks), {self._features[name]: batch[name] for name in batch})
            targets = batch["targets"]
            scored = self._scored(targets)
            totals.nats += float(nats[scored].sum(dtype=np.float64))
            totals.tokens += int(scored.sum())
            totals.text_bytes += int(piece_bytes[targets[scored]].sum())
            for k in TOP:
                totals.right[k] += int((ranks[scored] < k).sum())
        return totals

    def _scored(self, targets: np.ndarray) -> np.ndarray:
        """Which positions have a loss: neither padding nor what was only read."""
        if self._model_type != "delimited_lm":
            return targets > 0
        is_end = targets == EOS_ID
        # Mesh TensorFlow tells the prefix of such a row by the number of EOS before a position: none there.
        return (targets > 0) & (np.cumsum(is_end, axis=1) - is_end == 1)

    def _batches(self, rows: Iterable[Mapping[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
        batch = self._empty()
        number = 0
        for row in rows:
            for name, ids in self._row(row).items():
                batch[name][number, : len(ids)] = ids
            number += 1
            if number == self._batch_size:
                yield batch
                batch, number = self._empty(), 0
        if number:
            yield batch

    def _row(self, row: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the model is given: a decoder reads and writes one row; of an `lm` negative ids are only read."""
        if "inputs" in self._lengths:
            return {name: row[name] for name in self._lengths}
        read, written = (np.asarray(row.get(name, ()), np.int32) for name in ("inputs", "targets"))
        return {"targets": np.concatenate([read if self._model_type == "delimited_lm" else -read, written])}

    def _empty(self) -> dict[str, np.ndarray]:
        return {name: np.zeros((self._batch_size, length), np.int32) for name, length in self._lengths.items()}
