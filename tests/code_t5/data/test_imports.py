"""Import dropout: a document minus whole import statements, each unused before the cursor, and nothing else."""

import gin
import numpy as np
import pytest
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import cache, imports, names, tasks
from code_t5.data.vocabulary import VOCABULARY
from preprocessing import contract, import_spans, prompt, shards

TASK = "fl_py_dev"


@pytest.fixture(autouse=True)
def _no_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def without(text: str, spans: list[import_spans.ImportSpan]) -> str:
    data = prompt.escape(text).encode()
    for span in sorted(spans, reverse=True):
        data = data[: span.start] + data[span.end :]
    return prompt.unescape(data.decode())


def missing(spans: list[import_spans.ImportSpan], cursor: int) -> list[import_spans.ImportSpan]:
    return [span for span in spans if span.end <= cursor <= span.first_use]


@pytest.mark.parametrize("cursor, kept", [(5, [1, 1, 1, 1]), (6, [1, 0, 1, 1]), (9, [1, 0, 1, 1]), (10, [1, 1, 1, 1])])
def test_kept_tokens_of_the_example(cursor, kept):
    spans = [tf.constant([value]) for value in (2, 6, 9)]
    lengths = tf.constant([2, 4, 3, 1])
    found = imports.kept_tokens(lengths, *spans, cursor=tf.constant(cursor), chosen=tf.constant([True]))
    assert found.numpy().tolist() == [bool(keep) for keep in kept]
    spared = imports.kept_tokens(lengths, *spans, cursor=tf.constant(cursor), chosen=tf.constant([False]))
    assert spared.numpy().all()


def test_neighbours_and_a_span_at_the_end_of_the_file():
    starts, ends, first_uses = tf.constant([1, 3, 6]), tf.constant([3, 6, 7]), tf.constant([7, 6, 7])
    for cursor, kept in [(2, [1, 1, 1, 1]), (6, [1, 0, 0, 1]), (7, [1, 0, 1, 0])]:
        found = imports.kept_tokens(
            tf.constant([1, 2, 3, 1]), starts, ends, first_uses, cursor=tf.constant(cursor), chosen=tf.fill([3], True)
        )
        assert found.numpy().tolist() == [bool(keep) for keep in kept]


def stream(share: float, *, seed: int | None = 3, split: str = "train", epochs: int = 1) -> list[str]:
    """The texts that the Task's steps up to import dropout give."""
    gin.clear_config()
    if share:
        gin.bind_parameter("code_t5.imports.dropout_share", share)
    task = names.find(TASK)
    dataset = task.preprocess_precache(task.source.get_dataset(split, shuffle=False)).repeat(epochs)
    with seqio.utils.map_seed_manager(seed):
        dropped = imports.drop_imports(dataset, task.output_features)
        assert seed == seqio.utils._NEXT_MAP_SEED  # the draws of later steps are as they were
    assert set(dropped.element_spec) == {"targets", "weight"}
    return [VOCABULARY.decode(example["targets"].tolist()) for example in tfds.as_numpy(dropped)]


def test_law_what_is_missing_are_whole_statements_unused_before_a_cursor(use_data_dir, documents):
    whole = stream(0.0)
    assert sorted(whole) == sorted(file.content for file in shards.read_documents(documents, "train"))
    paths = {file.content: file.path for file in shards.read_documents(documents, "train")}
    num_missing = 0
    all_gone, half_gone = stream(1.0), stream(0.5)
    for text, all_of_them, half in zip(whole, all_gone, half_gone, strict=True):
        spans = import_spans.import_spans(text, is_package=paths[text].endswith("__init__.py"))
        size = len(prompt.escape(text).encode())
        cursors = {0, size, *(span.end for span in spans), *(span.first_use + 1 for span in spans)}
        possible = [missing(spans, cursor) for cursor in cursors]
        [gone] = {tuple(some) for some in possible if without(text, some) == all_of_them}
        num_missing += len(gone)
        # The same seed draws the same cursor: with half the share a part of the same statements is missing.
        part = [span for span in gone if text_of(text, span) not in half]
        assert without(text, part) == half
    assert num_missing > len(whole) / 2


def text_of(text: str, span: import_spans.ImportSpan) -> str:
    return prompt.unescape(prompt.escape(text).encode()[span.start : span.end].decode()) + "\n"


def test_about_the_share_is_missing_and_each_epoch_draws_anew(use_data_dir):
    whole = stream(0.0, epochs=3)
    sizes = {share: sum(map(len, stream(share, epochs=3))) for share in (0.5, 1.0)}
    gone = {share: sum(map(len, whole)) - size for share, size in sizes.items()}
    assert gone[0.5] / gone[1.0] == pytest.approx(0.5, abs=0.1)
    three = stream(1.0, epochs=3)
    third = len(three) // 3
    assert three[:third] == stream(1.0)
    assert three[:third] != three[third : 2 * third] != three[2 * third :]
    assert stream(1.0, epochs=3) == three != stream(1.0, seed=4, epochs=3)
    assert stream(1.0, seed=None) != stream(1.0, seed=None)


