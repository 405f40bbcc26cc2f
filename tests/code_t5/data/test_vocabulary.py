import copy
import pickle
import shutil

import gin
import pytest
import seqio
import tensorflow as tf

from code_t5.data import vocabulary
from code_t5.data.vocabulary import VOCABULARY, CodeVocabulary
from preprocessing import prompt
from tests.preprocessing.test_prompt import HARD_TEXTS


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    gin.clear_config()
    seqio.set_tfds_data_dir_override(None)
    yield
    gin.clear_config()
    seqio.set_tfds_data_dir_override(None)


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_python_and_tensorflow_agree_and_every_text_comes_back(use_data_dir, text):
    ids = VOCABULARY.encode(text)
    assert VOCABULARY.encode_tf(tf.constant(text)).numpy().tolist() == ids
    assert prompt.Codec(VOCABULARY.sp_model).encode(text) == ids
    assert VOCABULARY.decode(ids) == text
    assert VOCABULARY.decode_tf(tf.constant([*ids, 1, 0, 0], tf.int32)).numpy().decode() == text
    mapped = tf.data.Dataset.from_tensors(text).map(VOCABULARY.encode_tf)
    assert next(mapped.as_numpy_iterator()).tolist() == ids


def test_found_by_gin_then_by_the_data_dir_then_by_the_environment(tmp_path, monkeypatch):
    places = {name: tmp_path / name for name in ("gin", "flag", "environment")}
    for place in places.values():
        (place / "vocabulary").mkdir(parents=True)
        (place / "vocabulary" / "code.model").touch()
    monkeypatch.setenv("TFDS_DATA_DIR", str(places["environment"]))
    assert vocabulary.find() == str(places["environment"] / "vocabulary" / "code.model")
    seqio.set_tfds_data_dir_override(str(places["flag"]))
    assert vocabulary.find() == str(places["flag"] / "vocabulary" / "code.model")
    gin.bind_parameter("code_t5.vocabulary.path", str(places["gin"] / "vocabulary" / "code.model"))
    assert vocabulary.find() == str(places["gin"] / "vocabulary" / "code.model")


def test_nowhere_to_look_says_what_can_be_set():
    with pytest.raises(ValueError, match=r"neither gin's .* nor --t5_tfds_data_dir, nor TFDS_DATA_DIR.*preprocessing"):
        vocabulary.find()


def test_not_there_says_where_it_was_looked_for_and_what_makes_it(tmp_path):
    seqio.set_tfds_data_dir_override(str(tmp_path))
    expected = rf"no vocabulary at {tmp_path}/vocabulary/code.model: `python -m preprocessing.vocabulary`"
    with pytest.raises(ValueError, match=expected):
        vocabulary.find()


def test_equal_without_being_loaded_and_can_be_copied_as_gin_does(use_data_dir):
    assert CodeVocabulary() == CodeVocabulary()
    assert VOCABULARY.vocab_size == 1000
    assert copy.deepcopy(VOCABULARY).vocab_size == 1000
    assert pickle.loads(pickle.dumps(VOCABULARY)).vocab_size == 1000
    assert seqio.ByteVocabulary() != VOCABULARY


def test_sentinels_of_t5_are_the_last_ids(use_data_dir):
    from t5.data import preprocessors

    feature = seqio.Feature(VOCABULARY)
    assert preprocessors.sentinel_id(feature.vocabulary) == VOCABULARY.special_ids["first_sentinel"] == 999


def test_a_model_directory_keeps_its_vocabulary_and_refuses_another(use_data_dir, tmp_path):
    vocabulary.copy_to_model_dir(str(tmp_path))
    own = tmp_path / "vocabulary" / "code.model"
    assert own.read_bytes() == VOCABULARY.sp_model
    assert vocabulary.description(str(own))["vocab_size"] == 1000
    vocabulary.check_model_dir(str(tmp_path), VOCABULARY.sp_model, "here")
    with pytest.raises(ValueError, match=r"the vocabulary at there .* is not the one .* trained with"):
        vocabulary.check_model_dir(str(tmp_path), VOCABULARY.sp_model + b"x", "there")
    shutil.rmtree(tmp_path / "vocabulary")
    vocabulary.check_model_dir(str(tmp_path), b"any", "there")
    vocabulary.check_model_dir(None, b"any", "there")
