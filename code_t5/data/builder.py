"""The TFDS datasets `flcc_python` and `github_python`: documents in the form that TFDS and seqio read.

They are made by `python -m code_t5.main.build_dataset` and can be read with TFDS alone:

    tfds.load("flcc_python/dev", data_dir=DATA_DIR, split="validation")
"""

import collections
import itertools
from collections.abc import Iterator
from typing import Any, ClassVar

import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import context, imports
from preprocessing import contract, import_spans, related_files, shards

_TEXTS = ("repository", "path", "content", "license", "sha256")


class DocumentsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Copies a document dataset into TFDS, split by split.

    `weight` is 1.0 where the documents have none; the metadata's `weights` are the sums of each split. The features of
    `code_t5.data.imports` say where import statements of train documents stand; the metadata's `import_spans` count
    them. (Datasets made before there was one of these lack it, and are read all the same.)

    Attributes:
      documents_dir: a folder made by `preprocessing.run`; needed to build, not to read.
      related_kb: above 0, so many kB of related files accompany each document (`preprocessing.related_files`), as the
        features of `code_t5.data.context`. They are of the same repository, and so of the same split. A repository is
        held in memory at a time, because its files stand together in a shard.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}

    def __init__(self, *, documents_dir: str | None = None, related_kb: int = 0, **kwargs):
        self.documents_dir = documents_dir
        self.related_kb = related_kb
        super().__init__(**kwargs)

    def check_made(self) -> None:
        """Raises FileNotFoundError, with what makes it, where the dataset is not on disk."""
        if not tf.io.gfile.exists(self.data_dir):
            raise FileNotFoundError(
                f"there is no dataset {self.name}/{self.builder_config.name}/{self.version} in {self._data_dir_root}. "
                "Make it from documents with\n"
                f"  python -m code_t5.main.build_dataset --dataset {self.name}/{self.builder_config.name} "
                f"--documents DOCUMENTS --data_dir {self._data_dir_root}\n"
                "or point --t5_tfds_data_dir (or TFDS_DATA_DIR) to the data directory that holds it"
            )

    def _info(self) -> tfds.core.DatasetInfo:
        metadata = {}
        if self.documents_dir:
            manifest = shards.read_manifest(self.documents_dir, open_file=tf.io.gfile.GFile)
            weights = {split: count.get("weight", count["files"]) for split, count in manifest.counts.items()}
            metadata = {"documents_digest": manifest.digest, "counts": manifest.counts, "drops": manifest.drops}
            metadata["weights"] = weights
            metadata["related_kb"] = self.related_kb
        related = context.TEXTS if self.related_kb else ()
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"Python source files, one a row, split by repository. {self.builder_config.description}",
            features=tfds.features.FeaturesDict(
                {
                    **{name: tfds.features.Text() for name in _TEXTS},
                    "weight": tfds.features.Scalar(tf.float32),
                    **{name: tfds.features.Sequence(tf.int32) for name in imports.FEATURES},
                    **{name: tfds.features.Sequence(tfds.features.Text()) for name in related},
                }
            ),
            metadata=tfds.core.MetadataDict(**metadata),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        del dl_manager
        if not self.documents_dir:
            self.check_made()
        counts = shards.read_manifest(self.documents_dir, open_file=tf.io.gfile.GFile).counts
        return {split: self._generate_examples(split) for split in contract.SPLITS if counts[split]["files"]}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        counts: collections.Counter[str] = collections.Counter(files=0, spans=0, unparsed=0)
        for row in self._rows(split):
            # Nothing is ever left out of held-out documents, so they have no spans.
            spans = _spans(row, counts) if split == "train" else []
            fields = zip(*spans, strict=True) if spans else [()] * len(imports.FEATURES)
            row |= {name: list(values) for name, values in zip(imports.FEATURES, fields, strict=True)}
            yield f"{row['repository']}/{row['path']}", row
        if split == "train":
            self.info.metadata["import_spans"] = dict(counts)

    def _rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The documents of a split, with related files where they are wanted."""
        columns = [*_TEXTS, "weight"]
        batches = shards.read_columns(self.documents_dir, split, columns=columns, open_file=tf.io.gfile.GFile)
        rows = (row for batch in batches for row in batch.to_pylist())
        if not self.related_kb:
            yield from rows
            return
        for _, group in itertools.groupby(rows, key=lambda row: row["repository"]):
            repository = list(group)
            files = {row["path"]: row["content"] for row in repository}
            related = related_files.related_files(files, max_bytes=1000 * self.related_kb)
            for row in repository:
                paths_and_texts = zip(*related[row["path"]], strict=True) if related[row["path"]] else ((), ())
                yield row | {name: list(values) for name, values in zip(context.TEXTS, paths_and_texts, strict=True)}


def _spans(row: dict[str, Any], counts: collections.Counter[str]) -> list[import_spans.ImportSpan]:
    """The spans of a file, counted; a file that is not Python of this interpreter's version has none."""
    counts["files"] += 1
    try:
        spans = import_spans.import_spans(row["content"], is_package=row["path"].endswith("__init__.py"))
    except SyntaxError:
        counts["unparsed"] += 1
        return []
    counts["spans"] += len(spans)
    return spans


def _configs(**descriptions: str) -> list[tfds.core.BuilderConfig]:
    return [
        tfds.core.BuilderConfig(name=name.removeprefix("_"), description=text) for name, text in descriptions.items()
    ]


class FlccPython(DocumentsBuilder):
    """Python repositories in the layout of JetBrains' Full Line Code Completion."""

    name = "flcc_python"
    BUILDER_CONFIGS = _configs(
        dev="A small tree to develop with: a subset of another, or your own folders.",
        top5k_50stars_2019="The 5,000 most starred repositories of 2019.",
        _50stars_2019="Repositories with more than 50 stars in 2019.",
        _10stars_2019="Repositories with 10 to 50 stars in 2019.",
    )


class GithubPython(DocumentsBuilder):
    """Python files from public exports of GitHub."""

    name = "github_python"
    BUILDER_CONFIGS = _configs(
        bq_2016_minus_ethpy150="BigQuery's export of 2016, without the repositories of ETH Py150.",
        bq_2016_dedup="BigQuery's export of 2016, deduplicated.",
        at_2020="An export by Amazon Athena, 2020.",
    )
