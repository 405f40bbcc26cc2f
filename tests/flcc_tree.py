"""Small FLCC trees for tests, written by hand and not by the code under test."""

import json
import os
import pathlib
from collections.abc import Mapping

FILES = "v3/languages/Python/.py"


def write_flcc(
    root: str | os.PathLike,
    repositories: Mapping[str, Mapping[str, bytes | str]],
    *,
    licenses: Mapping[str, str] | None = None,
    branch: str = "master",
    extra_level: bool = False,
    paths_json: bool = True,
) -> pathlib.Path:
    """Writes repositories as an FLCC tree; call it again with the same root to add to the tree.

    Args:
      root: the folder that will hold `v3`; made if it is not there.
      repositories: "owner/name" -> {original path: content}; text is written as UTF-8.
      licenses: "owner/name" -> SPDX id; a repository named here gets a `repository.json`.
      branch: the name of the branch folder.
      extra_level: True writes `v3/repositories/repositories/<owner>`, as in the public archive.
      paths_json: False leaves `paths.json` out.

    Returns:
      `root`.

    Example:
      `write_flcc(tmp_path, {"ann/tool": {"src/a.py": "x = 1\\n"}})` writes
      `v3/languages/Python/.py/ann/tool/master/a_0.py` and
      `v3/repositories/ann/tool/master/paths.json`, `{"a_0.py": "src/a.py"}`.
      The number counts the repository's files in sorted order: the second file is `<stem>_1.py`.
    """
    root = pathlib.Path(root)
    for repository, files in repositories.items():
        folder = flcc_files(root, repository, branch=branch)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for number, path in enumerate(sorted(files)):
            flat = f"{pathlib.PurePosixPath(path).stem}_{number}.py"
            content = files[path]
            (folder / flat).write_bytes(content.encode() if isinstance(content, str) else content)
            paths[flat] = path
        about = flcc_about(root, repository, branch=branch, extra_level=extra_level)
        about.mkdir(parents=True, exist_ok=True)
        if paths_json:
            (about / "paths.json").write_text(json.dumps(paths), encoding="utf-8")
        if licenses and repository in licenses:
            fields = {"repository": repository, "license": licenses[repository]}
            (about / "repository.json").write_text(json.dumps(fields), encoding="utf-8")
    return root


def flcc_files(root: str | os.PathLike, repository: str, *, branch: str = "master") -> pathlib.Path:
    """The folder that holds a repository's flat files."""
    return pathlib.Path(root) / FILES / repository / branch


def flcc_about(
    root: str | os.PathLike, repository: str, *, branch: str = "master", extra_level: bool = False
) -> pathlib.Path:
    """The folder that holds a repository's `paths.json`."""
    between = "repositories/repositories" if extra_level else "repositories"
    return pathlib.Path(root) / "v3" / between / repository / branch
