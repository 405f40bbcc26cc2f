"""A trained model, loaded once for many prompts or many windows to score."""

import functools
import os
from collections.abc import Iterator, Sequence

import gin
import numpy as np
import tensorflow.compat.v1 as tf
from mesh_tensorflow.transformer import utils as mesh_utils

from code_t5.data import data_dir, objectives, vocabulary
from code_t5.inference import decoding as decoding_lib
from code_t5.inference import padded_rows
from completion import healing, requests
from completion.requests import Request
from preprocessing import prompt
from preprocessing.contract import EOS_ID


class TrainedModel:
    """The model of a model directory, with the configuration and the vocabulary that it was trained with.

    Attributes:
      codec: text to ids and back.
      sequence_length: {"inputs", "targets"}, the rows that the model was trained on, in tokens.
      layout: what it reads for a request.
      checkpoint: path of the checkpoint in use.
    """

    def __init__(
        self, model_dir: str, *, checkpoint_step: int = -1, batch_size: int = 8, context_budget: int | None = None
    ):
        """Reads the configuration; the weights are read at the first call.

        Args:
          model_dir: where t5's entry point trained.
          checkpoint_step: take the checkpoint nearest to this step; -1 for the last.
          batch_size: prompts or windows at a time.
          context_budget: the most tokens of a request's other files; None for what it was trained with.

        Raises:
          ValueError: no checkpoint, no configuration or no vocabulary there, or a budget that leaves no room.
        """
        self._model_dir = model_dir
        self._batch_size = batch_size
        config = os.path.join(model_dir, "operative_config.gin")
        if not tf.io.gfile.exists(config):
            raise ValueError(
                f"no trained model in {model_dir}: it has no operative_config.gin, which training writes. "
                "Train one with `python -m t5.models.mesh_transformer_main` (see gin_configs/models/)"
            )
        own_vocabulary = os.path.join(model_dir, vocabulary.MODEL_FILE)
        gin.clear_config()
        with gin.unlock_config():
            gin.parse_config_file(config, skip_unknown=True)
            if tf.io.gfile.exists(own_vocabulary):
                gin.bind_parameter("code_t5.vocabulary.path", own_vocabulary)
        self._vocabulary = vocabulary.CodeVocabulary()
        self.codec = prompt.Codec(self._vocabulary.sp_model)
        self.checkpoint = self._find_checkpoint(checkpoint_step)
        self._model_type = gin.query_parameter("utils.run.model_type")
        self.sequence_length = dict(gin.query_parameter("utils.run.sequence_length"))
        delimited = objectives.uses_delimiter()
        max_inputs, _ = objectives.room(self.sequence_length, delimited=delimited)
        trained_with = data_dir.gin_value("code_t5.context.budget") or 0
        self.layout = requests.Layout(
            self.codec,
            max_inputs=max_inputs,
            max_forced=self.sequence_length["targets"],
            delimited=delimited,
            one_row=self._model_type in ("lm", "delimited_lm"),
            context_budget=trained_with if context_budget is None else context_budget,
            infills=bool(data_dir.gin_value("code_t5.infilling.rate")),
        )

    def _find_checkpoint(self, step: int) -> str:
        state = tf.train.get_checkpoint_state(self._model_dir)
        if state is None or not state.all_model_checkpoint_paths:
            raise ValueError(f"no checkpoint in {self._model_dir}: training stopped before it saved one")
        checkpoints = list(state.all_model_checkpoint_paths)
        if step == -1:
            return checkpoints[-1]
        return min(checkpoints, key=lambda path: abs(mesh_utils.get_step_from_checkpoint_path(path) - step))

    def complete(
        self,
        prompts: Sequence[str | Request],
        *,
        decoding: decoding_lib.Decoding,
        one_line: bool = True,
        heal: bool = True,
    ) -> Iterator[str]:
        """Completes prompts, in their order.

        The cursor may stand inside what the vocabulary would make one piece. So the last piece before it is taken back,
        the model's first token must begin with the text of that piece, or be it, and that text is cut off the answer:
        what was typed is never contradicted (`healing`). It costs a token of `max_new_tokens`. Only one piece is taken
        back, so the cursor may still stand in a piece that began before. Nothing is taken back where the prompt ends in
        a part of a character that has no piece of its own.

        Args:
          prompts: requests, or texts before a cursor; what is too long is cut far from the cursor.
          decoding: how to write.
          one_line: stop where the line ends, at any piece that begins with a newline (which is not part of the
            completion) or at the end of the file; else at the end of the file alone. Where there is a suffix the end
            of the insertion ends it in both cases.
          heal: whether to take the last piece back.

        Yields:
          A completion for each prompt, indentation and newlines as the model wrote them.

        Raises:
          ValueError: a request needs what the model was not trained for (a suffix, other files).
        """
        asked = [Request(one) if isinstance(one, str) else one for one in prompts]
        for request in asked:
            self.layout.check(request)
        texts: dict[int, str] = {}
        # Each kind has ends of its own: what a prompt is answered does not depend on what stands beside it.
        for infilling in (False, True):
            numbers = [i for i, request in enumerate(asked) if (request.suffix is not None) == infilling]
            if not numbers:
                continue
            rows = [self.layout.rows(asked[i], heal=heal) for i in numbers]
            answers = self.write(
                [row.read for row in rows],
                [row.begun for row in rows],
                decoding=decoding,
                stop_ids=self.layout.stop_ids(infilling=infilling, one_line=one_line),
                first_tokens=[self.layout.first_tokens(row) for row in rows],
            )
            for i, row, written in zip(numbers, rows, answers, strict=True):
                text = healing.answer(self.codec, written, taken_back=row.taken_back)
                texts[i] = prompt.first_line(text) if one_line else text
        yield from (texts[i] for i in range(len(asked)))

    def write(
        self,
        prompts: Sequence[Sequence[int]],
        begun: Sequence[Sequence[int]] | None = None,
        *,
        decoding: decoding_lib.Decoding,
        stop_ids: Sequence[int],
        first_tokens: Sequence[tuple[int, int]] | None = None,
    ) -> Iterator[list[int]]:
        """Writes token ids after prompts of token ids.

        Args:
          prompts: what the model reads.
          begun: what an answer is made to begin with; not part of what is yielded.
          decoding: how to write.
          stop_ids: the tokens any of which ends a row, with the probability of all together, see
            `decoding.predict_fn`; the first of them is then the last token of what is yielded, where EOS is left out.
          first_tokens: for each row the range of ranks of `layout.piece_order` that its first token is bound to,
            `healing.NOT_HEALED` for none; None binds no row.
        """
        begun = begun or [[]] * len(prompts)
        features = {
            "inputs": _pad(prompts, self.sequence_length["inputs"]),
            "allowed": _pad(first_tokens or [healing.NOT_HEALED] * len(prompts), 2),
        }
        # A decoder-only model writes these tokens again: no more steps than are needed.
        room = max(map(len, begun), default=0) if self.layout.in_one_row else self.sequence_length["targets"]
        if room:
            features["targets"] = _pad(begun, room)
        predict_fn = decoding_lib.predict_fn(decoding, stop_ids=stop_ids, ranks=self.layout.piece_order.ranks)
        for number, written in enumerate(self._predict(features, predict_fn=predict_fn, key="outputs")):
            again = len(begun[number]) if self.layout.in_one_row else 0
            yield _until_end(written)[again : again + decoding.max_new_tokens]

    def score(self, inputs: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Iterator[float]:
        """The log-likelihood, in nats, of each row of targets after its inputs; ids as a `_heldout` Task has them."""
        lengths = self.sequence_length
        score = None
        if self.layout.in_one_row:
            score = functools.partial(padded_rows.log_likelihood, delimited=self._model_type == "delimited_lm")
        if self._model_type == "lm":  # one row, in which negative ids are read, and have no loss
            rows = [[*(-np.asarray(read)), *written] for read, written in zip(inputs, targets, strict=True)]
            features = {"targets": _pad(rows, lengths["inputs"] + lengths["targets"])}
        else:
            features = {"inputs": _pad(inputs, lengths["inputs"]), "targets": _pad(targets, lengths["targets"])}
        for found in self._predict(features, predict_fn=score, key="scores"):
            yield float(found)

    def _predict(self, features: dict[str, np.ndarray], *, predict_fn, key: str) -> Iterator[np.ndarray]:
        """Runs all rows through one session; the last batch is filled with zeros, whose results are left out."""
        num_rows = len(next(iter(features.values())))
        padding = -num_rows % self._batch_size
        padded = {name: np.pad(rows, [(0, padding), (0, 0)]) for name, rows in features.items()}

        def input_fn(params):
            del params
            return tf.data.Dataset.from_tensor_slices(padded).batch(self._batch_size, drop_remainder=True)

        lengths = {name: rows.shape[1] for name, rows in features.items()}
        estimator = self._estimator(predict_fn, lengths, scoring=key == "scores")
        for i, result in enumerate(estimator.predict(input_fn, checkpoint_path=self.checkpoint)):
            if i < num_rows:
                yield result[key]

    def _estimator(self, predict_fn, sequence_length, *, scoring: bool):
        return mesh_utils.get_estimator(
            model_type=self._model_type,
            vocabulary=_IdsOnly(self._vocabulary),
            mesh_shape=mesh_utils.mtf.convert_to_shape("model:1,batch:1"),
            layout_rules=mesh_utils.mtf.convert_to_layout_rules(gin.query_parameter("utils.run.layout_rules")),
            model_dir=self._model_dir,
            batch_size=self._batch_size,
            sequence_length=sequence_length,
            autostack=True,
            learning_rate_schedule=None,
            keep_checkpoint_max=None,
            save_checkpoints_steps=None,
            optimizer=None,
            predict_fn=predict_fn,
            score_in_predict_mode=scoring,
            variable_filter=None,
            ensemble_inputs=None,
            use_tpu=False,
            tpu_job_name=None,
            iterations_per_loop=1,
            cluster=None,
        )


class _IdsOnly:
    """A vocabulary without `decode_tf`, so that Mesh TensorFlow hands out ids: the codec alone makes text of them."""

    def __init__(self, code_vocabulary: vocabulary.CodeVocabulary):
        self.vocab_size = code_vocabulary.vocab_size


def _pad(rows: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """int32 [rows, length], zeros after each row's end."""
    padded = np.zeros((len(rows), length), np.int32)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded


def _until_end(ids: np.ndarray) -> list[int]:
    """The ids before the first EOS or padding."""
    ends = np.flatnonzero((ids == EOS_ID) | (ids == 0))
    return ids[: ends[0]].tolist() if len(ends) else ids.tolist()
