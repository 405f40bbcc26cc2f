"""Answers of the language server that take long: cancelled, overtaken, or no longer waited for."""

import string
from collections.abc import Iterator

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from completion.requests import Request
from completion.search import Decoding
from tests.completion.expected_suggestions import TOKENS, plain, texts
from tests.language_client import Editor

# What is not stopped goes on for half a minute at least: the model is deep, and can write 4,000 tokens.
SOON = 8.0
INVOKED = types.InlineCompletionTriggerKind.Invoked


@pytest.fixture(scope="module")
def slow(line_folder) -> Iterator[Editor]:
    """One whose suggestions of several lines take long."""
    made = Editor(line_folder, "--max_new_tokens", "4000", "--no_usage")
    made.initialize()
    yield made
    assert made.quit() == (0, "")


def test_a_cancelled_request_stops_the_engine(slow, blank, line_engine):
    request = slow.request(slow.open(blank), 1, 4, INVOKED, "endless")
    assert slow.command("code_t5.dismissed", "x") is False, "messages are answered while the engine writes"
    slow.wait(0.5)
    assert not request.done()
    slow.client.cancel_request(types.CancelParams("endless"))
    with pytest.raises(JsonRpcException) as caught:
        slow.run(request, SOON)
    assert caught.value.code == types.LSPErrorCodes.RequestCancelled
    assert texts(slow.run(slow.request(slow.open(blank), 1, 4), SOON)) == plain(line_engine, blank)


def test_a_newer_request_takes_the_place_of_an_older_one(slow, blank, line_engine):
    uri = slow.open(blank)
    older = slow.request(uri, 1, 4, INVOKED)
    slow.wait(0.5)
    assert not older.done()
    letter = next(
        letter
        for letter in string.ascii_letters
        if any(
            one.ended and one.text.strip() for one in line_engine.complete(Request(blank + letter), Decoding(TOKENS))
        )
    )
    slow.change(uri, (1, 4), (1, 4), letter)
    newer = slow.request(uri, 1, 5)
    assert slow.run(older, SOON) == []
    assert texts(slow.run(newer, SOON)) == plain(line_engine, blank + letter)


def test_a_newer_request_that_is_cancelled_does_not_bring_the_older_one_back(slow, blank):
    uri = slow.open(blank)
    older, newer = (slow.request(uri, 1, 4, INVOKED, name) for name in ("older", "newer"))
    slow.client.cancel_request(types.CancelParams("newer"))
    with pytest.raises(JsonRpcException, match="canceled"):
        slow.run(newer, SOON)
    assert slow.run(older, SOON) == []


def test_what_is_typed_meanwhile_does_not_move_a_suggestion(slow, blank):
    uri = slow.open(blank)
    slow.request(slow.open(blank), 1, 4, INVOKED, "first")
    request = slow.request(uri, 1, 4)
    slow.change(uri, (0, 0), (0, 0), "\n\n")
    slow.client.cancel_request(types.CancelParams("first"))
    [item] = slow.run(request, SOON)
    assert item.range.start == types.Position(1, 4)


def test_requests_that_wait_can_be_cancelled_too(slow, blank, line_engine):
    requests = {name: slow.request(slow.open(blank), 1, 4, INVOKED, name) for name in ("first", "second")}
    for name in ("second", "first"):
        slow.client.cancel_request(types.CancelParams(name))
        with pytest.raises(JsonRpcException, match="canceled"):
            slow.run(requests[name], SOON)
    assert texts(slow.run(slow.request(slow.open(blank), 1, 4), SOON)) == plain(line_engine, blank)


def test_a_server_whose_editor_is_gone_ends(line_folder, blank):
    editor = Editor(line_folder, "--max_new_tokens", "4000", "--no_usage")
    editor.initialize()
    request = editor.request(editor.open(blank), 1, 4, INVOKED)
    editor.wait(0.5)
    assert not request.done()
    request.cancel()
    editor.client._server.stdin.close()
    editor.run(editor.client._server.wait(), SOON)
    assert editor.exit() == (1, "")
