import pathlib

import pytest

from completion.evaluation.baselines import train_files
from preprocessing.contract import DataContractError
from tests import small_documents

SIZE = len(small_documents.FILE.format(name="train_0", title="Train0").encode())


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    return small_documents.write(tmp_path / "documents")


def test_as_many_files_as_have_so_many_bytes(folder):
    everything = train_files.drawn(folder, max_bytes=8 * SIZE, seed=0)
    assert [file.path for file in everything.files] == [f"src/{i}.py" for i in range(8)]
    half = [train_files.drawn(folder, max_bytes=4 * SIZE, seed=seed) for seed in (0, 0, 1)]
    assert [len(one.files) for one in half] == [4, 4, 4]
    assert [one.available for one in half] == [8, 8, 8]
    assert half[0] == half[1] != half[2]
    assert len(train_files.drawn(folder, max_bytes=1, seed=0).files) == 1


def test_nothing_to_learn_from_is_an_error(tmp_path):
    folder = small_documents.write(tmp_path / "documents", {"train": 0})
    with pytest.raises(DataContractError, match="has no files to learn from: its train split is empty"):
        train_files.drawn(folder, max_bytes=100, seed=0)
    with pytest.raises(DataContractError, match="holds no finished document dataset"):
        train_files.drawn(tmp_path, max_bytes=100, seed=0)
