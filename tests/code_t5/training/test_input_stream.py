import numpy as np
import pytest
import tensorflow as tf

from code_t5.training.input_stream import EndOfInput, InputStream


def numbers(epoch: int, count: int = 10) -> tf.data.Dataset:
    """Each pass has the same examples in another order, through a buffer and several threads."""
    dataset = tf.data.Dataset.range(count).shuffle(4, seed=epoch)
    return dataset.map(lambda n: {"targets": tf.fill([3], tf.cast(n, tf.int32))}, num_parallel_calls=4)


def endless() -> tf.data.Dataset:
    return tf.data.Dataset.range(10**9).map(lambda n: {"targets": tf.fill([3], tf.cast(n, tf.int32))})


def take(stream: InputStream, count: int) -> list[list[int]]:
    return [stream.next()["targets"][:, 0].tolist() for _ in range(count)]


@pytest.fixture
def open_stream():
    opened = []

    def make(dataset_fn=numbers, **options) -> InputStream:
        opened.append(InputStream(dataset_fn, batch_size=options.pop("batch_size", 3), **options))
        return opened[-1]

    yield make
    for stream in opened:
        stream.close()


def test_batches_have_their_shape_and_passes_follow_one_another(open_stream):
    stream = open_stream()
    assert stream.shapes == {"targets": (3, 3)}
    first = take(stream, 3)
    assert stream.epoch == 0
    assert len({number for batch in first for number in batch}) == 9, "nothing twice; the tenth makes no batch"
    second = take(stream, 3)
    assert (stream.epoch, stream.batches) == (1, 6)
    assert first != second


def test_the_input_ends_after_its_epochs(open_stream):
    stream = open_stream(epochs=2)
    take(stream, 6)
    for _ in range(2):
        with pytest.raises(EndOfInput):
            stream.next()
    assert stream.epoch == 2


@pytest.mark.parametrize("taken", [0, 1, 3, 4, 7])
@pytest.mark.parametrize("filled", [False, True])
def test_a_position_is_taken_up_again(open_stream, tmp_path, taken, filled):
    stream = open_stream(epochs=4)
    stream.fill()
    take(stream, taken)
    stream.save(str(tmp_path))
    expected = take(stream, 12 - taken)
    again = open_stream(epochs=4)
    if filled:
        again.fill()
    assert again.restore(str(tmp_path))
    assert again.batches == taken
    assert take(again, 12 - taken) == expected
    with pytest.raises(EndOfInput):
        again.next()


def test_a_run_may_be_given_more_epochs_after_its_end(open_stream, tmp_path):
    stream = open_stream(epochs=1)
    take(stream, 3)
    with pytest.raises(EndOfInput):
        stream.next()
    stream.save(str(tmp_path))
    longer, undisturbed = open_stream(epochs=2), open_stream(epochs=2)
    longer.restore(str(tmp_path))
    take(undisturbed, 3)
    assert take(longer, 3) == take(undisturbed, 3)


def test_the_cost_of_going_on_does_not_grow_with_the_step(open_stream, tmp_path):
    """The position is read, nothing is skipped: after 3,000 batches it is some buffers, not 9,000 examples."""
    sizes = []
    for taken in (3, 3000):
        stream = open_stream(lambda epoch: numbers(epoch, 10**6))
        take(stream, taken)
        folder = tmp_path / str(taken)
        folder.mkdir()
        stream.save(str(folder))
        sizes.append(sum(path.stat().st_size for path in folder.iterdir()))
    assert max(sizes) < 100_000


def test_endless_data_have_no_epochs(open_stream, tmp_path):
    stream = open_stream(endless)
    assert take(stream, 2) == [[0, 1, 2], [3, 4, 5]]
    stream.save(str(tmp_path))
    again = open_stream(endless)
    assert again.restore(str(tmp_path))
    assert take(again, 1) == [[6, 7, 8]]
    with pytest.raises(ValueError, match=r"epochs = 2, but the passes of endless cannot be counted.*run\.train_steps"):
        InputStream(endless, batch_size=3, epochs=2)


def test_data_for_less_than_a_batch_are_an_error(open_stream):
    with pytest.raises(ValueError, match="less than one batch of 11 examples in a pass"):
        open_stream(batch_size=11).next()


def test_what_goes_wrong_while_the_pipeline_is_built_is_told(open_stream):
    def broken(epoch):
        raise ValueError("no such Task")

    stream = open_stream(broken)
    with pytest.raises(ValueError, match="no such Task"):
        stream.next()


def test_a_damaged_position_is_an_error(open_stream, tmp_path):
    stream = open_stream()
    take(stream, 1)
    stream.save(str(tmp_path))
    (data,) = tmp_path.glob("input.data*")
    data.write_bytes(np.random.default_rng(0).bytes(data.stat().st_size))
    with pytest.raises(tf.errors.OpError):
        open_stream().restore(str(tmp_path))
