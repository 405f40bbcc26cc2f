import pytest

from benchmarks import measure, vocabulary
from benchmarks.vocabulary_variants import Variant
from preprocessing import run
from tests.flcc_tree import write_flcc

LINES = "import os\n\n\ndef path_{0}(name):\n    return os.path.join('a{0}', name)\n"
VARIANTS = (
    Variant("predecessor's, 16,000", "predecessor", 500, None),
    Variant("ours, 16,000", vocab_size=500, sample_mb=None),
)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("documents")
    trees = {f"ann/r{i}": {f"m{j}.py": LINES.format(f"{i}_{j}") * 20 for j in range(5)} for i in range(12)}
    write_flcc(folder / "flcc", trees)
    run.main(["--input_dir", str(folder / "flcc"), "--output_dir", str(folder / "documents"), "--near_jaccard", "0"])
    return folder / "documents"


def test_what_is_finished_is_not_made_again(documents, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(vocabulary.PARTS, "sizes", ("Sizes", VARIANTS))
    written = {}
    monkeypatch.setattr(vocabulary.results, "write", lambda sections, **more: written.update(sections))
    arguments = ["--documents", str(documents), "--work_dir", str(tmp_path), "--only", "sizes"]
    assert vocabulary.main(arguments) == 0
    first = capsys.readouterr().out
    assert not written

    def trained_again(*_, **__):
        raise measure.BenchmarkError("trained again")

    monkeypatch.setattr(measure, "run", trained_again)
    assert vocabulary.main([*arguments, "--write_results"]) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[:-1] == first.splitlines()[:-1]
    made = written["vocabulary_sizes"]
    assert [row[0] for row in made.rows] == [variant.name for variant in VARIANTS]
    assert [row[6] for row in made.rows][1] == "100.0%"
    assert "met: every held-out file comes back as it was: 100.00% of" in again
    for figures, variant in zip(made.raw["figures"], VARIANTS, strict=True):
        assert figures["variant"]["name"] == variant.name
        assert figures["train_s"] > 0

    changed = Variant("ours, 16,000", vocab_size=501, sample_mb=None)
    monkeypatch.setitem(vocabulary.PARTS, "sizes", ("Sizes", (VARIANTS[0], changed)))
    assert vocabulary.main(arguments) == 1
    assert "error: trained again" in capsys.readouterr().err


def test_names_are_unique_and_both_default_sizes_are_there():
    names = [variant.name for _, variants in vocabulary.PARTS.values() for variant in variants]
    assert len(set(names)) == len(names)
    assert {"ours, 16,000", "predecessor's, 16,000"} <= set(names)


def test_no_documents_are_one_clear_line(tmp_path, capsys):
    assert vocabulary.main(["--documents", str(tmp_path), "--work_dir", str(tmp_path / "work")]) == 1
    assert "holds no finished document dataset" in capsys.readouterr().err
