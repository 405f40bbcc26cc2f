import contextlib
import json

import gin
import numpy as np
import pytest

from code_t5.training.input_stream import EndOfInput
from code_t5.training.sample_folder import Samples, SampleStream, Writer

LENGTHS = {"inputs": 32, "targets": 32}
SHARDS, PARTITIONS = 4, 3


@pytest.fixture
def own_gin(use_data_dir):
    gin.clear_config()
    with gin.unlock_config():
        gin.parse_config("import t5.models.mesh_transformer\nmesh_train_dataset_fn.seed = 1")
    yield
    gin.clear_config()


ALL = tuple(range(SHARDS))


def write(folder, numbers=ALL) -> list[str]:
    writer = Writer(str(folder), "fl_py_dev", LENGTHS, num_shards=SHARDS, partitions=PARTITIONS)
    return [writer.write(number) for number in numbers]


def stream(folder, **options) -> SampleStream:
    said = options.pop("say", print)
    samples = Samples(str(folder), **options)
    return SampleStream(samples, batch_size=8, sequence_length=LENGTHS, say=said, poll_seconds=0.01)


def drain(reader: SampleStream) -> list[np.ndarray]:
    """The targets of all batches."""
    read = []
    with contextlib.suppress(EndOfInput):
        while True:
            read.append(reader.next()["targets"])
    return read


@pytest.mark.slow
def test_the_whole_life_of_a_sample_folder(own_gin, tmp_path):
    folder = tmp_path / "samples"
    assert write(folder, [0])[0].startswith("shard 0 of 4: ")
    assert write(folder, [0]) == ["shard 0 is there"]

    # A function of seed and number: another writer writes the same bytes, another number other ones.
    write(tmp_path / "other", [1, 0])
    assert (tmp_path / "other" / "00000000.npz").read_bytes() == (folder / "00000000.npz").read_bytes()
    write(folder)
    contents = [np.load(folder / f"{number:08d}.npz")["targets"] for number in range(SHARDS)]
    assert sum(map(len, contents[:PARTITIONS])) > len(contents[0])
    assert len(contents[0]) == pytest.approx(
        len(contents[PARTITIONS]), rel=0.05
    )  # the same documents, in the next pass
    assert not np.array_equal(contents[0][:10], contents[PARTITIONS][:10])

    # Read in order, each example once, rows of two shards in one batch.
    reader = stream(folder)
    assert reader.shapes["targets"] == (8, 32)
    expected = np.concatenate(contents)
    np.testing.assert_array_equal(np.concatenate(drain(reader)), expected[: len(expected) // 8 * 8])

    # The position is taken up again, in the middle of a shard, and used shards go when no snapshot needs them.
    reader = stream(folder, delete_used=True)
    for _ in range(len(contents[0]) // 8 + 3):
        reader.next()
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        reader.save(str(tmp_path / str(number)))
    assert not (folder / "00000000.npz").exists()
    assert (folder / "00000001.npz").exists()
    again = stream(folder)
    assert again.restore(str(tmp_path / "2"))
    np.testing.assert_array_equal(again.next()["targets"], reader.next()["targets"])

    # What is wrong is told.
    path = folder / "00000001.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"00000001\.npz is damaged: its SHA-256"):
        stream(folder)._load(1)
    description = json.loads((folder / "00000002.json").read_text())
    (folder / "00000002.json").write_text(json.dumps({**description, "vocabulary": "0" * 64}))
    with pytest.raises(ValueError, match=r"00000002\.npz was made with another vocabulary than this run's"):
        stream(folder)._load(2)


def test_a_missing_shard_is_waited_for_and_told(own_gin, tmp_path):
    said = []
    with pytest.raises(TimeoutError, match=r"shard 0 did not come to .* within 0\.05 s .*is its writer still at work"):
        stream(tmp_path, wait_seconds=0.05, say=said.append).next()
    assert said == [f"waiting for shard 0 in {tmp_path}"]
