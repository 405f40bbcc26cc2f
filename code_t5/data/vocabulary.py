"""The one vocabulary of a data directory, found when it is first used.

Tasks are registered before anybody knows the data directory, so they hold a `CodeVocabulary`, which looks for its
SentencePiece model when the first text is encoded:

1. gin: `code_t5.vocabulary.path = '/path/to/code.model'`
2. `DATA_DIR/vocabulary/code.model`, with `DATA_DIR` from `--t5_tfds_data_dir`
3. the same with `DATA_DIR` from the environment variable `TFDS_DATA_DIR`
"""

import json
import os
from typing import Any

import gin
import seqio
import tensorflow as tf

from code_t5.data import data_dir
from preprocessing import contract, prompt

MODEL_FILE = os.path.join("vocabulary", "code.model")
DESCRIPTION_FILE = os.path.join("vocabulary", "vocabulary.json")


@gin.configurable("vocabulary", module="code_t5")
def configured_path(path: str | None = None) -> str | None:
    """The gin binding `code_t5.vocabulary.path`, None where there is none."""
    return path


def find() -> str:
    """The address of the SentencePiece model, by the order at the head of this file.

    Raises:
      ValueError: none of the three places is set, or there is no model in the one that is.
    """
    make = "`python -m preprocessing.vocabulary` makes one, `python -m code_t5.main.build_dataset --vocabulary` puts it"
    directory = data_dir.data_dir()
    path = configured_path() or (os.path.join(directory, MODEL_FILE) if directory else None)
    if path is None:
        raise ValueError(
            "no vocabulary: neither gin's code_t5.vocabulary.path, nor --t5_tfds_data_dir, nor TFDS_DATA_DIR is set. "
            f"{make} into a data directory"
        )
    if not tf.io.gfile.exists(path):
        raise ValueError(f"no vocabulary at {path}: {make} there")
    return path


class CodeVocabulary(seqio.SentencePieceVocabulary):
    """seqio's SentencePiece vocabulary with our codec around it and its model found at first use.

    All instances stand for the same vocabulary, that of the data directory, so they are equal without being loaded:
    Mixtures compare the vocabularies of their Tasks while everything is still being registered.
    """

    def __init__(self):
        super().__init__(sentencepiece_model_file="", extra_ids=0)

    def _model_context(self):
        if self._model is None:
            self._sentencepiece_model_file = find()
            self._model = self._load_model(self._sentencepiece_model_file, 0)
            check_model_dir(data_dir.model_dir(), self.sp_model, self._sentencepiece_model_file)
        return self._model

    def forget(self) -> None:
        """Looks for the model again at the next use: for programs and tests that change the data directory."""
        self._model = None

    @property
    def special_ids(self) -> dict[str, int]:
        return contract.special_ids(self.vocab_size)

    def _encode(self, s: str) -> list[int]:
        return super()._encode(prompt.escape(s))

    def _decode(self, ids) -> str:
        return prompt.unescape(super()._decode(ids))

    def _encode_tf(self, s: tf.Tensor) -> tf.Tensor:
        for plain, escaped in prompt.ESCAPES:
            s = tf.strings.regex_replace(s, plain, escaped)
        return super()._encode_tf(s)

    def _decode_tf(self, ids: tf.Tensor) -> tf.Tensor:
        text = super()._decode_tf(ids)
        for plain, escaped in reversed(prompt.ESCAPES):
            text = tf.strings.regex_replace(text, escaped, plain)
        return text

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, CodeVocabulary)

    def __hash__(self) -> int:
        return hash(CodeVocabulary)

    def __str__(self) -> str:
        return f"CodeVocabulary({self._sentencepiece_model_file or 'not loaded yet'})"


VOCABULARY = CodeVocabulary()


def check_model_dir(model_dir: str | None, sp_model: bytes, path: str) -> None:
    """Refuses a vocabulary that is not the one a model was trained with.

    Args:
      model_dir: a model directory, which may not exist yet, or None.
      sp_model: the SentencePiece model, serialised.
      path: where it came from, for the error.

    Raises:
      ValueError: the model directory holds another vocabulary.
    """
    if not model_dir:
        return
    trained_with = os.path.join(model_dir, MODEL_FILE)
    if not tf.io.gfile.exists(trained_with):
        return
    with tf.io.gfile.GFile(trained_with, "rb") as file:
        trained = file.read()
    if trained == sp_model:
        return
    raise ValueError(
        f"the vocabulary at {path} (digest {contract.bytes_digest(sp_model)[:12]}) is not the one that the model in "
        f"{model_dir} was trained with (digest {contract.bytes_digest(trained)[:12]}): its ids would mean other text. "
        f"Use the model's own, --gin_param=\"code_t5.vocabulary.path = '{trained_with}'\", or another --model_dir"
    )


def copy_to_model_dir(model_dir: str) -> None:
    """Puts the vocabulary in use beside the checkpoints, where it is looked up again by everything that uses them."""
    source = find()
    for name in (DESCRIPTION_FILE, MODEL_FILE):  # the model last: its presence says that both are there
        origin = os.path.join(os.path.dirname(source), os.path.basename(name))
        target = os.path.join(model_dir, name)
        if tf.io.gfile.exists(origin) and not tf.io.gfile.exists(target):
            tf.io.gfile.makedirs(os.path.dirname(target))
            tf.io.gfile.copy(origin, target + ".incomplete", overwrite=True)
            tf.io.gfile.rename(target + ".incomplete", target, overwrite=True)


def description(path: str) -> dict[str, Any]:
    """What `vocabulary.json` beside a SentencePiece model says of it."""
    with tf.io.gfile.GFile(os.path.join(os.path.dirname(path), "vocabulary.json")) as file:
        return json.load(file)
