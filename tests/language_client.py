"""An editor that speaks to the language server: pygls' client, and the server in a process of its own."""

import asyncio
import contextlib
import itertools
import pathlib
import sys
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

ROOT = pathlib.Path(__file__).parents[1]
PATIENCE = 120.0
numbers = itertools.count()


class Editor:
    """A client and its server; what comes is taken in while something is waited for."""

    def __init__(self, folder: pathlib.Path, *flags: str):
        self.loop = asyncio.new_event_loop()
        self.client = LanguageClient("test", "1")
        command = ("-m", "completion.lsp", "--model", str(folder), "--threads", "1", *flags)
        self.run(self.client.start_io(sys.executable, *command, cwd=ROOT))

    def run(self, waited_for, patience: float = PATIENCE) -> Any:
        async def wait():
            return await asyncio.wait_for(waited_for, patience)

        return self.loop.run_until_complete(wait())

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def send(self, method: str, params: Any, msg_id: str | None = None) -> asyncio.Future:
        async def send():
            return self.client.protocol.send_request_async(method, params, msg_id)

        return self.loop.run_until_complete(send())

    def ask(self, method: str, params: Any) -> Any:
        return self.run(self.send(method, params))

    def initialize(self, **params) -> types.InitializeResult:
        general = types.GeneralClientCapabilities(position_encodings=params.pop("encodings", None))
        found = self.ask(types.INITIALIZE, types.InitializeParams(types.ClientCapabilities(general=general), **params))
        self.client.initialized(types.InitializedParams())
        return found

    def open(self, text: str, language: str = "plaintext", uri: str | None = None) -> str:
        uri = uri or f"file:///w/{next(numbers)}.py"
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )
        return uri

    def change(self, uri: str, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        place = types.Range(types.Position(*start), types.Position(*end))
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(2, uri), [types.TextDocumentContentChangePartial(place, text)]
            )
        )

    def request(
        self,
        uri: str,
        line: int,
        column: int,
        kind=types.InlineCompletionTriggerKind.Automatic,
        msg_id: str | None = None,
    ) -> asyncio.Future:
        params = types.InlineCompletionParams(
            types.InlineCompletionContext(kind), types.TextDocumentIdentifier(uri), types.Position(line, column)
        )
        return self.send(types.TEXT_DOCUMENT_INLINE_COMPLETION, params, msg_id)

    def complete(
        self, uri: str, line: int, column: int, kind=types.InlineCompletionTriggerKind.Automatic
    ) -> list[types.InlineCompletionItem]:
        return self.run(self.request(uri, line, column, kind))

    def command(self, name: str, *arguments: Any) -> Any:
        return self.ask(types.WORKSPACE_EXECUTE_COMMAND, types.ExecuteCommandParams(name, list(arguments)))

    def quit(self) -> tuple[int, str]:
        """Exit status and log of the server."""
        self.ask(types.SHUTDOWN, None)
        return self.exit()

    def exit(self) -> tuple[int, str]:
        server = self.client._server
        if server.returncode is None:
            with contextlib.suppress(ConnectionError):
                self.client.exit(None)
            self.run(server.wait())
        log = self.run(server.stderr.read()).decode()
        self.run(self.client.stop())
        self.loop.close()
        return server.returncode, log
