import hashlib
import random

import numpy as np
import pyarrow as pa

from preprocessing import contract
from preprocessing.dedup import exact_duplicates, preference
from preprocessing.split import split_rank


def kept(files: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Files as (content, split, repository, path)."""
    names = sorted({repository for _, _, repository, _ in files})
    goes = exact_duplicates(
        np.array(
            [np.frombuffer(hashlib.sha256(file[0].encode()).digest()[:16], np.uint64) for file in files], np.uint64
        ).reshape(-1, 2),
        split_ranks=np.array([split_rank(file[1]) for file in files], np.int64),
        repository_ranks=np.array([names.index(file[2]) for file in files], np.int32),
        paths_of=lambda rows: pa.array([files[row][3] for row in rows], pa.string()),
    )
    return [file for file, gone in zip(files, goes, strict=True) if not gone]


def test_the_held_out_copy_stays_then_the_smallest_name():
    files = [
        ("x", "train", "a/a", "x.py"),
        ("x", "test", "z/z", "y.py"),
        ("x", "test", "z/z", "x.py"),
        ("x", "validation", "b/b", "x.py"),
        ("y", "train", "b/b", "b.py"),
        ("y", "train", "a/a", "z.py"),
        ("y", "validation", "c/c", "z.py"),
        ("z", "train", "b/b", "a.py"),
        ("z", "train", "a/a", "b.py"),
        ("z", "train", "a/a", "é.py"),
        ("w", "train", "a/a", "w.py"),
    ]
    assert kept(files) == [files[2], files[6], files[8], files[10]]


def test_agrees_with_preference_in_any_order_and_twice_is_once():
    generator = random.Random(0)
    files = [
        (
            str(generator.randrange(60)),
            generator.choice(contract.SPLITS),
            f"r{generator.randrange(9)}/n",
            f"{generator.randrange(99)}",
        )
        for _ in range(500)
    ]
    # One repository is in one split.
    files = sorted({(content, contract.SPLITS[int(name[1]) % 3], name, path) for content, _, name, path in files})
    expected = {min((f for f in files if f[0] == content), key=lambda f: preference(*f[1:])) for content, *_ in files}
    for _ in range(5):
        generator.shuffle(files)
        once = kept(files)
        assert set(once) == expected
        assert len(once) == len(expected)
        assert kept(once) == once


def test_no_files_and_no_copies():
    assert kept([]) == []
    files = [("x", "train", "a/a", "x.py"), ("y", "train", "a/a", "x.py")]
    assert kept(files) == files


def test_paths_are_asked_for_files_with_copies_alone():
    asked = []
    digests = np.array([[1, 1], [1, 2], [1, 1], [2, 1]], np.uint64)
    goes = exact_duplicates(
        digests,
        split_ranks=np.zeros(4, np.int64),
        repository_ranks=np.zeros(4, np.int32),
        paths_of=lambda rows: asked.extend(rows) or pa.array(["b"] * len(rows)),
    )
    assert goes.tolist() == [False, False, True, False]
    assert sorted(asked) == [0, 2]
