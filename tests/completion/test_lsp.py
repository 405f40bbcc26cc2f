"""The language server as an editor sees it: a process of its own, spoken to by a client."""

import contextlib
import pathlib
import sqlite3
import string
import subprocess
import sys
from collections.abc import Iterator

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from completion import lsp_server
from completion.engine import Engine
from completion.filters import Filters
from completion.requests import Request
from completion.search import Decoding
from completion.usage import Usage
from tests import random_models
from tests.completion.expected_suggestions import TOKENS, key, plain, texts
from tests.language_client import PATIENCE, ROOT, Editor

AUTOMATIC, INVOKED = types.InlineCompletionTriggerKind.Automatic, types.InlineCompletionTriggerKind.Invoked


@pytest.fixture(scope="module")
def folder(export_onnx, small_codec) -> pathlib.Path:
    return export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=8))


@pytest.fixture(scope="module")
def engine(folder) -> Engine:
    return Engine(str(folder), threads=1)


@pytest.fixture(scope="module")
def usage_file(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("usage") / "usage.sqlite"


@pytest.fixture(scope="module")
def editor(folder, usage_file) -> Iterator[Editor]:
    made = Editor(folder, "--max_new_tokens", str(TOKENS), "--usage", str(usage_file))
    made.found = made.initialize()
    yield made
    assert made.quit() == (0, "")


def test_what_the_server_can_do_is_advertised(editor):
    capabilities = editor.found.capabilities
    assert capabilities.inline_completion_provider == types.InlineCompletionOptions()
    assert capabilities.text_document_sync.open_close
    assert capabilities.text_document_sync.change == types.TextDocumentSyncKind.Incremental
    assert capabilities.execute_command_provider.commands == ("code_t5.accepted", "code_t5.dismissed")
    assert capabilities.position_encoding == types.PositionEncodingKind.Utf16


def test_a_completion_is_the_engines(editor, engine):
    before, after = "import os\n\n\nclass A:\n    def path(self, ", "):\n        return 1\n"
    before += key(engine, before, after)
    [item] = editor.complete(editor.open(before + after), 4, 20)
    assert [item.insert_text] == plain(engine, before, after)
    assert item.range == types.Range(types.Position(4, 20), types.Position(4, 20)), "it replaces nothing"


def test_what_is_blank_behind_the_cursor_is_no_suffix(editor, engine):
    before = "import os\n" + key(engine, "import os\n")
    assert texts(editor.complete(editor.open(before + "\n\n"), 1, 1)) == plain(engine, before)


def test_changes_with_emoji_are_followed(editor, engine):
    uri = editor.open('a = "😀"\x0c\r\nimp\n = a\n')
    editor.change(uri, (0, 7), (0, 7), "é🐍")  # before the closing quotation mark
    editor.change(uri, (1, 3), (1, 3), "ort os")
    editor.change(uri, (0, 5), (0, 7), "")  # the first emoji, two units
    before, after = 'a = "é🐍"\x0c\r\nimport os\n', " = a\n"
    letter = key(engine, before, after)
    editor.change(uri, (2, 0), (2, 0), letter)
    assert texts(editor.complete(uri, 2, 1)) == plain(engine, before + letter, after)
    before, after = 'a = "é🐍', '"\x0c\r\nimport os\n' + letter + " = a\n"
    letter = key(engine, before, after)
    editor.change(uri, (0, 8), (0, 8), letter)
    assert texts(editor.complete(uri, 0, 9)) == plain(engine, before + letter, after)


def test_a_cursor_beyond_the_end_is_at_the_end(editor, engine):
    before = "x = 1\n😀" + key(engine, "x = 1\n😀")
    uri = editor.open(before)
    for line, column in ((1, 3), (1, 99), (7, 0)):
        [item] = editor.complete(uri, line, column)
        assert [item.insert_text] == plain(engine, before)
        assert item.range.start == types.Position(1, 3)
    before, after = "import ", "\nclass A:\n"
    before += key(engine, before, after)
    [item] = editor.complete(editor.open(before + after), 0, 500)
    assert [item.insert_text] == plain(engine, before, after)
    assert item.range.start == types.Position(0, 8)


def test_several_lines_are_written_on_a_blank_line_that_is_asked_for(line_folder, line_engine, blank):
    editor = Editor(line_folder, "--max_new_tokens", str(TOKENS), "--no_usage")
    editor.initialize()
    uri = editor.open(blank + " \n")
    assert texts(editor.complete(uri, 1, 4, AUTOMATIC)) == plain(line_engine, blank)
    assert texts(editor.complete(uri, 1, 4, INVOKED)) == plain(line_engine, blank, one_line=False)
    letter = key(line_engine, blank)
    editor.change(uri, (1, 4), (1, 4), letter)
    assert texts(editor.complete(uri, 1, 5, INVOKED)) == plain(line_engine, blank + letter), "it is not blank"
    assert editor.quit() == (0, "")


def test_python_is_filtered_by_its_grammar_and_other_languages_are_not(editor, engine):
    before, after = "a = ", "\nb = 1\n"
    letter = next(
        letter
        for letter in string.printable
        if plain(engine, before + letter, after)
        and not engine.complete(Request(before + letter, after), Decoding(TOKENS), filters=Filters())
    )
    assert editor.complete(editor.open(before + letter + after), 0, 5)
    assert editor.complete(editor.open(before + letter + after, "python"), 0, 5) == []


def test_what_is_accepted_and_what_is_typed_is_counted(editor, engine, usage_file):
    file = Usage(usage_file)
    assert editor.command("code_t5.dismissed", "0" * 32) is False, "what was noted before is in the file now"
    before = file.summary().total
    # As short as what is typed.
    letter = next(
        letter for letter in string.ascii_letters if any(len(t) < 5 for t in plain(engine, "import os\n" + letter))
    )
    uri = editor.open("import os\n")
    editor.change(uri, (1, 0), (1, 0), letter)
    [item] = editor.complete(uri, 1, 1)
    editor.change(uri, (1, 1), (1, 1), item.insert_text)
    assert editor.command(item.command.command, *item.command.arguments) is True
    assert editor.command(item.command.command, *item.command.arguments) is True, "again"
    editor.change(uri, (0, 0), (0, 0), "\n    ")
    editor.change(uri, (0, 0), (0, 0), "def pasted(self):\n    return 1\n")
    [other] = editor.complete(editor.open("import os\n" + letter), 1, 1)
    assert editor.command("code_t5.dismissed", *other.command.arguments) is True
    found = file.summary().total
    file.close()
    assert found.shown - before.shown == 2
    assert found.accepted - before.accepted == 1
    assert found.dismissed - before.dismissed == 1
    assert found.accepted_characters - before.accepted_characters == len(item.insert_text)
    assert found.typed_characters - before.typed_characters == 2, "a key, and a newline with the editor's indentation"


def test_a_suggestion_that_is_typed_along_is_shown_once(editor, engine, usage_file):
    """And what is typed of it does not count as accepted."""
    before = "import os\n" + next(
        letter for letter in string.ascii_letters if any(len(t) > 3 for t in plain(engine, "import os\n" + letter))
    )
    [text] = plain(engine, before)
    uri, file = editor.open(before), Usage(usage_file)
    assert editor.command("code_t5.dismissed", "0" * 32) is False, "what was noted before is in the file now"
    counts = file.summary().total
    [first] = editor.complete(uri, 1, 1)
    editor.change(uri, (1, 1), (1, 1), text[:2])
    [second] = editor.complete(uri, 1, 3)
    assert second.insert_text == text[2:]
    assert second.command.arguments[0] == first.command.arguments[0]
    editor.change(uri, (1, 3), (1, 3), text[2:])
    assert editor.command(second.command.command, *second.command.arguments) is True
    found = file.summary().total
    file.close()
    assert (found.shown - counts.shown, found.accepted - counts.accepted) == (1, 1)
    assert found.typed_characters - counts.typed_characters == 2
    assert found.accepted_characters - counts.accepted_characters == len(text) - 2


def test_a_closed_file_is_not_completed(editor):
    uri = editor.open("x")
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    with pytest.raises(JsonRpcException, match=f"{uri} is not open: send textDocument/didOpen first") as caught:
        editor.complete(uri, 0, 1)
    assert caught.value.code == types.LSPErrorCodes.RequestFailed


def test_an_editor_says_how_to_write_and_to_count_columns(folder, engine):
    editor = Editor(folder, "--no_usage")
    found = editor.initialize(encodings=["utf-32", "utf-16"], initialization_options={"max_new_tokens": 2})
    assert found.capabilities.position_encoding == types.PositionEncodingKind.Utf32
    before = "x = 1\n😀" + key(engine, "x = 1\n😀", tokens=2)
    [item] = editor.complete(editor.open(before), 1, 2)
    assert [item.insert_text] == plain(engine, before, tokens=2)
    assert item.range.start == types.Position(1, 2)
    assert item.command is None, "nothing is counted"
    assert editor.quit() == (0, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beams": 3}, "initializationOptions may have max_new_tokens, beam_size, min_score, got {'beams': 3}"),
        ({"beam_size": True}, "beam_size is a number, got True"),
        ({"max_new_tokens": "9"}, "max_new_tokens is a number, got '9'"),
        ({"beam_size": 0}, "max_new_tokens, beam_size and num_answers must be 1 or more"),
        ([3], "initializationOptions may have"),
    ],
)
def test_options_that_there_are_none_of_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        lsp_server.Settings().changed(options)


