"""What the language server knows of its editor, and how it answers it: documents, requests, cancellation, usage."""

import asyncio
import concurrent.futures
import dataclasses
import pathlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls import exceptions, uris
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter, lsp_method

from completion import search
from completion.engine import Engine
from completion.filters import Filters
from completion.imported_files import imported_files
from completion.open_documents import OpenDocument
from completion.requests import Request
from completion.usage import Usage, UsageError

ACCEPTED, DISMISSED = "code_t5.accepted", "code_t5.dismissed"
# Pieces are seldom longer, so that what is cut off of an imported file would not be read anyway.
_CHARACTERS_PER_TOKEN = 16


@dataclasses.dataclass(frozen=True)
class Settings:
    """What flags say, and an editor's `initializationOptions` after them.

    Attributes:
      max_new_tokens, beam_size: see `search.Decoding`.
      min_score: of what is shown, see `filters.Filters`.

    Raises:
      ValueError: a value that is no number, or out of range.
    """

    max_new_tokens: int = 64
    beam_size: int = 1
    min_score: float | None = None

    def __post_init__(self):
        for name, kind in (("max_new_tokens", int), ("beam_size", int), ("min_score", int | float | None)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ValueError(f"{name} is a number, got {value!r}")
        self.decoding()

    def decoding(self) -> search.Decoding:
        """How the engine is to write."""
        return search.Decoding(max_new_tokens=self.max_new_tokens, beam_size=self.beam_size)

    def changed(self, options: Any) -> "Settings":
        """These settings with those of an editor.

        Raises:
          ValueError: there is no such setting, or not with such a value.
        """
        known = [field.name for field in dataclasses.fields(self)]
        if not isinstance(options, dict) or not set(options) <= set(known):
            raise ValueError(f"initializationOptions may have {', '.join(known)}, got {options!r}")
        return dataclasses.replace(self, **options)


class CompletionServer(LanguageServer):
    """What is known of one editor: its open documents, and the requests that are being answered.

    Attributes:
      settings: which the editor may change when it starts.
      documents: URI -> what is open.
      is_shut_down: whether the editor has asked for that.
    """

    def __init__(self, engine: Engine, usage: Usage | None, settings: Settings):
        super().__init__("code_t5", "1", protocol_cls=_Protocol, converter_factory=_converter)
        self.settings = settings
        self.documents: dict[str, OpenDocument] = {}
        self.is_shut_down = False
        self._engine, self._usage = engine, usage
        self._running: dict[str, threading.Event] = {}
        # Threads, so that changes and cancellations are taken in while the engine writes and SQLite waits.
        self._writer = concurrent.futures.ThreadPoolExecutor(1)
        self._notes = concurrent.futures.ThreadPoolExecutor(1)

    async def complete(self, params: types.InlineCompletionParams) -> list[types.InlineCompletionItem]:
        """The answer to a request; an empty one where a newer request for the same document has taken its place.

        LSP keeps its errors of cancelled requests for those that the client cancels, and for kinds of requests that
        servers may cancel, of which this is none.

        Raises:
          exceptions.JsonRpcException: the document is not open, or the engine failed.
        """
        started, uri = time.perf_counter(), params.text_document.uri
        if uri not in self.documents:
            raise exceptions.JsonRpcException(
                f"{uri} is not open: send textDocument/didOpen first", types.LSPErrorCodes.RequestFailed.value
            )
        document = self.documents[uri]
        index = document.index(params.position)
        before, after = document.text[:index], document.text[index:]
        cursor = document.position(index)
        invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        one_line = not invoked or "".join(document.line(index)).strip() != ""
        request = self._request(uri, before, after)
        filters = Filters(self.settings.min_score, python=document.language == "python")
        if uri in self._running:
            self._running[uri].set()
        stop, known = threading.Event(), document.offered
        self._running[uri] = stop

        def write() -> dict[str, str | None]:
            if stop.is_set():
                return {}
            found = self._engine.complete(
                request, self.settings.decoding(), one_line=one_line, filters=filters, cancelled=stop.is_set
            )
            wait = 1000 * (time.perf_counter() - started)
            if stop.is_set():
                return {}
            # One that is typed along is shown once.
            return {one.text: known.get(before + one.text + after) or self._shown(one.text, wait) for one in found}

        try:
            found = await asyncio.get_running_loop().run_in_executor(self._writer, write)
        except search.CancelledError:
            found = {}
        except Exception as error:
            raise _failure(error) from None
        finally:
            stop.set()  # where the client cancels, only the waiting for the thread has ended
            if self._running.get(uri) is stop:
                del self._running[uri]
        if found:
            document.offered = {before + text + after: shown_id for text, shown_id in found.items()}
        return [_item(text, types.Range(cursor, cursor), shown_id) for text, shown_id in found.items()]

    def _request(self, uri: str, before: str, after: str) -> Request:
        # What is blank says nothing about what is missing: the file is gone on with.
        suffix = after if self._engine.description.infills and after.strip() else None
        budget = self._engine.layout.context_budget
        if not budget:
            return Request(before, suffix)
        folder, path = self._place(uri)
        places = {other: self._place(other) for other in self.documents if other != uri}
        others = {place: self.documents[other].text for other, (root, place) in places.items() if root == folder}
        longest = _CHARACTERS_PER_TOKEN * budget
        files = tuple((name, text[:longest]) for name, text in imported_files(path, before + after, others))
        return Request(before, suffix, files, path)

    def _place(self, uri: str) -> tuple[pathlib.PurePath | None, str]:
        """The folder of the workspace that a document is in, and its path there; outside of all its name alone."""
        path = pathlib.PurePath(uris.to_fs_path(uri) or "")
        named = [folder.uri for folder in self.workspace.folders.values()] or [self.workspace.root_uri or ""]
        folders = [pathlib.PurePath(folder) for one in named if (folder := uris.to_fs_path(one))]
        inside = [folder for folder in folders if path.is_relative_to(folder)]
        if not inside:
            return None, path.name
        innermost = max(inside, key=lambda folder: len(folder.parts))
        return innermost, path.relative_to(innermost).as_posix()

    def _shown(self, text: str, milliseconds: float) -> str | None:
        lines = text.count("\n") + 1
        return self._noted(
            lambda usage: usage.shown(characters=len(text), lines=lines, source="lsp", milliseconds=milliseconds)
        )

    def _noted(self, note: Callable[[Usage], Any]) -> Any:
        """What a note of usage gives; None where none are taken, or this one cannot be: completions go on without."""
        if self._usage is None:
            return None
        try:
            return note(self._usage)
        except UsageError as error:
            print(f"code_t5: {error}", file=sys.stderr)
            return None

    def note(self, note: Callable[[Usage], Any]) -> concurrent.futures.Future:
        """Takes a note of usage after those before it."""
        return self._notes.submit(self._noted, note)

    def report_server_error(self, error: Exception, source: type) -> None:
        """Logs what kind of error a message led to; its text might quote a document. Requests are answered with it."""
        if source is not exceptions.FeatureRequestError:
            frames = (getattr(error, "data", None) or {}).get("traceback", [""])
            print(f"code_t5: {type(error).__name__} {frames[-1].strip().partition(chr(10))[0]}", file=sys.stderr)

    def close(self) -> None:
        """Ends what is being written, and takes the last notes."""
        for stop in self._running.values():
            stop.set()
        self._writer.shutdown(cancel_futures=True)
        self._notes.shutdown()
        if self._usage is not None:
            self._usage.close()


class _Protocol(LanguageServerProtocol):
    """Leaves documents to `OpenDocument`: pygls 2.1.1 would not only keep them, but also change the positions of
    changes that lie outside of what it takes for the lines."""

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        opened, encoding = params.text_document, self.workspace.position_encoding
        document = OpenDocument(opened.text, language=opened.language_id, encoding=encoding)
        self._server.documents[opened.uri] = document

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        if typed := self._server.documents[params.text_document.uri].change(params.content_changes):
            self._server.note(lambda usage: usage.typed(typed, source="lsp"))

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.documents.pop(params.text_document.uri, None)


def _converter():
    converter, kinds = default_converter(), types.InlineCompletionTriggerKind
    # vscode-languageserver-types 3.17.5 has 0 for what was asked for explicitly; LSP came to number the kinds from 1.
    converter.register_structure_hook(kinds, lambda value, _: kinds(value or kinds.Invoked))
    return converter


def _failure(error: Exception) -> exceptions.JsonRpcException:
    """An error for the editor, and for the log: its kind and place, without its text, which may quote a document."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    message = f"no completion: {type(error).__name__} in {pathlib.PurePath(frame.filename).name}, line {frame.lineno}"
    print(f"code_t5: {message}", file=sys.stderr)
    return exceptions.JsonRpcInternalError(message)


def _item(text: str, place: types.Range, shown_id: str | None) -> types.InlineCompletionItem:
    item = types.InlineCompletionItem(text, range=place)
    if shown_id is not None:
        item.command = types.Command("Count as accepted", ACCEPTED, arguments=[shown_id, len(text)])
    return item
