import gin
import numpy as np
import pytest
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds
from t5.models import mesh_transformer  # noqa: F401 (registers mesh_train_dataset_fn)

from code_t5.data import names, objectives, packing, window_objectives
from code_t5.data.vocabulary import VOCABULARY
from tests.code_t5.data.packed import pieces_of

LENGTHS = {"inputs": 64, "targets": 32}


@pytest.fixture(autouse=True)
def _clean_gin():
    gin.clear_config()
    yield
    gin.clear_config()


def first(count: int = 20, name: str = "fl_py_dev", **kwargs) -> list[dict]:
    return list(packing.train_dataset(name, LENGTHS, **kwargs).take(count).as_numpy_iterator())


def test_elements_are_what_mesh_tensorflow_reads(use_data_dir):
    (example,) = first(1)
    assert {name: (value.dtype.name, value.shape) for name, value in example.items()} == {
        f"{name}{suffix}": ("int32", (LENGTHS[name],))
        for name in LENGTHS
        for suffix in ("", "_segmentation", "_position")
    }


def test_in_order_it_is_the_documents(use_data_dir):
    gin.bind_parameter("mesh_train_dataset_fn.shuffle", False)
    gin.bind_parameter("mesh_train_dataset_fn.seed", 1)
    rows = names.find("fl_py_dev").source.get_dataset("train", shuffle=False)
    text = "".join(row["content"].decode() for row in tfds.as_numpy(rows.take(3)))
    together = []
    for example in first(10):
        for pair in zip(pieces_of(example, "inputs"), pieces_of(example, "targets"), strict=True):
            together += [token for piece in pair for token in piece]
    assert text.startswith(VOCABULARY.decode([token for token in together if token != 1]))


@pytest.mark.parametrize("objective", [window_objectives.causal_lm, window_objectives.span_corruption])
def test_what_a_window_held_is_told_on_request(use_data_dir, objective):
    gin.bind_parameter("mesh_train_dataset_fn.seed", 1)
    first_reserved = VOCABULARY.special_ids["first_reserved"]
    for example in first(20, objective=objective, with_text_tokens=True):
        rows = [example[name] for name in LENGTHS if name in example]
        assert example["text_tokens"] == sum(int(packing.is_text(row, first_reserved).sum()) for row in rows)
    row = np.array([0, 1, 2, first_reserved - 1, first_reserved, first_reserved + 127])
    assert packing.is_text(row, first_reserved).tolist() == [False, False, True, True, False, False]


def test_seed_and_shuffle_are_those_of_mesh_train_dataset_fn(use_data_dir):
    gin.bind_parameter("mesh_train_dataset_fn.seed", 5)
    once, again = first(), first()
    assert str(once) == str(again)
    gin.bind_parameter("mesh_train_dataset_fn.seed", 6)
    assert str(first()) != str(once)
    gin.clear_config()
    assert str(first()) != str(first()), "no seed: another order each time"


def test_use_cached_is_that_of_mesh_train_dataset_fn(use_data_dir):
    gin.bind_parameter("mesh_train_dataset_fn.use_cached", True)
    with pytest.raises(AssertionError, match="does not exist in any of the task cache directories"):
        first(1)


def test_a_split_and_a_mixture(use_data_dir):
    assert first(2, dataset_split="validation")
    seqio.MixtureRegistry.add("twice_dev_mix", [("fl_py_dev", 1.0)])
    try:
        assert len(first(5, "twice_dev_mix")) == 5
    finally:
        seqio.MixtureRegistry.remove("twice_dev_mix")


def test_the_objective_is_a_gin_parameter(use_data_dir):
    gin.parse_config("code_t5.packing.train_dataset.objective = @code_t5.packed_causal_lm")
    assert set(first(1)[0]) == {"targets", "targets_segmentation", "targets_position"}


def test_an_objective_of_t5s_is_not_passed_over_in_silence(use_data_dir):
    gin.parse_config("preprocessors.unsupervised.preprocessors = [@code_t5.code_prefix_lm]")
    with pytest.raises(ValueError, match=r"utils\.run\.train_dataset_fn = @t5\.models\.mesh_transformer\.mesh_train"):
        first(1)


def test_pack_false_is_not_passed_over_in_silence(use_data_dir):
    gin.bind_parameter("mesh_train_dataset_fn.pack", False)
    with pytest.raises(ValueError, match="packed training cannot do without packing"):
        first(1)


def test_a_context_must_leave_room_for_text(use_data_dir):
    gin.bind_parameter("code_t5.context.budget", 40)
    with pytest.raises(ValueError, match=r"context\.budget = 40 takes more than half of the 64 tokens of the inputs"):
        first(1)


def test_an_unknown_task_is_an_error_that_helps():
    with pytest.raises(ValueError, match="Did you mean fl_py_dev"):
        first(1, "fl_py_devv")


def test_it_can_cross_to_a_worker_of_the_data_service(use_data_dir):
    """No operation of it is bound to this process: its graph is serialised, as tf.data-service does."""
    gin.bind_parameter("code_t5.infilling.rate", 0.5)
    dataset = packing.train_dataset("fl_py_dev", LENGTHS)
    operations = {
        node.op
        for graph in [dataset._as_serialized_graph()]
        for definition in [tf.compat.v1.GraphDef.FromString(graph.numpy())]
        for node in [*definition.node, *(n for function in definition.library.function for n in function.node_def)]
    }
    assert "SentencepieceTokenizeOp" in " ".join(operations)
    assert not {op for op in operations if "PyFunc" in op or "Generator" in op}
    stateful = {op for op in operations if op.startswith("Random") and "Shuffle" not in op and op != "RandomDataset"}
    assert not stateful, "only stateless draws are the same for the same seed"


def test_a_worker_of_the_data_service_packs_as_this_process_does(use_data_dir):
    gin.bind_parameter("mesh_train_dataset_fn.seed", 5)
    gin.bind_parameter("mesh_train_dataset_fn.shuffle", False)
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address, heartbeat_interval_ms=100))
    distributed = packing.train_dataset("fl_py_dev", LENGTHS).apply(
        service.distribute(service.ShardingPolicy.OFF, dispatcher.target)
    )
    assert str(list(distributed.take(5).as_numpy_iterator())) == str(first(5))
    worker._stop()
    dispatcher._stop()


def test_whole_documents_are_what_the_task_gives_without_lengths(use_data_dir):
    (document,) = names.find("fl_py_dev").get_dataset(None, split="train", shuffle=False).take(1).as_numpy_iterator()
    (row,) = tfds.as_numpy(names.find("fl_py_dev").source.get_dataset("train", shuffle=False).take(1))
    assert document["inputs"].tolist() == []
    assert document["targets"].tolist() == [*VOCABULARY.encode(row["content"].decode()), 1]
    assert objectives.uses_delimiter() is False
    assert window_objectives.PieceCounts() == window_objectives.PieceCounts(whole_share=0.5, max_extra=3)
