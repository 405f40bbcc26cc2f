import pathlib

import pytest

from code_t5.data import cache, cache_verify
from tests.code_t5.data.small_tasks import function_source, task


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    return pathlib.Path(cache.cache_task(task(function_source(train=50, validation=20)), str(tmp_path)).folder)


def problems(folder: pathlib.Path) -> list[str]:
    return cache_verify.problems(str(folder))


def test_a_good_cache_has_no_problems_and_every_byte_of_it_is_read(folder):
    seen = []
    assert cache_verify.problems(str(folder), progress=seen.append) == []
    sizes = [path.stat().st_size for path in folder.iterdir() if path.name not in ("manifest.json", "COMPLETED")]
    assert sorted(seen) == sorted(sizes)
    assert len(seen) == 36


def flip(path: pathlib.Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_in_any_file_is_named(folder):
    names = sorted(path.name for path in folder.iterdir() if path.name not in ("manifest.json", "COMPLETED"))
    for number, name in enumerate(names):
        position = number * 37 % (folder / name).stat().st_size
        flip(folder / name, position)
        assert problems(folder) == [f"{folder / name} is damaged: its SHA-256 is not the manifest's"]
        flip(folder / name, position)
    assert problems(folder) == []
    flip(folder / "manifest.json", 100)
    assert [line.partition(":")[0] for line in problems(folder)] == [f"{folder / 'manifest.json'} is damaged"]


def test_all_kinds_of_damage_are_named_at_once(folder):
    shards = sorted(folder.glob("train.tfrecord-*"))
    size = shards[1].stat().st_size
    shards[0].unlink()
    shards[1].write_bytes(shards[1].read_bytes()[:-1])
    flip(shards[2], 0)
    (folder / "train.tfrecord-00099-of-00016").write_bytes(b"more")
    (folder / "stats.train.json").unlink()
    (folder / "COMPLETED").write_text("x")
    assert problems(folder) == [
        f"{folder / 'COMPLETED'} is damaged: it is not empty",
        f"{folder / 'stats.train.json'} is missing",
        f"{shards[0]} is missing",
        f"{shards[1]} is damaged: {size - 1} bytes, the manifest says {size}",
        f"{shards[2]} is damaged: its SHA-256 is not the manifest's",
        f"{folder / 'train.tfrecord-00099-of-00016'} is foreign: the manifest does not name it",
    ]


def test_an_unfinished_cache_is_a_problem(folder):
    (folder / "COMPLETED").unlink()
    assert problems(folder) == [
        f"{folder / 'COMPLETED'} is missing: 32 of 32 shards were made; run the same command to go on"
    ]


def test_what_is_no_cache_is_a_problem(folder, tmp_path):
    assert problems(tmp_path / "nowhere") == [f"{tmp_path / 'nowhere'} is missing"]
    (folder / "manifest.json").unlink()
    [problem] = problems(folder)
    assert problem.startswith(f"{folder} has no manifest.json: it was not made by code_t5.main.cache")


def test_a_cache_inside_of_the_folder_is_not_foreign(folder):
    cache.cache_task(task(function_source(train=3), name="small:inner"), str(folder.parent))
    assert problems(folder) == []
    assert problems(folder / "inner") == []