def test_an_editor_is_told_of_options_that_there_are_none_of(folder):
    editor = Editor(folder, "--no_usage")
    with pytest.raises(JsonRpcException, match="may have max_new_tokens, beam_size, min_score"):
        editor.initialize(initialization_options={"beams": 3})
    assert editor.quit() == (0, "")


def test_imported_files_that_are_open_are_read_by_a_model_that_was_trained_so(export_onnx, small_codec):
    folder = export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2), context_budget=40)
    text, other = "from b import x\nclass A:\n    def path", "class A:\n    def path(self):\n"
    engine, filters = Engine(str(folder), threads=1), Filters(python=False)
    alone, together = (
        [one.text for one in engine.complete(Request(text, None, files, "src/a.py"), Decoding(TOKENS), filters=filters)]
        for files in ((), (("src/b.py", other),))
    )
    assert alone != together
    editor = Editor(folder, "--no_usage", "--max_new_tokens", str(TOKENS))
    editor.initialize(workspace_folders=[types.WorkspaceFolder("file:///w", "w")])
    uri = editor.open(text, uri="file:///w/src/a.py")
    editor.open("not this one", uri="file:///elsewhere/src/b.py")
    assert texts(editor.complete(uri, 2, 12)) == alone
    editor.open(other, uri="file:///w/src/b.py")
    assert texts(editor.complete(uri, 2, 12)) == together
    assert editor.quit() == (0, "")


