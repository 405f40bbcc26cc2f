"""Builds a TFDS dataset from documents, and puts the vocabulary into the data directory.

python -m code_t5.main.build_dataset --dataset flcc_python/dev --documents DOCUMENTS \\
  --vocabulary VOCABULARY --data_dir DATA_DIR
"""

import contextlib
import io
import os
import time

import tensorflow as tf
import tensorflow_datasets as tfds
from absl import flags

from code_t5.data import cache_lock, data_dir, vocabulary
from code_t5.main import program
from preprocessing import contract, shards

DATASET = flags.DEFINE_string("dataset", "flcc_python/dev", "TFDS dataset and config; see the table in README.md.")
DOCUMENTS = flags.DEFINE_string("documents", None, "Folder made by preprocessing.run.", required=True)
VOCABULARY = flags.DEFINE_string(
    "vocabulary", None, "Folder made by preprocessing.vocabulary; a data directory holds one vocabulary."
)
RELATED_KB = flags.DEFINE_integer(
    "related_kb",
    0,
    "kB of related files of the repository to store with each document, for code_t5.context.budget; 0 for none.",
    lower_bound=0,
)
OVERWRITE = flags.DEFINE_bool("overwrite", False, "Build again where the dataset exists.")
# TFDS would make files of 64 MB or more, one of most datasets; but files are what readers and data workers share out.
_MIN_SHARD_BYTES = 1_000_000


def place_vocabulary(source_dir: str, directory: str) -> None:
    """Copies a vocabulary into a data directory.

    Raises:
      ValueError: no vocabulary there, a damaged one, or the data directory holds another one.
    """
    source = os.path.join(source_dir, os.path.basename(vocabulary.MODEL_FILE))
    if not tf.io.gfile.exists(source):
        raise ValueError(f"no vocabulary at {source}: make one with `python -m preprocessing.vocabulary`")
    with tf.io.gfile.GFile(source, "rb") as file:
        new = file.read()
    target = os.path.join(directory, vocabulary.MODEL_FILE)
    if tf.io.gfile.exists(target):
        with tf.io.gfile.GFile(target, "rb") as file:
            if file.read() == new:
                return
        raise ValueError(
            f"{target} is another vocabulary (this one's digest is {contract.bytes_digest(new)[:12]}): all Tasks of a "
            "data directory share one. Build into another --data_dir, or leave --vocabulary out"
        )
    if vocabulary.description(source)["sha256"] != contract.bytes_digest(new):
        raise ValueError(
            f"{source} is damaged: its SHA-256 is not the one in vocabulary.json beside it: copy it again, or make it "
            "again with `python -m preprocessing.vocabulary`"
        )
    tf.io.gfile.makedirs(os.path.dirname(target))
    for name in (vocabulary.DESCRIPTION_FILE, vocabulary.MODEL_FILE):
        copy = os.path.join(directory, name)
        tf.io.gfile.copy(os.path.join(source_dir, os.path.basename(name)), copy + ".incomplete", overwrite=True)
        tf.io.gfile.rename(copy + ".incomplete", copy, overwrite=True)


def clear_left(builder: tfds.core.DatasetBuilder, directory: str) -> None:
    """Removes what a killed build left: TFDS builds in folders and files with names that it makes up each time."""
    versions, made = os.path.split(builder.data_dir)
    for folder, beginning in ((versions, made), (os.path.join(directory, builder.name, ".config"), "")):
        for name in tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else ():
            name = name.rstrip("/")
            if name.startswith(beginning) and ".incomplete" in name:
                left = os.path.join(folder, name)
                (tf.io.gfile.rmtree if tf.io.gfile.isdir(left) else tf.io.gfile.remove)(left)


def build(directory: str, digest: str) -> tfds.core.DatasetBuilder:
    """Builds the dataset where it is not there, and places the vocabulary.

    Args:
      directory: the data directory, locked for this process.
      digest: of the documents' manifest.

    Raises:
      ValueError: there is another dataset or another vocabulary.
    """
    if VOCABULARY.value:
        place_vocabulary(VOCABULARY.value, directory)
    builder = tfds.builder(
        DATASET.value, data_dir=directory, documents_dir=DOCUMENTS.value, related_kb=RELATED_KB.value
    )
    clear_left(builder, directory)
    if tf.io.gfile.exists(builder.data_dir) and not OVERWRITE.value:
        metadata = builder.info.metadata or {}
        made_from, related_kb = metadata.get("documents_digest"), metadata.get("related_kb", 0)
        if made_from != digest:
            raise ValueError(
                f"{builder.data_dir} was made from other documents (digest {str(made_from)[:12]}, these have "
                f"{digest[:12]}): build with --overwrite, or into another --data_dir"
            )
        if related_kb != RELATED_KB.value:
            raise ValueError(
                f"{builder.data_dir} was made with --related_kb {related_kb}, not {RELATED_KB.value}: build with "
                "--overwrite, or into another --data_dir"
            )
        print(f"already made: {builder.data_dir}")
        return builder
    if tf.io.gfile.exists(builder.data_dir):
        tf.io.gfile.rmtree(builder.data_dir)
    config = tfds.download.DownloadConfig(min_shard_size=_MIN_SHARD_BYTES)
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS announces a download, of which there is none
        builder.download_and_prepare(download_config=config)
    return builder


def main() -> None:
    directory = data_dir.data_dir()
    if not directory:
        raise ValueError("where to? Give --data_dir, or set TFDS_DATA_DIR")
    digest = shards.read_manifest(DOCUMENTS.value, open_file=tf.io.gfile.GFile).digest
    started = time.monotonic()
    tf.io.gfile.makedirs(directory)
    name = DATASET.value.partition("/")[0]  # its configurations share a folder
    with cache_lock.locked(directory, name, what=f"a dataset of {name}", flag="--data_dir"):
        builder = build(directory, digest)
    print(f"dataset     {builder.info.full_name} in {builder.data_dir}")
    metadata = builder.info.metadata or {}
    weights = metadata.get("weights", {})
    for split, info in builder.info.splits.items():
        line = f"{split:<11} {info.num_examples:>8,} files {info.num_bytes / 1e6:>8.1f} MB in {info.num_shards} shards"
        weight = weights.get(split, info.num_examples)
        print(f"{line}, weights of {weight:,.1f}" if abs(weight - info.num_examples) > 0.05 else line)
    if spans := metadata.get("import_spans"):
        print(
            f"imports     {spans['spans']:,} statements of train files may be left out in training; "
            f"{spans['unparsed']:,} of {spans['files']:,} files are no Python of this version and have none"
        )
    else:
        print(
            "imports     their places are not known, the dataset was made by an older version: build with --overwrite"
        )
    if metadata.get("related_kb"):
        print(f"related     up to {metadata['related_kb']} kB of files of its repository beside each document")
    if tf.io.gfile.exists(os.path.join(directory, vocabulary.MODEL_FILE)):
        print(f"vocabulary  {os.path.join(directory, vocabulary.MODEL_FILE)}")
    else:
        print("vocabulary  none yet: the Tasks need one, put it there with --vocabulary")
    print(f"done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    program.run(main)
