import functools
import importlib
import sys

import pytest
import seqio

from code_t5.data import code_digest

PROGRAM = """
import functools
import {helper} as helper
LIMIT = 10
TABLE = {{"a": 1, "b": (2, 3)}}
CHOICES = {{"x", "y", "z"}}
def inner(x):
    return x + 1
def calls(x):
    return inner(x)
def constant(x):
    return x + 1000
def of_a_global(x):
    return x + LIMIT + TABLE["a"]
def of_a_module(x):
    return helper.shift(x)
def default(x, by=3):
    return x + by
def outer(by):
    def closed(x):
        return x + by
    return closed
closed = outer(5)
comprehension = lambda xs: [inner(x) for x in xs]
partial = functools.partial(default, by=4)
def recursive(x):
    return recursive(x - 1) if x else recursive2(x)
def recursive2(x):
    return x in CHOICES or recursive(x)
class Transform:
    SCALE = 2
    def __init__(self, by):
        self.by = by
    def __call__(self, x):
        return self.scaled(x) + self.by
    def scaled(self, x):
        return x * self.SCALE
instance = Transform(1)
"""
HELPER = """
def shift(x):
    return x << COUNT
COUNT = 2
def other(x):
    return x
"""
NAMES = (
    *("calls", "constant", "of_a_global", "of_a_module", "default", "closed", "comprehension", "partial", "recursive"),
    "instance",
)


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """Gives the digest of each of NAMES, in the program with changes made to it."""
    monkeypatch.syspath_prepend(tmp_path)
    count = iter(range(100))

    def of(**changes: str) -> dict[str, str]:
        number = next(count)
        texts = {f"helper_{number}": HELPER, f"program_{number}": PROGRAM.format(helper=f"helper_{number}")}
        for old, new in changes.pop("replace", {}).items():
            assert any(old in text for text in texts.values())
            texts = {name: text.replace(old, new) for name, text in texts.items()}
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        module = importlib.import_module(f"program_{number}")
        found = {name: code_digest.code_digest(getattr(module, name)) for name in NAMES}
        for name in texts:
            del sys.modules[name]
        return found

    return of


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("x + 1\n", "x + 2\n", {"calls", "comprehension"}),
        ("1000", "1001", {"constant"}),
        ("LIMIT = 10", "LIMIT = 11", {"of_a_global"}),
        ('"b": (2, 3)', '"b": (2, 4)', {"of_a_global"}),
        ("x << COUNT", "x >> COUNT", {"of_a_module"}),
        ("COUNT = 2", "COUNT = 3", {"of_a_module"}),
        ("by=3", "by=33", {"default", "partial"}),
        ("by=4", "by=44", {"partial"}),
        ("outer(5)", "outer(6)", {"closed"}),
        ('"y"', '"w"', {"recursive"}),
        ("SCALE = 2", "SCALE = 3", {"instance"}),
        ("x * self", "x / self", {"instance"}),
        ("Transform(1)", "Transform(2)", {"instance"}),
        ("def calls(x):\n", "# a comment\n\ndef calls(x):\n    # another\n", set()),
        ("def other(x):\n    return x", "def other(x):\n    return -x", set()),
    ],
)
def test_what_is_reached_changes_the_digest_and_nothing_else_does(digests, old, new, changed):
    before, after = digests(), digests(replace={old: new})
    assert {name for name in NAMES if before[name] != after[name]} == changed


def test_of_a_library_the_version_counts(monkeypatch):
    def preprocessor(dataset):
        return seqio.preprocessors.tokenize(dataset)

    before = code_digest.code_digest(preprocessor)
    assert code_digest.code_digest(preprocessor) == before
    monkeypatch.setattr(seqio, "__version__", "0.0.19")
    assert code_digest.code_digest(preprocessor) != before


def test_gin_and_other_wrappers_are_looked_through():
    def wrapped(number):
        def function(x):
            return x + number

        return functools.wraps(function)(lambda *args: function(*args))

    assert code_digest.code_digest(wrapped(1)) != code_digest.code_digest(wrapped(2))


def test_vocabularies_differ_by_ids_and_class():
    digests = {
        code_digest.vocabulary_digest(vocabulary)
        for vocabulary in (
            seqio.ByteVocabulary(),
            seqio.ByteVocabulary(extra_ids=10),
            seqio.PassThroughVocabulary(size=259),
            seqio.PassThroughVocabulary(size=259, eos_id=1),
        )
    }
    assert len(digests) == 4
    assert code_digest.vocabulary_digest(seqio.ByteVocabulary()) in digests
