"""What the language server is to suggest: what the engine makes of the same text, also with a model that ends lines."""

import pathlib
import string

import pytest
from lsprotocol import types

from completion.engine import Engine
from completion.filters import Filters
from completion.requests import Request
from completion.search import Decoding
from tests import random_models

TOKENS = 12


def texts(items: list[types.InlineCompletionItem]) -> list[str]:
    return [item.insert_text for item in items]


def plain(engine: Engine, before: str, after: str | None = None, tokens: int = TOKENS, **more) -> list[str]:
    """What the engine shows of a text that is not Python."""
    filters = Filters(python=False)
    return [one.text for one in engine.complete(Request(before, after), Decoding(tokens), filters=filters, **more)]


def key(engine: Engine, before: str, after: str | None = None, tokens: int = TOKENS) -> str:
    """A key after which there is a suggestion: a random model's are often empty."""
    return next(letter for letter in string.ascii_letters if plain(engine, before + letter, after, tokens))


@pytest.fixture(scope="session")
def line_folder(export_onnx, small_codec) -> pathlib.Path:
    """A slow model that ends lines, which those with random weights alone seldom do."""
    weights = random_models.weights(vocab_size=small_codec.vocab_size, seed=1, tied=False, blocks=40)
    weights.logits[:, list(small_codec.line_ends())] *= 3
    return export_onnx(weights)


@pytest.fixture(scope="session")
def line_engine(line_folder) -> Engine:
    return Engine(str(line_folder), threads=1)


@pytest.fixture(scope="session")
def blank(line_engine) -> str:
    """A blank line after another on which one line comes to an end, and several go on as long as they may."""
    for text in (f"{name}\n    " for name in string.ascii_letters):
        [one] = line_engine.complete(Request(text), Decoding(TOKENS))
        if one.ended and plain(line_engine, text) and "\n" in "".join(plain(line_engine, text, one_line=False)):
            [more] = line_engine.complete(Request(text), Decoding(100), one_line=False)
            if not more.ended:
                return text
    raise AssertionError("the model writes no lines")
