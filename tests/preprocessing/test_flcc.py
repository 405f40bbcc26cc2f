"""The FLCC reader: what it gives, in which order, and a reason for everything that it does not give."""

import json
import os
import pathlib
import pickle

import pytest

from preprocessing import contract, flcc
from preprocessing.source import Dropped, RawFile
from tests.flcc_tree import flcc_about, flcc_files, write_flcc

FILES = "v3/languages/Python/.py"


def read(root, *, max_bytes=1 << 20):
    """Everything of a tree, in the order of its units: (files, dropped)."""
    items = [item for unit in flcc.FlccSource(root).units() for item in unit.read(max_bytes=max_bytes)]
    files = [item for item in items if isinstance(item, RawFile)]
    dropped = [(item.reason, item.where) for item in items if isinstance(item, Dropped)]
    assert {note for file in files for note in file.notes} <= set(contract.NOTES)
    assert {reason for reason, _ in dropped} <= set(contract.DROP_REASONS)
    return files, dropped


@pytest.mark.parametrize("extra_level", [False, True])
def test_both_forms_give_paths_and_licences(tmp_path, extra_level):
    write_flcc(
        tmp_path,
        {"ann/tool": {"src/b.py": "b = 1\n", "a.py": b"a\r\n\x00\xff"}},
        licenses={"ann/tool": "MIT"},
        extra_level=extra_level,
    )
    files, dropped = read(tmp_path)
    assert files == [
        RawFile("ann/tool", "a.py", b"a\r\n\x00\xff", "MIT"),
        RawFile("ann/tool", "src/b.py", b"b = 1\n", "MIT"),
    ]
    assert dropped == []


def test_an_owner_named_repositories_is_found_in_both_forms(tmp_path):
    for extra_level in (False, True):
        root = write_flcc(
            tmp_path / str(extra_level),
            {"repositories/repositories": {"x/a.py": "1"}, "ann/tool": {"y/b.py": "2"}},
            extra_level=extra_level,
        )
        assert [(file.repository, file.path) for file in read(root)[0]] == [
            ("ann/tool", "y/b.py"),
            ("repositories/repositories", "x/a.py"),
        ]


def test_units_in_order_give_repository_and_path_order(tmp_path, monkeypatch):
    monkeypatch.setattr(flcc, "MIN_UNIT_BYTES", 10)
    tree = {
        f"{owner}/{name}": {"z.py": "12", "a/b.py": "1", "a.py": "1"}
        for owner in ("a", "a-b")
        for name in ("x", "x-y", "w")
    }
    write_flcc(tmp_path, tree)
    units = flcc.FlccSource(tmp_path).units()
    # Four bytes a repository: the third one makes a unit of more than ten.
    assert [(unit.repositories, unit.size) for unit in units] == [
        (("a-b/w", "a-b/x", "a-b/x-y"), 12),
        (("a/w", "a/x", "a/x-y"), 12),
    ]
    files, _ = read(tmp_path)
    keys = [(file.repository, file.path) for file in files]
    assert keys == sorted(keys)
    assert len(keys) == 18
    again = [pickle.loads(pickle.dumps(unit)) for unit in units]
    assert again == units
    assert [item for unit in again for item in unit.read(max_bytes=9)] == files


def test_the_description_follows_names_sizes_and_paths_but_not_the_place(tmp_path):
    tree = {"ann/tool": {"a.py": "1", "b.py": "22"}, "bob/none": {}}
    one = flcc.FlccSource(write_flcc(tmp_path / "one", tree)).describe()
    two = flcc.FlccSource(write_flcc(tmp_path / "two", tree)).describe()
    assert one == two
    assert {**one, "digest": ""} == {
        "kind": "flcc",
        "repositories": 2,
        "empty_repositories": 1,
        "files": 2,
        "bytes": 3,
        "digest": "",
    }
    digests = {one["digest"]}
    for change in ({"a.py": "12", "b.py": "22"}, {"a.py": "1", "c.py": "22"}, {"a.py": "1", "x/b.py": "22"}):
        root = write_flcc(tmp_path / str(len(digests)), {**tree, "ann/tool": change})
        digests.add(flcc.FlccSource(root).describe()["digest"])
    assert len(digests) == 4


