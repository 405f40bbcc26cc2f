import contextlib

import pytest

from preprocessing.output_folder import AlreadyRunningError, making, publish


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
