import json

import pytest

from completion import whole_file


def test_a_file_is_replaced_when_all_is_written(tmp_path):
    path = tmp_path / "a.txt"
    whole_file.write(path, "old\r\n")
    with whole_file.writing(path) as file:
        file.write("new é\n")
        file.flush()
        assert path.read_bytes() == b"old\r\n"
    assert path.read_bytes() == "new é\n".encode()
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_is_stopped_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    whole_file.write(path, "old")

    def stopped() -> None:
        with whole_file.writing(path) as file:
            file.write("new")
            raise error

    with pytest.raises(error):
        stopped()
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.txt"]


def test_half_a_character_comes_back_from_json(tmp_path):
    path = tmp_path / "a.json"
    whole_file.write(path, json.dumps({"a": "\ud800é"}, ensure_ascii=False))
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": "\ud800é"}
