"""Caches that are interrupted, damaged, out of space, refused: nothing half made is taken, a re-run is the same."""

import pathlib

import pytest
import seqio
import tensorflow as tf

from code_t5.data import cache, cache_lock, cache_shards
from preprocessing.contract import DataContractError
from tests.code_t5.data.small_tasks import encode, everything, file_source, function_source, inodes, task


class Lines(list):
    """Takes the place of `print`."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture
def interrupted(monkeypatch):
    """Makes a cache up to so many shards; the next one stays half written, as after a kill."""

    def make(made: seqio.Task, cache_dir: pathlib.Path, *, units: int) -> None:
        write, done = cache_shards._write, []

        def dying(folder, unit, *more):
            if len(done) == units:
                pathlib.Path(folder, unit.shards[0] + ".incomplete").write_bytes(b"half")
                raise SystemExit
            done.append(unit)
            return write(folder, unit, *more)

        monkeypatch.setattr(cache_shards, "_write", dying)
        with pytest.raises(SystemExit):
            cache.cache_task(made, str(cache_dir))
        monkeypatch.setattr(cache_shards, "_write", write)

    return make


@pytest.mark.parametrize("shards", [0, 5, 16, 30])
def test_an_interrupted_run_is_gone_on_with(small, whole, tmp_path, interrupted, shards):
    folder = tmp_path / "out" / "small"
    interrupted(small, tmp_path / "out", units=shards)
    assert not (folder / "COMPLETED").exists()
    before, said = inodes(folder), Lines()
    made = cache.cache_task(small, str(tmp_path / "out"), say=said)
    assert made.made == 32 - shards
    assert said == [f"{folder}: {shards} finished shards of an earlier run are kept, 1 others are not"]
    assert everything(folder) == everything(whole)
    assert len(before) == shards
    assert before.items() <= inodes(folder).items()


def test_a_run_over_files_is_gone_on_with_too(tmp_path, interrupted):
    def filtered(dataset):
        return dataset.filter(lambda example: tf.size(example["targets"]) > 13)

    made = task(file_source(tmp_path / "in", 20, 12, 30), encode, filtered)
    cache.cache_task(made, str(tmp_path / "whole"))
    interrupted(made, tmp_path / "out", units=2)
    assert cache.cache_task(made, str(tmp_path / "out"), say=Lines()).made == 6
    assert everything(tmp_path / "out" / "small") == everything(tmp_path / "whole" / "small")


@pytest.mark.parametrize("finished", [False, True])
def test_damaged_and_missing_shards_are_made_again_alone(small, whole, finished):
    expected, before = everything(whole), inodes(whole)
    names = [f"train.tfrecord-{i:05d}-of-00016" for i in (0, 7, 15)]
    (whole / names[0]).unlink()
    (whole / names[1]).write_bytes(expected[names[1]][:-1])
    flipped = bytearray(expected[names[2]])
    flipped[20] ^= 1
    (whole / names[2]).write_bytes(flipped)
    (whole / "info.validation.json").unlink()
    if not finished:
        (whole / "COMPLETED").unlink()
    said = Lines()
    made = cache.cache_task(small, str(whole.parent), say=said)
    assert made.made == 3
    assert [line.partition("/small/")[2] for line in said[:-1]] == [
        "info.validation.json is missing; it is made again",
        "train.tfrecord-00000-of-00016 is missing; it is made again",
        f"{names[1]} is damaged: {len(expected[names[1]]) - 1} bytes, the manifest says {len(expected[names[1]])}; "
        "it is made again",
        f"{names[2]} is damaged: its SHA-256 is not the manifest's; it is made again",
    ]
    assert everything(whole) == expected
    assert {name for name, inode in inodes(whole).items() if before[name] != inode} == set(names)


def other_vocabulary() -> seqio.Task:
    features = {"targets": seqio.Feature(seqio.ByteVocabulary(extra_ids=7), add_eos=False)}
    return task(function_source(train=50, validation=20), features=features)


def test_a_finished_cache_of_another_vocabulary_stays_until_it_is_overwritten(whole):
    before = everything(whole)
    message = rf"{whole} holds a cache made otherwise:\n  vocabulary of targets: \w{{12}} there, \w{{12}} now\n"
    with pytest.raises(DataContractError, match=message + "Choose another --cache_dir, or make it again with --over"):
        cache.cache_task(other_vocabulary(), str(whole.parent))
    assert everything(whole) == before
    assert cache.cache_task(other_vocabulary(), str(whole.parent), overwrite=True).made == 32
    assert everything(whole) != before


def test_the_beginning_of_a_cache_of_another_vocabulary_is_not_gone_on_with(small, whole, tmp_path, interrupted):
    interrupted(other_vocabulary(), tmp_path / "out", units=5)
    said = Lines()
    assert cache.cache_task(small, str(tmp_path / "out"), say=said).made == 32
    assert "holds the beginning of a cache made otherwise" in said[0]
    assert "vocabulary of targets: " in said[0]
    assert everything(tmp_path / "out" / "small") == everything(whole)


def test_a_cache_of_another_program_stays(small, whole):
    (whole / "manifest.json").unlink()
    before = everything(whole)
    with pytest.raises(DataContractError, match=r"holds a cache that another program made: it has no manifest\.json"):
        cache.cache_task(small, str(whole.parent))
    assert everything(whole) == before


def test_a_damaged_manifest_is_refused_or_the_cache_begun_again(small, whole):
    expected = everything(whole)
    (whole / "manifest.json").write_text("{")
    with pytest.raises(DataContractError, match=r"manifest\.json is damaged.* make it again with --overwrite"):
        cache.cache_task(small, str(whole.parent))
    (whole / "COMPLETED").unlink()
    said = Lines()
    assert cache.cache_task(small, str(whole.parent), say=said).made == 32
    assert said[0].endswith("the cache is made from the start")
    assert everything(whole) == expected


def test_a_foreign_file_stops_the_making_and_stays(small, whole):
    (whole / "COMPLETED").unlink()
    (whole / "notes.txt").write_text("mine")
    before = everything(whole)
    with pytest.raises(DataContractError, match=r"notes\.txt does not belong into a cache: move it away"):
        cache.cache_task(small, str(whole.parent))
    assert everything(whole) == before


def test_a_second_run_at_once_is_refused(small, whole):
    before = everything(whole)
    with cache_lock.locked(str(whole.parent), "small"), pytest.raises(cache_lock.AlreadyRunningError):
        cache.cache_task(small, str(whole.parent), overwrite=True)
    assert everything(whole) == before


def test_a_full_disk_is_said_and_the_next_run_finishes(small, whole, tmp_path, monkeypatch):
    """/dev/full is a file that cannot be written to for lack of space."""
    writer, opened = tf.io.TFRecordWriter, []

    def full_after_five(path):
        opened.append(path)
        return writer("/dev/full" if len(opened) > 5 else path)

    folder = tmp_path / "out" / "small"
    with monkeypatch.context() as patch:
        patch.setattr(tf.io, "TFRecordWriter", full_after_five)
        with pytest.raises(OSError, match=f"no space left on the disk of {folder}: the finished shards stay, free"):
            cache.cache_task(small, str(tmp_path / "out"))
    assert len(inodes(folder)) == 5
    assert not (folder / "COMPLETED").exists()
    assert cache.cache_task(small, str(tmp_path / "out"), say=Lines()).made == 27
    assert everything(folder) == everything(whole)
