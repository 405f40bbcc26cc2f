"""A checkout is named after its remote: addresses, the order of remotes, `.git` files."""

import pytest

from preprocessing.git_remote import repository_of_remote, repository_of_url
from tests.preprocessing.source_folders import write


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://github.com/ann/tool.git", "ann/tool"),
        ("https://github.com/ann/tool/", "ann/tool"),
        ("https://user:secret@host:8443/group/ann/tool.git/", "ann/tool"),
        ("ssh://git@host:22/ann/my%20tool.git", "ann/my tool"),
        ("git@github.com:ann/tool.git", "ann/tool"),
        ("host:group/ann/tool", "ann/tool"),
        ("git@host:tool.git", ""),
        ("/srv/git/tool.git", ""),
        ("../ann/tool.git", ""),
        ("file:///srv/ann/tool.git", ""),
        ("https://host/../..", ""),
        ("", ""),
    ],
)
def test_addresses(url, expected):
    assert repository_of_url(url) == expected


def test_origin_comes_first_and_then_the_first_remote_on_a_server(tmp_path):
    config = (
        '[core]\n\turl = x/y\n[remote "fork"]\n\turl = git@h:bob/fork\n\tfetch = +refs/*\n[branch "b"]\n\turl = x/z\n'
    )
    write(tmp_path, {".git/config": config})
    assert repository_of_remote(tmp_path) == "bob/fork"
    write(tmp_path, {".git/config": config + '[remote "origin"]\n  url = "https://h/ann/tool" ; home\n'})
    assert repository_of_remote(tmp_path) == "ann/tool"
    write(tmp_path, {".git/config": config + '[remote "origin"]\n  url = /srv/tool\n'})
    assert repository_of_remote(tmp_path) == "bob/fork"
    assert repository_of_remote(tmp_path / "nothing") == ""


def test_worktrees_and_submodules_have_a_git_file(tmp_path):
    config = '[remote "origin"]\n\turl = git@h:ann/tool\n'
    write(tmp_path / "main", {".git/config": config, ".git/worktrees/w/commondir": "../..\n"})
    write(tmp_path / "w", {".git": f"gitdir: {tmp_path}/main/.git/worktrees/w\n"})
    assert repository_of_remote(tmp_path / "w") == "ann/tool"
    write(tmp_path / "main", {".git/modules/m/config": '[remote "origin"]\n\turl = git@h:bob/module\n'})
    write(tmp_path / "main" / "m", {".git": "gitdir: ../.git/modules/m\n"})
    assert repository_of_remote(tmp_path / "main" / "m") == "bob/module"
