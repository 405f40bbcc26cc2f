"""Tasks of a few short texts, to be cached in no time."""

import pathlib

import seqio
import tensorflow as tf

WORDS = ("one", "two", "three", "", "five\n", "sechs ß", "seven seven seven")
FEATURES = {"targets": seqio.Feature(seqio.ByteVocabulary(), add_eos=False)}


def texts(count: int) -> list[str]:
    return [f"{WORDS[i % len(WORDS)]} {i}" for i in range(count)]


def function_source(**counts: int) -> seqio.FunctionDataSource:
    """Split -> number of texts."""

    def dataset(split: str, shuffle_files: bool = False) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensor_slices({"text": tf.constant(texts(counts[split]), tf.string)})

    return seqio.FunctionDataSource(dataset, splits=list(counts), num_input_examples=counts)


def file_source(folder: pathlib.Path, *lines: int) -> seqio.TextLineDataSource:
    """One file of so many lines for each number, as the split `train`."""
    folder.mkdir(exist_ok=True)
    for number, count in enumerate(lines):
        (folder / f"part-{number}.txt").write_text("".join(f"file {number} line {i}\n" for i in range(count)))
    return seqio.TextLineDataSource({"train": str(folder / "part-*.txt")})


def encode(dataset: tf.data.Dataset, output_features) -> tf.data.Dataset:
    vocabulary = output_features["targets"].vocabulary

    def encode_text(example):
        text = example["text"] if isinstance(example, dict) else example
        return {"targets": vocabulary.encode_tf(text)}

    return dataset.map(encode_text)


def task(source: seqio.DataSource, *preprocessors, name: str = "small", features=FEATURES) -> seqio.Task:
    """A Task with these preprocessors, `encode` where there are none, before its placeholder."""
    before = list(preprocessors) or [encode]
    return seqio.Task(name, source, features, [*before, seqio.CacheDatasetPlaceholder()])


def read_back(made: seqio.Task, cache_dir, split: str = "train") -> list[dict]:
    """What seqio reads, in the order of the shards."""
    before = seqio.get_global_cache_dirs()
    seqio.set_global_cache_dirs([str(cache_dir)])
    try:
        fresh = seqio.Task(made.name, made.source, made.output_features, made._preprocessor_constructor_args)
        source = fresh._get_cached_source(split)
        dataset = tf.data.Dataset.from_tensor_slices(list(source.list_shards(split))).flat_map(source._reader)
        return list(dataset)
    finally:
        seqio.set_global_cache_dirs(before)


def everything(folder: pathlib.Path) -> dict[str, bytes]:
    """Name -> content of the files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def inodes(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Finished shard -> what changes when it is written again."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.glob("*.tfrecord-*")
        if path.suffix != ".incomplete"
    }
