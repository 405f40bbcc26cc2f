"""How much is read at a time changes nothing; a dataset of several files, for one trainer and for data workers."""

import shutil

import gin
import numpy as np
import pytest
import seqio
import tensorflow as tf
import tensorflow_datasets as tfds
from t5.models import mesh_transformer  # noqa: F401 (registers mesh_train_dataset_fn)

from code_t5.data import builder, packing, service
from code_t5.data.reading import Reading
from code_t5.data.vocabulary import VOCABULARY
from code_t5.training.input_stream import InputStream

LENGTHS = {"inputs": 64, "targets": 32}
FILES = 8


@pytest.fixture(scope="module")
def of_several_files(documents, vocabulary_dir, tmp_path_factory):
    """A data directory whose train split has eight files."""
    folder = tmp_path_factory.mktemp("several_files")
    made = builder.FlccPython(config="dev", data_dir=str(folder), documents_dir=str(documents))
    made.download_and_prepare(download_config=tfds.download.DownloadConfig(min_shard_size=200_000))
    assert made.info.splits["train"].num_shards == FILES
    shutil.copytree(vocabulary_dir, folder / "vocabulary")
    return folder


@pytest.fixture(autouse=True)
def _several_files(of_several_files):
    gin.clear_config()
    seqio.set_tfds_data_dir_override(str(of_several_files))
    VOCABULARY.forget()
    gin.bind_parameter("mesh_train_dataset_fn.seed", 3)
    yield
    seqio.set_tfds_data_dir_override(None)
    VOCABULARY.forget()
    gin.clear_config()


def batches(count: int) -> list[bytes]:
    dataset = packing.train_dataset("fl_py_dev", LENGTHS, epoch=0).batch(8)
    return [batch["targets"].numpy().tobytes() for batch in dataset.take(count)]


@pytest.mark.parametrize(
    "options", [{"readers": 1}, {"readers": 4, "parsers": 3}, {"threads": 2}, {"threads": 8, "buffer_mb": 1.0}]
)
def test_law_the_order_does_not_depend_on_how_it_is_read(options):
    expected = batches(30)
    for name, value in options.items():
        gin.bind_parameter(f"code_t5.reading.{name}", value)
    assert batches(30) == expected
    assert seqio.utils._TFDS_DATA_READ_CONFIG_OVERRIDE is None, "what others read is left as it was"


@pytest.mark.parametrize("value", [0, -1])
def test_values_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match=rf"code_t5\.reading\.readers = {value}: must be more than 0, or None"):
        Reading(readers=value)


def test_a_position_in_several_files_is_taken_up_again(tmp_path):
    def stream() -> InputStream:
        def dataset(epoch):
            return packing.train_dataset("fl_py_dev", LENGTHS, epoch=epoch)

        return InputStream(dataset, batch_size=8)

    first = stream()
    for _ in range(7):
        first.next()
    first.save(str(tmp_path))
    expected = [first.next()["targets"] for _ in range(20)]
    first.close()
    again = stream()
    assert again.restore(str(tmp_path))
    found = [again.next()["targets"] for _ in range(20)]
    again.close()
    np.testing.assert_array_equal(found, expected)


@pytest.fixture
def two_workers():
    """Those of a data service, in this process."""
    served = tf.data.experimental.service
    dispatcher = served.DispatchServer()
    address = dispatcher.target.removeprefix("grpc://")
    workers = [served.WorkerServer(served.WorkerConfig(dispatcher_address=address)) for _ in range(2)]
    gin.bind_parameter("code_t5.data_service.host_and_port", address)
    yield workers
    for server in (*workers, dispatcher):
        server._stop()


def test_two_data_workers_share_a_pass_and_nothing_comes_twice(two_workers):
    with Reading().of_tfds(shared=True):
        documents = seqio.get_mixture_or_task("fl_py_dev").get_dataset(None, split="train", try_in_mem_cache=False)
    documents = documents.map(lambda one: one["targets"])
    whole = sorted(one.tobytes() for one in documents.as_numpy_iterator())
    served = service.distribute(documents, service.address(), job_name="a pass")
    found = sorted(one.tobytes() for one in served.as_numpy_iterator())
    assert [worker._server.num_tasks() for worker in two_workers] == [1, 1], "both work"
    assert found == whole


@pytest.mark.parametrize("of_one_file", [False, True])
def test_hardly_an_example_comes_twice_though_all_workers_have_the_same_seeds(two_workers, of_one_file, data_dir):
    if of_one_file:
        seqio.set_tfds_data_dir_override(str(data_dir))
    examples = packing.train_dataset("fl_py_dev", LENGTHS).take(3000).as_numpy_iterator()
    rows = {np.concatenate([one[name] for name in sorted(one)]).tobytes() for one in examples}
    # One in eight does where they read in the same order.
    assert len(rows) > 0.999 * 3000


def test_a_data_service_has_no_passes(two_workers):
    with pytest.raises(ValueError, match=f"epoch = 0: the data service at {service.address()} gives examples with"):
        packing.train_dataset("fl_py_dev", LENGTHS, epoch=0)
    with pytest.raises(ValueError, match=r"epochs = 2, but the passes of a data service .* run\.train_steps, or let"):
        InputStream(packing.train_dataset, batch_size=8, epochs=2)
