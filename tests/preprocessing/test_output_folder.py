import contextlib
import errno
import pathlib

import pytest

from preprocessing.output_folder import AlreadyRunningError, making, publish, written_beside


def test_made_beside_and_renamed(tmp_path):
    target = tmp_path / "deep" / "out"
    with making(target) as work:
        assert work.parent == tmp_path / "deep" / "out.incomplete"
        (work / "made").mkdir()
        (work / "made" / "file").write_text("new")
        assert not target.exists()
        publish(work / "made", target)
    assert (target / "file").read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_what_stood_there_goes_at_the_end(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("old")
    with making(target) as work:
        (work / "made").mkdir()
        assert (target / "old").exists()
        publish(work / "made", target)
    assert list(target.iterdir()) == []
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_nothing(tmp_path):
    with contextlib.suppress(ZeroDivisionError), making(tmp_path / "out") as work:
        (work / "half").write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed(tmp_path):
    left = tmp_path / "out.incomplete" / "run-killed" / "documents"
    left.mkdir(parents=True)
    (left.parent.parent / "lock").write_text("")
    with making(tmp_path / "out") as work:
        assert [path.name for path in work.parent.iterdir() if path.is_dir()] == [work.name]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_goes_on_writing_is_removed_at_the_end(tmp_path):
    left = tmp_path / "out.incomplete" / "run-killed"
    left.mkdir(parents=True)
    with making(tmp_path / "out"):
        (left / "late").mkdir(parents=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), OSError("[errno 28] No space left on device")])
def test_a_full_disk_is_said_with_what_to_do(tmp_path, error):
    with (
        pytest.raises(OSError, match=r"^no space left on the disk of .*/out: nothing was left there"),
        making(tmp_path / "out"),
    ):
        raise error
    with pytest.raises(PermissionError, match="^another error$"), making(tmp_path / "out"):
        raise PermissionError("another error")
    assert list(tmp_path.iterdir()) == []


def test_the_second_is_refused_and_disturbs_nothing(tmp_path):
    with making(tmp_path / "out") as work:
        with (
            pytest.raises(AlreadyRunningError, match="another process is making .*/out at this moment"),
            making(tmp_path / "out"),
        ):
            pytest.fail("two at once")
        assert work.exists()
        with making(tmp_path / "other"):
            pass
    with making(tmp_path / "out"):
        pass


def test_written_beside_leaves_the_old_folder_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "made"
    target.mkdir()
    with written_beside(target) as folder:
        (folder / "old").write_text("")
    with pytest.raises(IsADirectoryError), written_beside(target, replace=True) as folder:
        folder.write_text("killed here")
    assert [path.name for path in target.iterdir()] == ["old"]
    with pytest.raises(FileExistsError, match="is there already"), written_beside(target):
        pass
    with written_beside(target, replace=True) as folder:
        assert list(folder.iterdir()) == []
        (folder / "new").write_text("")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert [path.name for path in target.iterdir()] == ["new"]


def test_the_folder_one_stands_in_can_be_made(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with written_beside(pathlib.Path()) as folder:
        (folder / "new").write_text("")
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["here", "here/new"]
