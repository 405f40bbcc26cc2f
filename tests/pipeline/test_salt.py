import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import salt

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
PARAMETERS = st.dictionaries(st.text(min_size=1), VALUES, min_size=1, max_size=5)


def record(stage: str, parameters: dict, requires: dict | None = None, version: int = 1) -> dict:
    content = {"stage": stage, "version": version, "parameters": parameters, "requires": requires or {}}
    return {**content, "digest": salt.digest(**content)}


def chain(*, size: int = 16000, rate: float = 0.01) -> list[dict]:
    documents = record("Documents", {"max_bytes": 1000})
    vocabulary = record("Vocabulary", {"size": size}, {"Documents": documents["digest"]})
    needs = {"Documents": documents["digest"], "Vocabulary": vocabulary["digest"]}
    dataset = record("TrainingDataset", {}, needs)
    model = record("TrainedModel", {"gin": {"rate": rate}}, {"TrainingDataset": dataset["digest"]})
    return [documents, vocabulary, dataset, model]


def keep(*records: dict) -> salt.Find:
    """Finds these records."""
    kept = {(one["stage"], one["digest"]): one for one in records}
    return lambda stage, digest: kept.get((stage, digest))


def turned(value):
    """The same value with the keys of each dictionary the other way round, and lists as tuples."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return tuple(map(turned, value)) if isinstance(value, list) else value


def paths(value, above=()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [above] * (not isinstance(value, dict | list)) + [p for key, one in inner for p in paths(one, (*above, key))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": (1, 2.0), "a": 1e-3}, '{"a":0.001,"b":[1,2.0]}'),
        ({"a": 0.001}, '{"a":0.001}'),
        ([True, 1, 1.0, None, "é"], r'[true,1,1.0,null,"\u00e9"]'),
        (1e16, "1e+16"),
        ({}, "{}"),
    ],
)
def test_canonical_texts(value, text):
    assert salt.canonical(value) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": {1: 2}}, "value.a has the key 1, a int"),
        ({"a": [0, float("nan")]}, r"value.a\[1\] is nan"),
        (float("inf"), "value is inf"),
        ({"a": {1, 2}}, "value.a is {1, 2}, a set"),
        (b"x", "a bytes"),
    ],
)
def test_what_is_not_json_is_refused(value, words):
    with pytest.raises(salt.SaltError, match=words):
        salt.canonical(value)


def test_digests_stay_what_they_are():
    """Another digest here means that every result of every user is made again."""
    assert salt.digest("Documents", 1, {"max_bytes": 1000}, {}) == "df03205f6c"
    assert salt.digest("TrainedModel", 2, {"a": [1e-3, 1.0, "ü"]}, {"Vocabulary": "0123456789"}) == "c794465745"


@given(PARAMETERS)
def test_order_of_keys_and_tuples_make_no_difference(parameters):
    requires = {"A": "1", "B": "2"}
    assert salt.digest("S", 1, parameters, requires) == salt.digest("S", 1, turned(parameters), turned(requires))
    assert json.loads(salt.canonical(parameters)) == parameters


@given(PARAMETERS, LEAVES, st.data())
def test_any_changed_leaf_makes_another_digest(parameters, leaf, data):
    found = paths(parameters)
    if not found:
        return
    *way, last = data.draw(st.sampled_from(found))
    changed = inner = copy.deepcopy(parameters)
    for key in way:
        inner = inner[key]
    before, inner[last] = inner[last], leaf
    same = type(before) is type(leaf) and repr(before) == repr(leaf)
    assert (salt.digest("S", 1, parameters, {}) == salt.digest("S", 1, changed, {})) is same


def test_stage_version_and_what_is_required_make_another_digest():
    found = {salt.digest(*words) for words in (
        ("S", 1, {"a": 1}, {}), ("T", 1, {"a": 1}, {}), ("S", 2, {"a": 1}, {}),
        ("S", 1, {}, {"a": 1}), ("S", 1, {"a": 1}, {"A": "1"}), ("S", 1, {"a": 1}, {"A": "2"}),
    )}  # fmt: skip
    assert len(found) == 6


def test_explain_tells_the_chain_each_stage_once():
    documents, vocabulary, dataset, model = chain()
    d, v, t, m = (one["digest"] for one in (documents, vocabulary, dataset, model))
    assert salt.explain(model, keep(documents, vocabulary, dataset)) == (
        f"Documents {d}, version 1\n"
        "  max_bytes = 1000\n"
        f"Vocabulary {v}, version 1, from Documents {d}\n"
        "  size = 16000\n"
        f"TrainingDataset {t}, version 1, from Documents {d}, Vocabulary {v}\n"
        f"TrainedModel {m}, version 1, from TrainingDataset {t}\n"
        "  gin.rate = 0.01"
    )


def test_explain_says_which_record_is_missing():
    *_, dataset, model = chain()
    assert salt.explain(model, keep()).splitlines()[0] == f"TrainingDataset {dataset['digest']}: its record is not here"


def test_difference_names_the_earliest_stage():
    one, other = chain(), chain(size=32000)
    assert salt.difference(one[-1], other[-1], keep(*one, *other)) == (
        f"TrainedModel {one[-1]['digest']} and {other[-1]['digest']} differ first in\n"
        f"Vocabulary {one[1]['digest']} and {other[1]['digest']}: size was 16000, is 32000"
    )


def test_difference_tells_own_parameters_beside_earlier_ones():
    one, other = chain(), chain(size=32000, rate=0.5)
    lines = salt.difference(one[-1], other[-1], keep(*one, *other)).splitlines()
    assert [line.partition(": ")[2] for line in lines[1:]] == ["size was 16000, is 32000", "gin.rate was 0.01, is 0.5"]


def test_difference_of_one_result_and_of_two_stages():
    documents, vocabulary, *_ = chain()
    assert salt.difference(documents, documents, keep()) == f"Documents {documents['digest']} is one and the same"
    assert salt.difference(documents, vocabulary, keep()).endswith("are of different stages")


def test_a_stage_required_twice():
    one, two, three = (record("Documents", {"n": n}) for n in (1, 2, 3))
    a = record("Report", {}, {"Documents": one["digest"], "Documents:1": two["digest"]})
    b = record("Report", {}, {"Documents": one["digest"], "Documents:1": three["digest"]})
    find = keep(one, two, three)
    assert salt.difference(a, b, find).endswith("n was 2, is 3")
    assert [line for line in salt.explain(a, find).splitlines() if line.startswith("  ")] == ["  n = 1", "  n = 2"]


def test_a_collision_is_refused(monkeypatch):
    monkeypatch.setattr(salt, "_DIGITS", 0)
    one, other = record("Documents", {"n": 1}), record("Documents", {"n": 2})
    salt.check_no_collision(one, copy.deepcopy(one))
    with pytest.raises(salt.SaltError, match="n was 1, is 2\nRaise the version of the stage Documents"):
        salt.check_no_collision(one, other)


def test_a_changed_record_is_refused():
    one = record("Documents", {"n": 1})
    with pytest.raises(salt.SaltError, match="was changed after it was written"):
        salt.check_no_collision({**one, "parameters": {"n": 2}}, one)
