import pytest

from completion import filters
from completion.filters import Filters

BEFORE = "import os\n\n\ndef size(path):\n    with open(path) as file:\n        return "


def reason(text: str, *, before: str = BEFORE, after: str | None = None, score: float = -0.5, **more) -> str | None:
    return filters.reason(before, text, after, score=score, filters=Filters(**more))


@pytest.mark.parametrize(
    "text", ["len(file.read())", "sum(", "[len(line) for line in", "{", "'a b", "os.path.getsize(path)"]
)
def test_good_beginnings_are_shown(text):
    assert reason(text) is None


@pytest.mark.parametrize("text", ["", "  ", "\n\n"])
def test_nothing_is_not_shown(text):
    assert reason(text) == "empty"


def test_the_model_must_think_something_of_it():
    assert reason("len(file.read())", min_score=-0.4) == "low_score"
    assert reason("len(file.read())", min_score=-0.6) is None


@pytest.mark.parametrize("text", ["len(file))", "x]", "sum([a for a in file)", "}"])
def test_a_bracket_closes_the_one_that_was_opened_last(text):
    assert reason(text) == "brackets"


def test_brackets_may_close_what_was_open_before():
    assert reason("path)", before="x = os.path.join(") is None
    assert reason("path))", before="x = os.path.join(") == "brackets"
    assert reason("')')", before="print(") is None, "a bracket in a string is none"


@pytest.mark.parametrize("text", ["x = = 3 + 4", "def for x in y: 3"])
def test_what_python_has_no_place_for_is_not_shown(text):
    assert reason(text, before="y = 1\nz = ") == "syntax"
    assert reason(text, before="y = 1\nz = ", python=False) is None


def test_what_follows_is_not_repeated():
    assert reason("re", before="import os\nimport ", after="\nimport re\n") == "repeats"
    assert reason("re", before="import os\nimport ", after="\nimport json\n") is None
    assert reason("b)", before="f(a, ", after="b)\n") == "repeats", "the rest of the line"
    assert reason(")", before="f(\n    a\n", after="\n)\n") is None, "a bracket may stand twice"


@pytest.mark.parametrize(
    "text",
    [
        "'AKIAIOSFODNN7EXAMPLE'",
        "'ghp_0123456789abcdefghijABCDEFGHIJ012345'",
        "'-----BEGIN RSA PRIVATE KEY-----'",
        "'9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08Zq'",
    ],
)
def test_secrets_are_not_shown(text):
    assert reason(text) == "secret"


def test_long_names_are_no_secrets():
    assert reason("'some_rather_long_setting_name_of_2024'") is None


@pytest.mark.parametrize(
    "text", ["# Copyright 2023 The Authors.", "# Licensed under the Apache License", "# Copyright (c) X"]
)
def test_licences_are_not_shown(text):
    assert reason(text, before="") == "licence"
