import collections
import json

import pytest

from completion.evaluation import material
from completion.evaluation.material import Material
from completion.held_out_files import HeldOut
from tests import small_documents


def test_no_repository_prevails():
    files = [HeldOut(f"big/big/{i}.py", f"{i}.py", "") for i in range(300)]
    files += [HeldOut(f"a/{n}/{i}.py", f"{i}.py", "") for n in range(4) for i in range(50)]
    kept = material.no_repository_prevails(files, seed=0)
    counts = collections.Counter(file.repository for file in kept)
    assert counts == {"big/big": 50, **{f"a/{n}": 50 for n in range(4)}}
    assert [file for file in files if file in set(kept)] == kept, "in their order"
    assert kept == material.no_repository_prevails(files, seed=0) != material.no_repository_prevails(files, seed=1)
    few = [HeldOut(f"a/b/{i}.py", f"{i}.py", "") for i in range(10)]
    assert material.no_repository_prevails(few, seed=0) == few


def test_symbols_are_counted_where_there_are_no_statistics(tmp_path):
    made = Material(small_documents.write(tmp_path))
    assert (made.symbols["os"]["listdir"], made.symbols["os.path"]) == (8, {"join": 8})


def test_statistics_of_other_documents_are_refused(tmp_path):
    folder = tmp_path / "statistics"
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps({"documents_digest": "0" * 64}))
    made = Material(small_documents.write(tmp_path / "documents"), statistics=folder)
    with pytest.raises(ValueError, match="has the statistics of other documents than"):
        _ = made.symbols
