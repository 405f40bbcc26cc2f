import pytest

from completion import exported

DESCRIPTION = {
    "format": "saved_model", "precision": "float32", "blocks": 1, "heads": 1, "d_kv": 1, "max_inputs": 1,
    "max_forced": 1, "context_budget": 0, "infills": False, "vocabulary": "", "source": {},
}  # fmt: skip


def test_files_in_folders_are_seen(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "index").write_bytes(b"1234")
    described = exported.Description(**DESCRIPTION, files={"variables/index": 4})
    described.write(tmp_path)
    assert exported.read(tmp_path) == described
    (tmp_path / "variables" / "index").write_bytes(b"123")
    with pytest.raises(exported.ExportError, match="variables/index has 3 bytes, 4 were written"):
        exported.read(tmp_path)
    (tmp_path / "variables" / "index").unlink()
    with pytest.raises(exported.ExportError, match="it has no variables/index"):
        exported.read(tmp_path)
