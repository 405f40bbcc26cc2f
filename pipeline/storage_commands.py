"""`python -m pipeline upload`, `download` and `list`: what `storage` does, from the command line."""

import argparse
import sys
from collections.abc import Callable

from pipeline import storage, transfer


def add_commands(subparsers: "argparse._SubParsersAction") -> None:
    """Adds `upload`, `download` and `list`; the parsed arguments' `run(arguments)` returns the exit status."""
    command = subparsers.add_parser("upload", help="send a result, a folder or a file to s3://, gs://, file://")
    command.add_argument("path", help="RESULTS/<Stage>/<digest>, or any folder or file; with --checkpoint a model")
    command.add_argument("url", help="s3://bucket/prefix")
    command.add_argument(
        "--checkpoint", type=int, metavar="STEP", help="only this one, with what it needs to be loaded"
    )
    command.set_defaults(run=lambda given: _said(lambda: _upload(given)))
    command = subparsers.add_parser("download", help="fetch what was sent, checked")
    command.add_argument("url", help="of one entry, as `list` shows it")
    command.add_argument("path", help="what to make: a folder, or a file if a file was sent")
    command.set_defaults(run=lambda given: _said(lambda: _download(given)))
    command = subparsers.add_parser("list", help="what is stored at an address")
    command.add_argument("url", help="s3://bucket/prefix")
    command.set_defaults(run=lambda given: _said(lambda: _table(given.url)))


def _said(action: Callable[[], str]) -> int:
    """Prints what an action answers, or why it failed, with no secret in it."""
    try:
        print(action())
    except (transfer.StorageError, OSError, ValueError) as error:
        print(f"error: {transfer.without_secrets(str(error))}", file=sys.stderr)
        return 1
    return 0


def _upload(given: argparse.Namespace) -> str:
    return storage.upload(given.path, given.url, checkpoint=given.checkpoint)


def _download(given: argparse.Namespace) -> str:
    storage.download(given.url, given.path)
    return given.path


def _table(url: str) -> str:
    lines = [
        f"{url.rstrip('/')}/{one.name}  {one.files:,} files, {one.size / 1e6:,.1f} MB"
        + ("" if one.whole else "  incomplete")
        for one in storage.entries(url)
    ]
    return "\n".join(lines) or f"nothing is stored at {url}"