def test_a_missing_paths_json_leaves_the_flat_names(tmp_path):
    write_flcc(tmp_path, {"ann/tool": {"src/a.py": "1"}}, paths_json=False)
    assert read(tmp_path) == ([RawFile("ann/tool", "a_0.py", b"1", "", ("paths_json_missing",))], [])


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"a": "\xff"}', b"[" * 100_000])
def test_a_broken_paths_json_leaves_the_flat_names(tmp_path, broken):
    write_flcc(tmp_path, {"ann/tool": {"src/a.py": "1"}})
    (flcc_about(tmp_path, "ann/tool") / "paths.json").write_bytes(broken)
    assert read(tmp_path) == ([RawFile("ann/tool", "a_0.py", b"1", "", ("paths_json_broken",))], [])


def test_a_paths_json_that_cannot_be_opened_is_broken(tmp_path):
    write_flcc(tmp_path, {"ann/tool": {"src/a.py": "1"}})
    (flcc_about(tmp_path, "ann/tool") / "paths.json").unlink()
    (flcc_about(tmp_path, "ann/tool") / "paths.json").mkdir()
    assert read(tmp_path)[0][0].notes == ("paths_json_broken",)


def test_files_without_a_path_of_their_own_keep_their_flat_names_and_stay_distinct(tmp_path):
    write_flcc(tmp_path, {"ann/tool": {name: name for name in ("a.py", "b.py", "c.py", "d.py", "e.py")}})
    paths = {"a_0.py": "same.py", "b_1.py": "same.py", "c_2.py": "e_4.py", "d_3.py": 7}
    (flcc_about(tmp_path, "ann/tool") / "paths.json").write_text(json.dumps(paths))
    files, dropped = read(tmp_path)
    assert [(file.path, file.data, file.notes) for file in files] == [
        ("_/e_4.py", b"e.py", ("not_in_paths_json",)),
        ("b_1.py", b"b.py", ("path_not_unique",)),
        ("d_3.py", b"d.py", ("not_in_paths_json",)),
        ("e_4.py", b"c.py", ()),
        ("same.py", b"a.py", ()),
    ]
    assert dropped == []


@pytest.mark.parametrize("broken", [b"{", b"{}", b'{"license": null}'])
def test_a_broken_repository_json_is_a_note_and_no_licence(tmp_path, broken):
    write_flcc(tmp_path, {"ann/tool": {"a.py": "1"}})
    (flcc_about(tmp_path, "ann/tool") / "repository.json").write_bytes(broken)
    assert read(tmp_path)[0] == [RawFile("ann/tool", "a.py", b"1", "", ("repository_json_broken",))]


@pytest.mark.parametrize(
    "branches, described, taken",
    [
        (["b", "a"], [], "a"),
        (["main", "a"], [], "main"),
        (["master", "a"], [], "master"),
        (["master", "main"], [], "main"),
        (["main", "a"], ["a"], "a"),
        (["main", "z"], ["z"], "z"),
        (["main", "b", "a"], ["a", "b"], "main"),
    ],
)
def test_of_several_branches_one_is_taken_and_the_others_are_counted(tmp_path, branches, described, taken):
    for branch in branches:
        tree = {"ann/tool": {"x.py": branch, "y.py": branch}}
        write_flcc(tmp_path, tree, branch=branch, paths_json=branch in described)
    files, dropped = read(tmp_path)
    assert [file.data.decode() for file in files] == [taken, taken]
    others = sorted(set(branches) - {taken})
    assert dropped == [
        ("other_branch", f"{FILES}/ann/tool/{branch}/{name}") for branch in others for name in ("x_0.py", "y_1.py")
    ]


