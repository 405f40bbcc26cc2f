"""A language server: any editor that speaks LSP 3.18 gets inline completions of an exported model. See docs/editors.md.

python -m completion.lsp --model EXPORT

Editors start it and talk to it by its standard input and output. What was shown and accepted is counted for
`python -m completion.usage`. What was written leaves this process for the editor alone, and stands in no log.
"""

import argparse
import asyncio
import logging
import pathlib
import sys

try:
    from lsprotocol import types
    from pygls import exceptions
except ImportError as error:
    raise ImportError("the language server needs pygls: pip install 'code_t5[completion]'") from error

from completion import exported
from completion.engine import Engine
from completion.lsp_server import ACCEPTED, DISMISSED, CompletionServer, Settings
from completion.usage import Usage, default_path


def initialize(ls: CompletionServer, params: types.InitializeParams) -> None:
    if params.initialization_options is not None:
        try:
            ls.settings = ls.settings.changed(params.initialization_options)
        except ValueError as error:
            raise exceptions.JsonRpcInvalidParams(str(error)) from error


async def inline_completion(
    ls: CompletionServer, params: types.InlineCompletionParams
) -> list[types.InlineCompletionItem]:
    return await ls.complete(params)


async def accepted(ls: CompletionServer, shown_id: str, *characters: int) -> bool:
    """Both commands have the arguments of the suggestion's: its id, and its characters without what was typed of it."""
    part = characters[0] if characters else None
    return bool(await asyncio.wrap_future(ls.note(lambda usage: usage.accepted(shown_id, characters=part))))


async def dismissed(ls: CompletionServer, shown_id: str, *characters: int) -> bool:
    return bool(await asyncio.wrap_future(ls.note(lambda usage: usage.dismissed(shown_id))))


def shutdown(ls: CompletionServer, params: None) -> None:
    ls.is_shut_down = True


def serve(server: CompletionServer, *, tcp: int | None = None) -> None:
    """Answers an editor on standard input and output, or on a port of this machine, until it says exit or is gone."""
    server.feature(types.INITIALIZE)(initialize)
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(inline_completion)
    server.feature(types.SHUTDOWN)(shutdown)
    server.command(ACCEPTED)(accepted)
    server.command(DISMISSED)(dismissed)
    # Loggers of libraries write whole messages, and so what stands in documents, where an error occurs.
    logging.disable(logging.CRITICAL)
    try:
        if tcp is None:
            server.start_io()
        else:
            server.start_tcp("127.0.0.1", tcp)
    finally:
        server.close()


def main(argv: list[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m completion.lsp", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, defaults = parser.add_argument, Settings()
    add("--model", required=True, metavar="DIR", help="made by code_t5.main.export --format onnx")
    add("--max_new_tokens", type=int, default=defaults.max_new_tokens, metavar="N", help="(%(default)s)")
    add("--beam_size", type=int, default=defaults.beam_size, metavar="N", help="above 1: beam search (%(default)s)")
    add("--min_score", type=float, metavar="X", help="show nothing of which the model thinks less, such as -1")
    add("--fallback", metavar="FILE", help="modules whose attributes are suggested by popularity, see docs/serving.md")
    add("--threads", type=int, metavar="N", help="by default as many as are quickest")
    add("--usage", type=pathlib.Path, default=default_path(), metavar="FILE", help="counts here (%(default)s)")
    add("--no_usage", action="store_true", help="count nothing")
    add("--tcp", type=int, metavar="PORT", help="listen on this port of 127.0.0.1 instead, to debug an editor")
    arguments = parser.parse_args(argv)
    try:
        settings = Settings(arguments.max_new_tokens, arguments.beam_size, arguments.min_score)
        engine = Engine(arguments.model, threads=arguments.threads, fallback=arguments.fallback)
        server = CompletionServer(engine, None if arguments.no_usage else Usage(arguments.usage), settings)
    except (ValueError, OSError, exported.ExportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    serve(server, tcp=arguments.tcp)
    return 0 if server.is_shut_down else 1


if __name__ == "__main__":
    sys.exit(main())
