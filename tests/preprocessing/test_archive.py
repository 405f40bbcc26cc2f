"""An archive is unpacked only where every member stays inside its folder."""

import tarfile

import pytest

from preprocessing.archive import refusal, unpack
from preprocessing.contract import DataContractError
from tests.archives import member


@pytest.mark.parametrize(
    "bad, why",
    [
        ([member("/etc/x")], "its member '/etc/x' lies outside"),
        ([member("a/../../x")], "its member 'a/../../x' lies outside"),
        ([member("a/b", link="../../x", kind=tarfile.SYMTYPE)], "its member 'a/b' is a link to '../../x', outside"),
        ([member("a", link="/etc", kind=tarfile.SYMTYPE)], "its member 'a' is a link to '/etc', outside"),
        ([member("a", link="..", kind=tarfile.SYMTYPE)], "its member 'a' is a link to '..', outside"),
        ([member("d/a", link="../x", kind=tarfile.LNKTYPE)], "its member 'd/a' is a link to '../x', outside"),
        ([member("a", link="d", kind=tarfile.SYMTYPE), member("a/b")], "its member 'a/b' goes through a link"),
        ([member("a", link="d", kind=tarfile.SYMTYPE), member("./a")], "its member './a' goes through a link"),
        ([member("null", kind=tarfile.CHRTYPE)], "its member 'null' is a device or a pipe"),
        ([member("pipe", kind=tarfile.FIFOTYPE)], "its member 'pipe' is a device or a pipe"),
    ],
)
def test_members_that_would_leave_the_folder_are_refused_before_anything_is_unpacked(tmp_path, bad, why):
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        for info in (member("good"), *bad):
            opened.addfile(info)
    with pytest.raises(DataContractError) as error:
        unpack(path, tmp_path / "out")
    assert str(error.value) == f"{path} is refused: {why}"
    assert [file.name for file in tmp_path.iterdir()] == ["x.tar.gz"]


def test_good_members_pass():
    links = set()
    good = [
        member("./a b/é.py"),
        member("d/", kind=tarfile.DIRTYPE),
        member("d/l", link="../a b", kind=tarfile.SYMTYPE),
    ]
    assert [refusal(info, links) for info in good] == ["", "", ""]
    assert links == {"d/l"}
