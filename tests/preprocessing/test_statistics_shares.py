import pytest

from preprocessing import contract, shards, statistics_shares
from tests.preprocessing import small_documents


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    return small_documents.make(tmp_path_factory.mktemp("documents"))


@pytest.mark.parametrize("share_bytes", [1, 600, 8_000_000])
def test_shares_are_whole_repositories_and_all_of_the_dataset(documents, monkeypatch, share_bytes):
    monkeypatch.setattr(statistics_shares, "SHARE_BYTES", share_bytes)
    shares = list(statistics_shares.plan(documents))
    found = [(share.split, file) for share in shares for file in share.files()]
    assert found == [(split, file) for split in contract.SPLITS for file in shards.read_documents(documents, split)]
    repositories = [{file.repository for file in share.files()} for share in shares]
    assert sum(map(len, repositories)) == len(set().union(*repositories)) == 14
    for share, names in zip(shares, repositories, strict=True):
        files = list(share.files())
        assert share.rows == len(files)
        assert share.size == sum(file.size for file in files)
        assert share.size <= share_bytes or len(names) == 1
        assert share.name == (min(names) if len(names) == 1 else f"{min(names)} to {max(names)}")


def test_row_groups_that_end_within_a_repository(documents, monkeypatch, tmp_path):
    """As in large datasets: here each file is a row group of its own."""
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", 1)
    monkeypatch.setattr(statistics_shares, "SHARE_BYTES", 1)
    documents = small_documents.make(tmp_path)
    found = [file for share in statistics_shares.plan(documents) for file in share.files()]
    assert found == [file for split in contract.SPLITS for file in shards.read_documents(documents, split)]


def test_a_damaged_shard_is_named_before_anything_is_read(documents, tmp_path):
    copy = tmp_path / "documents"
    copy.mkdir()
    for file in documents.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    shard = next(copy.glob("test-0000*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(contract.DataContractError, match=rf"{shard.name} is damaged: its SHA-256 is not"):
        list(statistics_shares.plan(copy))
