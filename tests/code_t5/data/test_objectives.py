import gin
import numpy as np
import pytest
import seqio
import tensorflow as tf

from code_t5.data import objectives
from preprocessing.contract import EOS_ID

LENGTHS = {"inputs": 12, "targets": 8}


@pytest.fixture(autouse=True)
def _no_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def files(*lengths: int) -> list[list[int]]:
    """Files of so many distinct tokens, each ended by EOS."""
    return [[*range(100 * (i + 1), 100 * (i + 1) + length - 1), EOS_ID] for i, length in enumerate(lengths)]


def stream(token_lists) -> tf.data.Dataset:
    ragged = tf.data.Dataset.from_generator(lambda: token_lists, output_signature=tf.TensorSpec([None], tf.int32))
    return ragged.map(lambda tokens: {"targets": tokens})


def prefix_lm(token_lists, *, seed=0, lengths=LENGTHS):
    with seqio.utils.map_seed_manager(seed):
        dataset = objectives.code_prefix_lm(stream(token_lists), lengths)
    return [{k: v.tolist() for k, v in example.items()} for example in dataset.as_numpy_iterator()]


def test_split_prefix_is_the_documented_example_bare_and_inside_map():
    tokens = tf.constant([71, 9, 4, 33, 8])
    expected = {"inputs": [71, 9], "targets": [4, 33, 8]}
    bare = objectives.split_prefix(tokens, tf.constant(2))
    assert {k: v.numpy().tolist() for k, v in bare.items()} == expected
    mapped = tf.data.Dataset.from_tensors(tokens).map(lambda t: objectives.split_prefix(t, tf.constant(2)))
    assert {k: v.tolist() for k, v in next(mapped.as_numpy_iterator()).items()} == expected


def test_append_file_end():
    dataset = objectives.append_file_end(stream([[71, 9], [5]]))
    assert [e["targets"].tolist() for e in dataset.as_numpy_iterator()] == [[71, 9, 1], [5, 1]]


@pytest.mark.parametrize("seed", range(3))
def test_prefix_and_target_put_together_are_the_file(seed):
    token_lists = files(2, 3, 19, 20, 21, 22, 40, 41, 57, 33, 2, 3, 4, 20, 21, 61)
    examples = prefix_lm(token_lists, seed=seed)
    together = [token for example in examples for token in example["inputs"] + example["targets"]]
    for tokens in token_lists:  # an EOS alone cannot be cut into prefix and target: it may be missing
        assert together[: len(tokens) - 1] == tokens[:-1]
        together = together[len(tokens) - 1 :]
        together = together[1:] if together[:1] == [EOS_ID] else together
    assert not together
    for example in examples:
        assert 1 <= len(example["inputs"]) <= LENGTHS["inputs"]
        assert 1 <= len(example["targets"]) <= LENGTHS["targets"]
        assert EOS_ID not in example["inputs"] + example["targets"][:-1]


def test_the_prefix_is_what_comes_first():
    """The predecessor had them the other way round, and trained its model to write the prefix from what follows."""
    for seed in range(20):
        for example in prefix_lm(files(50), seed=seed):
            assert all(max(example["inputs"]) < target for target in example["targets"] if target != EOS_ID)


def test_full_windows_leave_no_padding():
    examples = prefix_lm(files(2001))
    sizes = [(len(e["inputs"]), len(e["targets"])) for e in examples]
    assert sizes.count((12, 8)) >= len(sizes) - 2


def test_starts_of_files_become_targets():
    """With a fixed phase the first tokens of a file would never be targets."""
    first = [{len(e["inputs"]) for e in prefix_lm(files(50), seed=seed)[:1]} for seed in range(40)]
    assert min(min(sizes) for sizes in first) <= 3
    assert len(set().union(*first)) >= 6


def test_the_same_seed_gives_the_same_examples_and_another_gives_others():
    token_lists = files(90, 57, 3)
    assert prefix_lm(token_lists, seed=3) == prefix_lm(token_lists, seed=3)
    assert prefix_lm(token_lists, seed=3) != prefix_lm(token_lists, seed=4)


def test_delimited_prefix_and_target_hold_one_eos_each_at_their_end():
    gin.bind_parameter("code_t5.delimiter.append_eos", True)
    token_lists = files(90, 57, 3)
    for seed in range(5):
        examples = prefix_lm(token_lists, seed=seed)
        for example in examples:
            for name in ("inputs", "targets"):
                assert example[name][-1] == EOS_ID
                assert example[name].count(EOS_ID) == 1
                assert len(example[name]) <= LENGTHS[name]
            assert len(example["inputs"]) >= 2
        text = [t for e in examples for t in e["inputs"] + e["targets"] if t != EOS_ID]
        assert text == [t for tokens in token_lists for t in tokens if t != EOS_ID]


def test_delimit_is_the_documented_example():
    example = objectives.delimit_example({"inputs": tf.constant([71, 9]), "targets": tf.constant([4, 1])})
    assert {k: v.numpy().tolist() for k, v in example.items()} == {"inputs": [71, 9, 1], "targets": [4, 1]}


def test_no_room_for_text_is_an_error():
    with pytest.raises(ValueError, match="leaves no room for text"):
        objectives.room({"inputs": 1, "targets": 8}, delimited=True)


def test_the_objective_is_prefix_lm_unless_gin_says_otherwise():
    with seqio.utils.map_seed_manager(0):
        chosen = list(objectives.objective(stream(files(50)), LENGTHS).as_numpy_iterator())
    ours = prefix_lm(files(50))
    assert [e["inputs"].tolist() for e in chosen] == [e["inputs"] for e in ours]


def test_t5s_own_prefix_lm_works_with_the_same_tasks_and_the_prefix_first():
    gin.add_config_file_search_path(next(iter(__import__("t5").__path__)) + "/models/gin")
    gin.parse_config_file("objectives/prefix_lm.gin", skip_unknown=True)
    features = {name: seqio.Feature(seqio.PassThroughVocabulary(2000), add_eos=False) for name in LENGTHS}
    with seqio.utils.map_seed_manager(0):
        dataset = objectives.objective(stream(files(50)), LENGTHS, output_features=features)
    examples = list(dataset.as_numpy_iterator())
    together = np.concatenate([part for e in examples for part in (e["inputs"], e["targets"])])
    assert len(together) >= 45
    assert all(np.diff(together[together != EOS_ID]) == 1)
