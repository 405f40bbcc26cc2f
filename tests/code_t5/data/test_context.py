"""Repository context: what tf.data lays out is what `preprocessing.prompt` lays out at prediction time."""

import itertools
import random
import shutil

import gin
import pytest
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds

from code_t5.data import cache, context, imports, names
from code_t5.data.vocabulary import VOCABULARY
from preprocessing import import_spans, prompt, related_files, shards
from preprocessing.contract import SPLITS
from tests.code_t5.conftest import command

TASK = "fl_py_dev"
RELATED_KB = 4


@pytest.fixture(autouse=True)
def _no_gin():
    gin.clear_config()
    yield
    gin.clear_config()


@pytest.fixture(scope="module")
def with_related(tmp_path_factory, documents, vocabulary_dir):
    folder = tmp_path_factory.mktemp("related") / "data"
    built = tfds.builder(
        "flcc_python/dev", data_dir=str(folder), documents_dir=str(documents), related_kb=RELATED_KB
    )  # fmt: skip
    built.download_and_prepare()
    shutil.copytree(vocabulary_dir, folder / "vocabulary")
    return folder


@pytest.fixture
def use_related(with_related):
    seqio.set_tfds_data_dir_override(str(with_related))
    VOCABULARY.forget()
    yield with_related
    seqio.set_tfds_data_dir_override(None)
    VOCABULARY.forget()


def test_the_dataset_holds_spans_of_train_files_and_related_files_of_the_same_repository(with_related, documents):
    built = tfds.builder_from_directory(str(with_related / "flcc_python" / "dev" / "1.0.0"))
    num_related = num_spans = 0
    for split in SPLITS:
        rows = {row["path"].decode(): row for row in tfds.as_numpy(built.as_dataset(split=split))}
        files = list(shards.read_documents(documents, split))
        for _, group in itertools.groupby(files, key=lambda file: file.repository):
            repository = {file.path: file.content for file in group}
            expected = related_files.related_files(repository, max_bytes=1000 * RELATED_KB)
            for path, content in repository.items():
                row = rows.pop(path)
                found = [[text.decode() for text in row[name]] for name in context.TEXTS]
                assert list(zip(*found, strict=True)) == expected[path]
                num_related += len(expected[path])
                spans = import_spans.import_spans(content, is_package=path.endswith("__init__.py"))
                spans = spans if split == "train" else []
                assert list(zip(*(row[name].tolist() for name in imports.FEATURES), strict=True)) == spans
                num_spans += len(spans)
        assert not rows
    assert num_related > 300
    train = shards.read_manifest(documents).counts["train"]["files"]
    assert built.info.metadata["import_spans"] == {"files": train, "spans": num_spans, "unparsed": 0}
    assert built.info.metadata["related_kb"] == RELATED_KB


def contexts(budget: int, *, split: str = "validation") -> tuple[list[dict], list[list[int]]]:
    """The documents of a split as they are in the dataset, and the contexts that the Task's steps give them."""
    gin.clear_config()
    gin.bind_parameter("code_t5.context.budget", budget)
    task = names.find(TASK)
    raw = task.source.get_dataset(split, shuffle=False)
    laid_out = context.context_tokens(task.preprocess_precache(raw))
    assert laid_out.element_spec["context"] == tf.TensorSpec([None], tf.int32)
    assert not {context.ROWS, context.LENGTHS} & set(laid_out.element_spec)
    return list(tfds.as_numpy(raw)), [example["context"].tolist() for example in tfds.as_numpy(laid_out)]


@pytest.mark.parametrize("budget", [1, 20, 100, 300, 1000, 5000])
def test_law_training_lays_out_what_prediction_does(use_related, budget):
    codec = prompt.Codec(VOCABULARY.sp_model)
    rows, found = contexts(budget)
    for row, ids in zip(rows, found, strict=True):
        texts = ([text.decode() for text in row[name]] for name in context.TEXTS)
        files = list(zip(*texts, strict=True))
        assert ids == prompt.context(codec, files, path=row["path"].decode(), budget=budget)
        assert len(ids) <= budget
    assert any(found) == (budget >= 20)
    if budget == 5000:
        assert max(map(len, found)) > 500


def test_law_shares_are_those_of_prompt():
    rng = random.Random(5)
    drawn = [
        (
            [rng.choice([rng.randrange(20), rng.randrange(500)]) for _ in range(rng.randrange(12))],
            rng.randrange(-9, 1500),
        )
        for _ in range(200)
    ]
    for sizes, budget in drawn:
        for least in (1, 64):
            found = context.shares(tf.constant(sizes, tf.int32), tf.constant(budget), least=least)
            assert found.numpy().tolist() == prompt.shares(sizes, budget, least=least)


def test_without_a_budget_only_the_document_is_left(use_related):
    task = names.find(TASK)
    tokenized = task.preprocess_precache(task.source.get_dataset("validation", shuffle=False))
    assert {context.ROWS, context.LENGTHS} <= set(tokenized.element_spec)
    assert set(context.context_tokens(tokenized).element_spec) == {"targets", "weight", *imports.FEATURES}


def test_a_cache_gives_the_same_contexts(use_related, tmp_path):
    _, direct = contexts(300)
    task = names.find(TASK)
    cache.cache_task(task, str(tmp_path), splits=["validation"], say=lambda line: None)
    before = seqio.get_global_cache_dirs()
    seqio.set_global_cache_dirs([str(tmp_path)])
    try:
        fresh = seqio.Task(task.name, task.source, task.output_features, task._preprocessor_constructor_args)
        cached = context.context_tokens(fresh._get_cached_source("validation").get_dataset("validation", shuffle=False))
        assert cached.element_spec["context"] == tf.TensorSpec([None], tf.int32)
        assert sorted(example["context"].tolist() for example in tfds.as_numpy(cached)) == sorted(direct)
    finally:
        seqio.set_global_cache_dirs(before)


def test_a_budget_without_related_files_is_refused(use_data_dir):
    gin.bind_parameter("code_t5.context.budget", 100)
    task = names.find(TASK)
    dataset = task.preprocess_precache(task.source.get_dataset("validation"))
    with pytest.raises(ValueError, match=r"code_t5.context.budget is 100, .*holds no related files: .*--related_kb 8"):
        context.context_tokens(dataset)
    gin.bind_parameter("code_t5.context.budget", 0)
    assert context.context_tokens(dataset) is dataset


def test_a_negative_budget_is_refused():
    gin.bind_parameter("code_t5.context.budget", -1)
    with pytest.raises(ValueError, match="code_t5.context.budget is a number of tokens, 0 or more, got -1"):
        context.context_budget()


@pytest.mark.slow
def test_the_program_builds_it_and_refuses_another_amount(documents, tmp_path):
    arguments = ["code_t5.main.build_dataset", "--documents", documents, "--data_dir", tmp_path]
    built = command(*arguments, "--related_kb", "2").stdout
    assert "related     up to 2 kB of files of its repository beside each document" in built
    assert "statements of train files may be left out in training; 0 of" in built
    with pytest.raises(AssertionError, match="was made with --related_kb 2, not 0: build with --overwrite"):
        command(*arguments)


def test_it_works_in_a_graph_where_tensors_are_not_compared_by_value():
    """t5's entry point switches TensorFlow 2 off, and with it `==` of tensors."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        found = context.lay_out(tf.constant([9, 1, 9, 2, 3, 4, 5, 9, 6]), tf.constant([2, 5, 2]), budget=9)
        assert session.run(found).tolist() == [9, 6, 9, 2, 3, 4, 5, 9, 1]
