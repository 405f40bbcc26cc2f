import pytest

from benchmarks import inputs, larger_tree, measure
from preprocessing import shards
from preprocessing.flcc import FlccSource
from tests.flcc_tree import flcc_about, flcc_files, write_flcc


def source_code(name: str, functions: int) -> str:
    return "".join(
        f"def {name}_{word}(first, second):\n    return {name}.call(first, {number}, second.{word * 2})\n\n"
        for number, word in enumerate("alpha beta gamma delta epsilon zeta".split()[:functions])
    )


@pytest.fixture
def tree(tmp_path):
    # Repositories a and b have near duplicates, c an exact one and an empty file.
    files = {
        "ann/a": {"tool.py": source_code("tool", 6), "alone.py": source_code("parse_arguments", 5)},
        "ann/b": {"tool.py": source_code("tool", 6) + "done = True\n"},
        "cat/c": {
            "copy.py": source_code("parse_arguments", 5),
            "empty.py": "",
            "grün.py": "# ü\n" + source_code("x", 4),
        },
    }
    return write_flcc(tmp_path / "tree", files, licenses={"ann/a": "MIT"})


def test_letters_and_digits_move_and_nothing_else():
    table = larger_tree.alphabet_moved_by(1)
    assert "for Zoë_x9 in (a, 'z'):\n".encode().translate(table) == "gps Apë_y0 jo (b, 'a'):\n".encode()
    assert sorted(table) == list(range(256))
    assert larger_tree.alphabet_moved_by(0) == bytes(range(256))


def test_a_larger_tree_is_an_flcc_tree_of_which_as_large_a_share_is_dropped(tree, tmp_path):
    larger = larger_tree.make(tree, tmp_path / "larger", times=3)
    assert FlccSource(larger).describe()["files"] == 3 * FlccSource(tree).describe()["files"]
    assert FlccSource(larger).describe()["bytes"] == 3 * FlccSource(tree).describe()["bytes"]
    manifests = []
    for name, root in (("once", tree), ("thrice", larger)):
        measure.run(inputs.run_command(root, tmp_path / name, workers=1, near_jaccard=0.7))
        manifests.append(shards.read_manifest(tmp_path / name))
    once, thrice = manifests
    assert {reason: count for reason, count in once.drops.items() if count} == {
        "empty": 1,
        "exact_duplicate": 1,
        "near_duplicate": 1,
    }
    assert thrice.drops == {reason: 3 * count for reason, count in once.drops.items()}
    assert inputs.kept(tmp_path / "thrice")[0] == 3 * inputs.kept(tmp_path / "once")[0]


def test_the_first_copy_is_the_tree_itself(tree, tmp_path):
    larger = larger_tree.make(tree, tmp_path / "larger", times=2)
    own, linked = (next(flcc_files(root, "ann/b").iterdir()) for root in (tree, larger))
    assert own.stat().st_ino == linked.stat().st_ino
    moved = next(flcc_files(larger, "ann-1/b").iterdir())
    assert moved.name == own.name
    assert moved.read_bytes() == own.read_bytes().translate(larger_tree.alphabet_moved_by(1))
    names = [path.name for path in flcc_about(larger, "ann-1/a").iterdir()]
    assert sorted(names) == ["paths.json", "repository.json"]


def test_it_is_made_once_and_has_a_limit(tree, tmp_path):
    larger = larger_tree.make(tree, tmp_path / "larger", times=2)
    (larger / "mark").touch()
    assert (larger_tree.make(tree, larger, times=2) / "mark").exists()
    with pytest.raises(ValueError, match="times=11: a tree can be made 1 to 10 times as large"):
        larger_tree.make(tree, tmp_path / "x", times=11)