def test_links_are_followed_only_inside_the_tree(tmp_path):
    root = write_flcc(tmp_path / "root", {"ann/tool": {"a.py": "a"}})
    (tmp_path / "secret.py").write_text("secret")
    (tmp_path / "root2").mkdir()
    (tmp_path / "root2" / "near.py").write_text("a name that begins like the root's")
    folder = flcc_files(root, "ann/tool")
    (folder / "inside.py").symlink_to("a_0.py")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "nowhere.py").symlink_to("nothing.py")
    (folder / "outside.py").symlink_to(tmp_path / "secret.py")
    (folder / "similar.py").symlink_to(tmp_path / "root2" / "near.py")
    (folder.parent.parent / "linked").symlink_to(tmp_path / "root2")
    os.mkfifo(folder / "pipe.py")
    files, dropped = read(root)
    assert [(file.path, file.data) for file in files] == [("a.py", b"a"), ("inside.py", b"a")]
    broken = ("loop.py", "nowhere.py", "outside.py", "pipe.py", "similar.py")
    assert dropped == [
        ("unreadable", f"{FILES}/ann/linked"),
        *(("unreadable", f"{FILES}/ann/tool/master/{name}") for name in broken),
    ]


def test_a_tree_that_is_reached_through_links_is_read(tmp_path):
    write_flcc(tmp_path / "disk", {"ann/tool": {"a.py": "a"}})
    (flcc_files(tmp_path / "disk", "ann/tool") / "b.py").symlink_to("a_0.py")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "v3").symlink_to(tmp_path / "disk" / "v3")
    (tmp_path / "alias").symlink_to("root")
    assert [file.path for file in read(tmp_path / "alias")[0]] == ["a.py", "b.py"]


def test_folders_and_files_without_permission_are_counted_and_the_rest_is_read(tmp_path, monkeypatch):
    write_flcc(tmp_path, {"ann/tool": {"a.py": "a", "b.py": "b"}, "bob/closed": {"c.py": "c"}, "carl/x": {"d.py": "d"}})
    scan = os.scandir

    def refuse(path):
        if path.endswith(("bob/closed/master", ".py/carl")):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    source = flcc.FlccSource(tmp_path)
    (unit,) = source.units()
    assert source.describe()["files"] == 2
    # The file disappears after it was listed.
    listing = flcc.Tree.listing

    def list_and_remove(tree, repository):
        listed = listing(tree, repository)
        (flcc_files(tmp_path, "ann/tool") / "a_0.py").unlink(missing_ok=True)
        return listed

    monkeypatch.setattr(flcc.Tree, "listing", list_and_remove)
    assert list(unit.read(max_bytes=9)) == [
        Dropped("unreadable", f"{FILES}/carl"),
        Dropped("unreadable", f"{FILES}/ann/tool/master/a_0.py"),
        RawFile("ann/tool", "b.py", b"b"),
        Dropped("unreadable", f"{FILES}/bob/closed/master"),
    ]


def test_names_that_are_not_utf8_are_dropped_and_said_in_plain_characters(tmp_path):
    write_flcc(tmp_path, {"ann/tool": {"ok.py": "1", "half.py": "2"}})
    folder = os.fsencode(flcc_files(tmp_path, "ann/tool"))
    pathlib.Path(os.fsdecode(folder + b"/caf\xe9.py")).write_text("3")
    (flcc_about(tmp_path, "ann/tool") / "paths.json").write_text('{"half_0.py": "\\ud800.py", "ok_1.py": "ok.py"}')
    bad = pathlib.Path(os.fsdecode(os.fsencode(tmp_path / FILES) + b"/\xff/tool/main"))
    bad.mkdir(parents=True)
    (bad / "a_0.py").write_text("4")
    files, dropped = read(tmp_path)
    assert [file.path for file in files] == ["ok.py"]
    assert dropped == [
        ("not_utf8", f"{FILES}/ann/tool/master/caf\\udce9.py"),
        ("not_utf8", f"{FILES}/ann/tool/master/half_0.py"),
        ("not_utf8", f"{FILES}/\\udcff/tool/main/a_0.py"),
    ]


def test_spaces_and_other_letters_in_names_are_kept(tmp_path):
    tree = {"jörg müller/my tool": {"src/naïve café/日本 語.py": "x = 'é'\n", "a\nb.py": "1"}}
    files, dropped = read(write_flcc(tmp_path / "a b é", tree))
    assert dropped == []
    assert [(file.repository, file.path) for file in files] == [
        ("jörg müller/my tool", "a\nb.py"),
        ("jörg müller/my tool", "src/naïve café/日本 語.py"),
    ]