def test_errors_are_answered_and_the_log_has_nothing_of_the_text(folder, engine):
    editor = Editor(folder, "--no_usage")
    editor.initialize()
    with pytest.raises(JsonRpcException, match=r"^no completion: \w+Error in \w+.py, line \d+$") as caught:
        editor.complete(editor.open("secret_name = '\ud83d"), 0, 14)
    assert caught.value.data is None
    editor.change("file:///w/never_opened.py", (0, 0), (0, 0), "secret_text")
    with pytest.raises(JsonRpcException, match="Command name 'secret' is not defined"):
        editor.command("secret")
    assert editor.complete(editor.open("import os\n" + key(engine, "import os\n")), 1, 1), "the server lives"
    status, log = editor.quit()
    assert status == 0
    assert "secret" not in log
    first, second = log.splitlines()
    assert first == f"code_t5: {caught.value}"
    assert second.startswith("code_t5: ")


def test_completions_go_on_where_they_cannot_be_counted(folder, engine, tmp_path):
    path = tmp_path / "usage.sqlite"
    editor = Editor(folder, "--max_new_tokens", str(TOKENS), "--usage", str(path))
    editor.initialize()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE suggestions")
    before = "import os\n" + key(engine, "import os\n")
    [item] = editor.complete(editor.open(before), 1, 1)
    assert [item.insert_text] == plain(engine, before)
    assert item.command is None
    error = f"code_t5: the file of usage {path} cannot be used: no such table: suggestions\n"
    assert editor.quit() == (0, error)


def test_exit_without_shutdown_is_an_error(folder):
    editor = Editor(folder, "--no_usage")
    editor.initialize()
    assert editor.exit() == (1, "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--model", "/nowhere"), "no exported model in /nowhere: it has no export.json"),
        (("--beam_size", "0"), "beam_size and num_answers must be 1 or more"),
        (("--usage", "{damaged}"), "is damaged, or no file of usage"),
    ],
)
def test_what_stops_it_from_starting_is_one_line(folder, tmp_path, flags, message):
    damaged = tmp_path / "usage.sqlite"
    damaged.write_bytes(b"no database at all" * 99)
    command = [sys.executable, "-m", "completion.lsp", "--model", str(folder), "--threads", "1"]
    command += ["--usage", str(tmp_path / "new.sqlite"), *(flag.format(damaged=damaged) for flag in flags)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_kinds_that_are_counted_from_0_are_understood():
    kinds = types.InlineCompletionTriggerKind
    converter = lsp_server._converter()
    assert [converter.structure(value, kinds) for value in (0, 1, 2)] == [kinds.Invoked, kinds.Invoked, kinds.Automatic]
