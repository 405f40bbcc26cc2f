"""Examples drawn from a held-out set, with what is known of the documents that they were made of."""

import heapq
import random
from collections.abc import Sequence
from typing import Any

import seqio
import tensorflow.compat.v1 as tf
import tensorflow_datasets as tfds

from code_t5.data import tasks
from code_t5.training import validation
from preprocessing import prompt


class HeldOutExamples(validation.HeldOutSet):
    """A split of a Task whose examples are the same each time: `_line`, `_heldout`, or another without a train split.

    Attributes:
      name: "task:split".
      fields: of an example, such as `inputs` and `targets`.
      document_fields: of the document it was made of, such as `repository` and `path`; none where the Task reads
        something else than a document dataset.
    """

    def __init__(self, name: str, sequence_length: dict[str, int]):
        """Args: name: "task:split"; sequence_length: {"inputs", "targets"}, in tokens.

        Raises:
          ValueError: it is no such name, there is no such Task or split, the dataset has no such split, or the Task is
            trained on.
          FileNotFoundError: the dataset is not there.
        """
        super().__init__(name, sequence_length)
        if not isinstance(self._task, seqio.Task) or "train" in self._task.splits:
            raise ValueError(
                f"{self._task.name} is for training: its examples are cut anew each time. Name a Task without a train "
                "split, such as fl_py_dev_line or fl_py_dev_heldout"
            )
        source = self._task.source
        has_documents = isinstance(source, tasks.DocumentSource)
        self.document_fields = tuple(source.tfds_dataset.info.features) if has_documents else ()
        with tf.Graph().as_default():
            self.fields = tuple(self._examples().element_spec)

    def draw(self, number: int, fields: Sequence[str], *, seed: int) -> list[dict[str, Any]]:
        """Draws examples from all files, the same ones whichever fields are asked for.

        Each example gets a random number, and those with the least are drawn: with the same seed a smaller draw is a
        part of a larger one, and of a set with fewer examples than `number` all are drawn.

        Args:
          number: the most examples.
          fields: what is read of them, of `fields` and `document_fields`. Document fields take two to three times as
            long to read: then the Task gets one document at a time, so that it is known what its examples are made of.
          seed: of the draw.

        Returns:
          numpy values by field, in the order of the dataset.

        Raises:
          ValueError: there are no examples.
        """
        of_document = [name for name in fields if name not in self.fields]
        random_numbers = random.Random(seed)
        with tf.Graph().as_default():
            dataset = self._examples_of_each(of_document) if of_document else self._examples()
            # What is not asked for is left here, before anything leaves TensorFlow.
            dataset = dataset.map(lambda example: {name: example[name] for name in fields})
            numbered = enumerate(tfds.as_numpy(dataset))
            drawn = heapq.nsmallest(number, numbered, key=lambda _: random_numbers.random())
        if not drawn:
            raise ValueError(f"the held-out set {self.name} has no examples: its split is empty, or has none to ask")
        return [example for _, example in sorted(drawn, key=lambda one: one[0])]

    def _examples(self) -> tf.data.Dataset:
        return self._task.get_dataset(self._lengths, split=self._split, shuffle=False, try_in_mem_cache=False)

    def _examples_of_each(self, document_fields: Sequence[str]) -> tf.data.Dataset:
        """The same examples in the same order, each with fields of its document."""
        dataset = self._task.source.tfds_dataset.name
        source = seqio.TfdsDataSource(dataset, splits=(self._split,), decoders=TextAndFields(document_fields))

        def examples_of(document):
            beside = {name: document[name] for name in document_fields}
            alone = self._task.preprocess_precache(tf.data.Dataset.from_tensors(document))
            examples = self._task.preprocess_postcache(alone, self._lengths)
            return examples.map(lambda example: {**beside, **example})

        return source.get_dataset(self._split, shuffle=False).flat_map(examples_of)


class TextAndFields(tasks.TextAndCompanions):
    """What is decoded of a document: what the Tasks' source decodes, and the fields asked for; no others are."""

    def __init__(self, fields: Sequence[str]):
        super().__init__()
        self._fields = fields

    def extract_features(self, features: tfds.features.FeaturesDict) -> tfds.features.FeaturesDict:
        own = super().extract_features(features)
        return tfds.features.FeaturesDict({**own, **{name: features[name] for name in self._fields}})


def text_of(ids: Sequence[int], pieces: Sequence[bytes]) -> str:
    r"""The text of token ids, nothing lost: bytes that are no whole character, at the ends of a window, stand as \xe6.

    Args:
      ids: of an example.
      pieces: of `prompt.Codec.piece_bytes`.

    Example: of "漢" the last two bytes, and "(", are `r"\xbc\xa2("`.
    """
    return prompt.unescape(b"".join(pieces[i] for i in ids).decode("utf-8", errors="backslashreplace"))