def test_a_large_file_is_dropped_without_being_read(tmp_path, monkeypatch):
    write_flcc(tmp_path, {"ann/tool": {"fits.py": b"x" * (1 << 20), "over.py": b"x" * ((1 << 20) + 1)}})
    (flcc_files(tmp_path, "ann/tool") / "over_1.py").chmod(0)
    (unit,) = flcc.FlccSource(tmp_path).units()
    opened = []
    monkeypatch.setattr(
        "builtins.open", lambda path, *args, _open=open, **kw: (opened.append(path), _open(path, *args, **kw))[1]
    )
    kept, dropped = unit.read(max_bytes=1 << 20)
    assert (len(kept.data), dropped) == (1 << 20, Dropped("too_large", f"{FILES}/ann/tool/master/over_1.py"))
    assert [pathlib.Path(path).name for path in opened if str(path).endswith(".py")] == ["fits_0.py"]


def test_a_file_that_grew_after_it_was_listed_is_too_large(tmp_path, monkeypatch):
    write_flcc(tmp_path, {"ann/tool": {"a.py": b"1234"}})
    monkeypatch.setattr(flcc.Tree, "listing", lambda tree, repository: ("master", {"a_0.py": 1}, []))
    assert read(tmp_path, max_bytes=3) == ([], [("too_large", f"{FILES}/ann/tool/master/a_0.py")])


def test_what_the_layout_does_not_have_is_counted(tmp_path):
    write_flcc(tmp_path, {"ann/tool": {"a.py": "1"}})
    folder = flcc_files(tmp_path, "ann/tool")
    strays = [
        folder.parent.parent.parent / ".DS_Store",
        folder.parent.parent / "b.py",
        folder.parent / "c.py",
        folder / "notes.txt",
        folder / "sub" / "d.py",
    ]
    for stray in strays:
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("1")
    files, dropped = read(tmp_path)
    assert [file.path for file in files] == ["a.py"]
    assert dropped == [
        ("out_of_place", f"{FILES}/{name}")
        for name in (".DS_Store", "ann/b.py", "ann/tool/c.py", "ann/tool/master/sub", "ann/tool/master/notes.txt")
    ]


def test_empty_repositories_give_nothing_and_stop_nothing(tmp_path):
    write_flcc(tmp_path, {"ann/empty": {}, "ann/tool": {"a.py": "1"}})
    (tmp_path / FILES / "ann" / "without_branch").mkdir()
    assert read(tmp_path) == ([RawFile("ann/tool", "a.py", b"1")], [])
    assert flcc.FlccSource(tmp_path).describe()["empty_repositories"] == 2


def test_a_folder_that_is_no_tree_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(contract.DataContractError) as error:
        flcc.FlccSource(tmp_path)
    message = str(error.value)
    assert message.startswith(f"{tmp_path} is not an FLCC tree: it has no folder v3/languages/Python/.py. Make one")
    assert "python -m preprocessing.build_flcc --output_dir FLCC --installed_packages" in message
    write_flcc(tmp_path / "inner", {"ann/tool": {"a.py": "1"}})
    with pytest.raises(contract.DataContractError, match=f"Did you mean {tmp_path}/inner?"):
        flcc.FlccSource(tmp_path)


def test_an_empty_tree_is_refused_and_says_what_is_wrong_with_what_is_there(tmp_path):
    (tmp_path / FILES).mkdir(parents=True)
    with pytest.raises(contract.DataContractError, match=f"{tmp_path} is an empty FLCC tree: no <owner>/<repository>"):
        flcc.FlccSource(tmp_path).units()
    (tmp_path / FILES / "a.py").write_text("1")
    with pytest.raises(contract.DataContractError, match=f"{FILES}/a.py is out_of_place.*build_flcc"):
        flcc.FlccSource(tmp_path).describe()


def test_a_unit_names_its_repositories_for_errors():
    assert str(flcc.FlccUnit("root", ("ann/a", "ann/b", "bob/c"), 1)) == "ann/a to bob/c"
    assert str(flcc.FlccUnit("root", ("ann/a",), 1)) == "ann/a"