def test_nothing_is_ever_missing_from_held_out_documents(use_data_dir, documents):
    for split in contract.HELD_OUT_SPLITS:
        expected = sorted(file.content for file in shards.read_documents(documents, split))
        assert sorted(stream(1.0, split=split)) == expected != []
    gin.bind_parameter("code_t5.imports.dropout_share", 1.0)
    for suffix in ("_line", "_heldout"):
        assert imports.drop_imports not in names.find(TASK + suffix).preprocessors


def test_exact_values_of_a_known_seed(use_data_dir):
    text = "# first\nimport a\nimport b\nimport c\nz = b\nc.d = 1\na.e()\n"
    spans = import_spans.import_spans(text)
    example = {"targets": VOCABULARY.encode(text), **fields(spans)}
    gin.bind_parameter("code_t5.imports.dropout_share", 1.0)
    dataset = tf.data.Dataset.from_tensors(example).repeat(6)
    with seqio.utils.map_seed_manager(11):
        dropped = imports.drop_imports(dataset, tasks.OUTPUT_FEATURES)
    found = [VOCABULARY.decode(e["targets"].tolist()) for e in tfds.as_numpy(dropped)]
    assert [[name for name in "abc" if f"import {name}" not in text] for text in found] == [
        ["a"], ["a"], [], ["a", "b", "c"], ["a"], []
    ]  # fmt: skip


def fields(spans: list[import_spans.ImportSpan]) -> dict[str, np.ndarray]:
    table = np.array(spans, np.int32).reshape(-1, 3)
    return {name: table[:, i] for i, name in enumerate(imports.FEATURES)}


def test_without_spans_or_without_a_share_a_stream_is_left_alone(use_data_dir):
    gin.bind_parameter("code_t5.imports.dropout_share", 0.5)
    old = tf.data.Dataset.from_tensors({"targets": [5, 6], "weight": 0.5})
    assert imports.drop_imports(old, tasks.OUTPUT_FEATURES) is old


def test_a_cache_holds_the_spans(use_data_dir, tmp_path):
    task = names.find(TASK)
    cache.cache_task(task, str(tmp_path), splits=["validation", "train"], say=lambda line: None)
    seqio.add_global_cache_dirs([str(tmp_path)])
    try:
        fresh = seqio.Task(task.name, task.source, task.output_features, task._preprocessor_constructor_args)
        direct, cached = (
            {
                e["targets"].tobytes(): [e[name].tolist() for name in imports.FEATURES]
                for e in tfds.as_numpy(source.get_dataset("train", shuffle=False) if source is not task.source
                                         else task.preprocess_precache(source.get_dataset("train", shuffle=False)))
            }
            for source in (task.source, fresh._get_cached_source("train"))
        )  # fmt: skip
        spec = fresh._get_cached_source("train").get_dataset("train").element_spec
        assert spec["import_starts"] == tf.TensorSpec([None], tf.int32)
    finally:
        seqio.set_global_cache_dirs([])
    assert direct == cached
    assert {bool(starts) for starts, *_ in direct.values()} == {True, False}


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_out_of_range_is_refused(share):
    gin.bind_parameter("code_t5.imports.dropout_share", share)
    with pytest.raises(ValueError, match=r"code_t5.imports.dropout_share is a share from 0.0 to 1.0, got"):
        imports.share_dropped()


def test_a_vocabulary_with_newlines_inside_of_pieces_is_refused(use_data_dir):
    codec = prompt.Codec(VOCABULARY.sp_model)
    pieces = codec.piece_bytes()
    imports.check_pieces(codec, pieces)
    with pytest.raises(ValueError, match=r"piece 7 has a newline inside.*python -m preprocessing.vocabulary"):
        imports.check_pieces(codec, [*pieces[:7], b"x\n", *pieces[8:]])
    with pytest.raises(ValueError, match=r"does not keep every byte of a text.*dropout_share = 0.0"):
        imports.check_pieces(codec, [piece.replace(b"\xc2", b"") for piece in pieces])


def test_it_works_in_a_graph_where_tensors_are_not_compared_by_value():
    """t5's entry point switches TensorFlow 2 off, and with it `==` of tensors."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        spans = [tf.constant([value]) for value in (2, 6, 9)]
        lengths = tf.constant([2, 4, 3, 1])
        kept = imports.kept_tokens(lengths, *spans, cursor=tf.constant(6), chosen=tf.constant([True]))
        assert session.run(kept).tolist() == [True, False, True, True]
