"""Registers the seqio Tasks, from one table.

For each row `<task>`: the training Task, `<task>_line` (line completion, for t5's `eval.gin`) and `<task>_heldout`
(bits per byte, for t5's `score_eval.gin` and `perplexity_eval.gin`). The last two have no train split.
"""

import functools
import typing

import seqio
import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import builder, context, heldout, imports, line_completion, objectives, weights
from code_t5.data.vocabulary import VOCABULARY
from preprocessing.contract import HELD_OUT_SPLITS, SPLITS


class TaskRow(typing.NamedTuple):
    """A Task, the TFDS dataset it reads, and what that was made from."""

    task: str
    tfds_name: str
    source: str


TABLE = (
    TaskRow("fl_py_dev", "flcc_python/dev:1.0.0", "any small FLCC tree"),
    TaskRow("fl_py_50stars_top5k_2019", "flcc_python/top5k_50stars_2019:1.0.0", "FLCC, top 5,000 repositories"),
    TaskRow("fl_py_50stars_2019", "flcc_python/50stars_2019:1.0.0", "FLCC, more than 50 stars"),
    TaskRow("fl_py_10stars_2019", "flcc_python/10stars_2019:1.0.0", "FLCC, 10 to 50 stars"),
    TaskRow("bq_py_2016_minus_ethpy150", "github_python/bq_2016_minus_ethpy150:1.0.0", "BigQuery without ETH Py150"),
    TaskRow("bq_py_2016_dedup", "github_python/bq_2016_dedup:1.0.0", "BigQuery, deduplicated"),
    TaskRow("at_py_2020", "github_python/at_2020:1.0.0", "Athena, 2020"),
)

# EOS is put by the objectives, where a file ends; with add_eos=True it would overwrite the token beside the cursor.
OUTPUT_FEATURES = {
    "inputs": seqio.Feature(VOCABULARY, add_eos=False),
    "targets": seqio.Feature(VOCABULARY, add_eos=False),
}


# What accompanies a document up to the cache and past it, where its dataset has it; older ones have less.
COMPANIONS = (weights.FEATURE, *imports.FEATURES)


class TextAndCompanions(tfds.decode.PartialDecoding):
    """What is decoded of a document: the text, its related files, and those of COMPANIONS that the dataset has."""

    def __init__(self):
        super().__init__({"content": tfds.features.Text()})

    def extract_features(self, features: tfds.features.FeaturesDict) -> tfds.features.FeaturesDict:
        related = ("path", *context.TEXTS) if context.TEXTS[0] in features else ()
        wanted = ("content", *related, *COMPANIONS)
        return tfds.features.FeaturesDict({name: features[name] for name in wanted if name in features})


class DocumentSource(seqio.TfdsDataSource):
    """A TFDS dataset of documents of which only the text and what accompanies it are read from disk."""

    def __init__(self, tfds_name: str, splits: tuple[str, ...]):
        super().__init__(tfds_name=tfds_name, splits=splits, decoders=TextAndCompanions())

    def get_dataset(self, split: str = "train", *args, **kwargs) -> tf.data.Dataset:
        self._check_made()
        return super().get_dataset(split, *args, **kwargs)

    def num_input_examples(self, split: str) -> int | None:
        self._check_made()
        return super().num_input_examples(split)

    def _check_made(self) -> None:
        """Asks whether the dataset is there: TFDS would announce a download of it, or miss a split."""
        found = self.tfds_dataset.builder  # TFDS's own read-only builder where the files are there
        if isinstance(found, builder.DocumentsBuilder):
            found.check_made()


def tokenize(dataset: tf.data.Dataset, output_features: dict[str, seqio.Feature]) -> tf.data.Dataset:
    """Turns documents into tokens; the text is left behind, so that a cache holds tokens and COMPANIONS only.

    Related files become the rows of `context.encode_rows`.

    Example: {"content": "x = 1\\n", "weight": 0.5} -> {"targets": [88, 21, 402, 3], "weight": 0.5}
    """
    vocabulary = output_features["targets"].vocabulary

    def encode(features):
        companions = {name: value for name, value in features.items() if name in COMPANIONS}
        related = context.encode_rows(features, vocabulary) if context.TEXTS[0] in features else {}
        return {"targets": vocabulary.encode_tf(features["content"]), **related, **companions}

    return dataset.map(encode, num_parallel_calls=tf.data.AUTOTUNE)


def register(row: TaskRow) -> None:
    """Adds the three Tasks of a table row to seqio's registry."""
    add = functools.partial(seqio.TaskRegistry.add, output_features=OUTPUT_FEATURES)
    add(
        row.task,
        source=DocumentSource(row.tfds_name, SPLITS),
        preprocessors=[
            tokenize,
            seqio.CacheDatasetPlaceholder(),
            weights.sample_by_weight,
            imports.drop_imports,
            context.context_tokens,
            objectives.append_file_end,
            objectives.objective,
        ],
    )
    add(
        f"{row.task}_line",
        source=DocumentSource(row.tfds_name, HELD_OUT_SPLITS),
        preprocessors=[line_completion.line_examples],
        postprocess_fn=line_completion.first_line,
        metric_fns=[line_completion.exact_match, line_completion.edit_similarity],
    )
    add(
        f"{row.task}_heldout",
        source=DocumentSource(row.tfds_name, HELD_OUT_SPLITS),
        preprocessors=[
            tokenize,
            seqio.CacheDatasetPlaceholder(),
            objectives.append_file_end,
            heldout.fixed_windows,
        ],
        postprocess_fn=heldout.bytes_or_score,
        metric_fns=[heldout.bits_per_byte],
    )


for _row in TABLE:
    register(_row)
