"""The name that a git repository has on its server, read from its configuration without calling git."""

import pathlib
import re
import urllib.parse

_SECTION = re.compile(r'\s*\[\s*remote\s+"(.*)"\s*\]', re.IGNORECASE)
_URL = re.compile(r'\s*url\s*=\s*"?([^"#;]*)', re.IGNORECASE)
# git@host:owner/repository.git; what has a slash before its colon is a path.
_SCP = re.compile(r"[^/:]+:(?!//)(.+)")


def repository_of_remote(folder: pathlib.Path) -> str:
    """ "owner/repository" of the remote `origin`, else of the first remote, or "" if there is none on a server.

    Works for a checkout, a worktree and a submodule (where `.git` is a file).
    """
    try:
        text = (_git_folder(folder) / "config").read_text("utf-8", "replace")
    except OSError:
        return ""
    remotes: dict[str, str] = {}
    remote = ""
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section:
            remote = section.group(1)
        elif line.lstrip().startswith("["):
            remote = ""
        elif remote and (url := _URL.match(line)):
            remotes.setdefault(remote, url.group(1).strip())
    named = [name for url in (remotes.pop("origin", ""), *remotes.values()) if (name := repository_of_url(url))]
    return named[0] if named else ""


def repository_of_url(url: str) -> str:
    """The last two parts of a remote's address, or "" if it is a path on this machine.

    Example: `repository_of_url("git@github.com:ann/tool.git")` is `"ann/tool"`, and so is that of
    "https://github.com/ann/tool" and of "ssh://git@host:22/group/ann/tool.git/".
    """
    scp = _SCP.fullmatch(url)
    if "://" in url:
        parsed = urllib.parse.urlsplit(url)
        path = urllib.parse.unquote(parsed.path) if parsed.scheme != "file" and parsed.netloc else ""
    else:
        path = scp.group(1) if scp else ""
    parts = path.strip("/").removesuffix(".git").split("/")[-2:]
    if len(parts) != 2 or not all(part.strip(".") for part in parts):
        return ""
    return "/".join(parts)


def _git_folder(folder: pathlib.Path) -> pathlib.Path:
    """The folder that holds `config`.

    A `.git` file says `gitdir: <folder>`; in a worktree's folder `commondir` says where the shared one is.
    """
    git = folder / ".git"
    if not git.is_file():
        return git
    git = folder / git.read_text("utf-8", "replace").removeprefix("gitdir:").strip()
    common = git / "commondir"
    return git / common.read_text("utf-8", "replace").strip() if common.is_file() else git
