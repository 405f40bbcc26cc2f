"""How the commands of soaks end, with soaks that only say what they were given."""

import tempfile

import pytest

from tests.faults import soak_command


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder in which soaks get theirs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def run(soak, *argv: str) -> int:
    return soak_command.run(soak, name="some_soak", about="It does this.", right="all is well", argv=argv)


@pytest.mark.parametrize(("argv", "expected"), [((), (10, 0)), (("--kills", "30", "--seed", "7"), (30, 7))])
def test_where_all_is_well_the_folder_is_removed(temporary, capsys, argv, expected):
    given = []

    def soak(made, *, kills, seed):
        assert list(made.iterdir()) == []
        (made / "file").touch()
        given.append((made.parent, kills, seed))
        return []

    assert run(soak, *argv) == 0
    assert given == [(temporary, *expected)]
    assert list(temporary.iterdir()) == []
    assert capsys.readouterr().out == "all is well\n"


def test_what_went_wrong_is_told_and_kept(temporary, capsys):
    def soak(made, **options):
        (made / "file").touch()
        return [f"wrong {number}" for number in range(1, 31)]

    assert run(soak) == 1
    [made] = temporary.iterdir()
    assert (made / "file").exists()
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [f"wrong {number}" for number in range(1, 21)]
    assert last == f"what went wrong is kept in {made}"


def test_help_says_what_it_is_about(capsys):
    with pytest.raises(SystemExit) as caught:
        run(None, "--help")
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: python -m tests.faults.some_soak [-h] [--kills N] [--seed SEED]\n\nIt does this.\n")
