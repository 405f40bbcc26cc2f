"""The fallback list: what a name stands for in text that need not parse, and an engine that has a list."""

import collections
import json
import math
import time

import pytest

from completion import complete, fallback
from completion.engine import Engine
from completion.fallback import FallbackError
from completion.filters import Filters
from completion.requests import Request
from completion.search import Decoding
from tests import random_models

USES = {
    "os": collections.Counter(path=40, sep=10, environ=30),
    "os.path": collections.Counter(join=50, exists=20, expanduser=10),
    "numpy": collections.Counter(zeros=3, array=6, zeros_like=1),
}
NP = "import numpy as np\n"


@pytest.fixture
def path(tmp_path):
    fallback.write(tmp_path / "fallback.json", ["os.path", "numpy"], USES, about={"model": "demo"})
    return tmp_path / "fallback.json"


@pytest.mark.parametrize(
    ("before", "name", "module"),
    [
        (NP, "np", "numpy"),
        ("import os.path\n", "os", "os"),
        ("import os.path as p\n", "p", "os.path"),
        ("import a.b, c.d as e\n", "e", "c.d"),
        ("from a.b import c, d as e\n", "e", "a.b.d"),
        ("from a.b import (\n    c,  # (\n    d,\n)\n", "d", "a.b.d"),
        ("import os; x = ", "os", "os"),
        ("if a:\n    import os\nx = ", "os", "os"),
        ("def f():\n    import os\n    x = ", "os", "os"),
        ("np = 1\n" + NP, "np", "numpy"),
        (NP + "é = 'ü'; f(é, ", "np", "numpy"),
        (NP + "class A:\n    def f(self):\n        try:\n            y = foo(a, [\n                ", "np", "numpy"),
        (NP + "def f(a=", "np", "numpy"),
        (NP + "print 'a'\nexcept X, e:\n    ", "np", "numpy"),
        (NP + "def f(: = =\n\n\nx = ", "np", "numpy"),
    ],
)
def test_a_name_stands_for_what_is_imported(before, name, module):
    assert fallback.imported(before, name) == module


@pytest.mark.parametrize(
    "text",
    [
        *("np.x = 3\nnp[3] = np\nf(np=3)\nx: np = 3\n", "[np for np in x]\n", "f = lambda np: 3\n"),
        *(
            "def f(np):\n    np = 1\n\n\n",
            "class A:\n    np = 1\n\n\n",
            "match x:\n    case np.a:\n        ",
            "np: int\n",
        ),
        *("np = None\n", "np = False\n", "try:\n    a\nexcept E as np:\n    np = 1\nx = ", "global np\n", "'np = 1'\n"),
        *("try:\n    import a\nexcept ImportError:\n    import b as np\nx = ", "# np = 1\n", "def f(x, y=np): "),
    ],
)
def test_what_binds_nothing_that_the_cursor_sees_changes_nothing(text):
    assert fallback.imported(NP + text, "np") == "numpy"


@pytest.mark.parametrize(
    "text",
    [
        *("np = 1\n", "np += 1\n", "a, *np = b\n", "(a, [np]) = b\n", "a = np = 1\n", "np: int = 1\n", "del np\n"),
        *("for np in x:\n    ", "for i, (a, np) in x:\n    ", "with a as np:\n    ", "with a as (np, b):\n    "),
        *("if (np := a):\n    ", "def np(): pass\n", "class np: pass\n", "try:\n    a\nexcept E as np:\n    "),
        *(
            "def f(np):\n    ",
            "def f(a, *np):\n    ",
            "def f(np=1):\n    ",
            "def f(np: int = 1):\n    ",
            "async def f(np): ",
        ),
        *(
            "def f(np: int):\n    x = [\n        g(lambda a:\n            ",
            "lambda np: ",
            "match x:\n    case np:\n        ",
        ),
        *(
            "match x:\n    case [np, 1]:\n        ",
            "from . import np\n",
            "from .a import np\n",
            "def f():\n    np = 1\n    ",
        ),
    ],
)
def test_what_binds_the_name_to_something_else_ends_it(text):
    assert fallback.imported(NP + text, "np") is None


@pytest.mark.parametrize(
    "before",
    [
        *(NP + "x = 'np = ", NP + "# ", NP + '"""\n', NP + "x = f'{", "import ", NP + "import ", NP + "from "),
        *(
            "def f():\n    import numpy as np\n\n\nx = ",
            "from numpy import *\n",
            "import np.a as b\n",
            "from a import np as b\n",
        ),
    ],
)
def test_where_a_name_stands_for_nothing(before):
    assert fallback.imported(before, "np") is None


@pytest.mark.parametrize(
    ("before", "rests"),
    [
        (NP + "x = np.", {"array": 0.6, "zeros": 0.3, "zeros_like": 0.1}),
        (NP + "x = f(np.ar", {"ray": 1.0}),
        (NP + "x = np.zeros", {}),
        (NP + "x = np.zeros_", {"like": 1.0}),
        (NP + "x = np.q", {}),
        (NP + "x = np", {}),
        (NP + "x = a.np.", {}),
        (NP + "x = a().np.", {}),
        (NP + "x = np.zeros.", {}),
        ("import os\nos.path.ex", {"ists": 2 / 3, "panduser": 1 / 3}),
        ("from os import path\n(path.j", {"oin": 1.0}),
        ("import os\nos.", {}),
        ("import os.path\nfrom os.", {}),
        ("x = np.", {}),
        ("1.", {}),
        ("", {}),
    ],
)
def test_attributes_go_on_what_is_typed(path, before, rests):
    found = fallback.read(path).attributes(before)
    assert [text for text, _ in found] == list(rests)
    assert [score for _, score in found] == pytest.approx([math.log(share) for share in rests.values()])


def test_nothing_is_put_into_the_middle_of_a_name(path):
    listed = fallback.read(path)
    assert [text for text, _ in listed.attributes(NP + "np.z", after="(3)")] == ["eros", "eros_like"]
    assert listed.attributes(NP + "np.z", after="eros(3)") == []


def test_only_names_that_an_import_may_have_made_are_looked_for(path, monkeypatch):
    looked_for = []
    monkeypatch.setattr(fallback, "imported", lambda before, name: looked_for.append(name))
    listed = fallback.read(path)
    for before in (NP + "self.x", NP + "x = foo.bar.", NP + "np.", "from os import path\npath.", NP + "x = 1"):
        listed.attributes(before)
    assert looked_for == ["np", "path"]
    listed.attributes(NP + "#" * fallback.MAX_CHARACTERS + "\nnp.")
    assert looked_for == ["np", "path"]


def test_a_long_file_is_looked_at_in_less_time_than_a_model_takes(path):
    text = NP + "def f(a, b):\n    return {'a': [np.zeros(a), (b, 1)]}  # a\n" * 1000
    fallback.read(path).attributes(text + "np.")
    started = time.process_time()
    assert fallback.read(path).attributes(text + "x = [np.")
    assert time.process_time() - started < 1


def test_the_file_has_the_most_used_attributes(tmp_path):
    train = {"a": collections.Counter({f"name{i}": i + 1 for i in range(300)} | {"same": 300})}
    fallback.write(tmp_path / "f.json", ["a"], train, about={"made": "today"})
    [made] = tmp_path.iterdir()
    content = json.loads(made.read_text())
    assert (content["schema"], content["about"]) == (1, {"made": "today"})
    assert content["symbols"]["a"][:3] == [["name299", 300], ["same", 300], ["name298", 299]]
    assert len(content["symbols"]["a"]) == fallback.MAX_ATTRIBUTES == 200
    listed = fallback.read(made)
    assert (listed.about, listed.symbols["a"][0]) == ({"made": "today"}, ("name299", 300))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", r"f\.json is not JSON in UTF-8"),
        (b"{", r"f\.json is not JSON in UTF-8"),
        (b"[]", r"f\.json is no fallback list: expected .*, got \[\]"),
        (b'{"schema": 2, "about": {}, "symbols": {}}', "got schema 2"),
        (b'{"schema": 1, "symbols": {}}', "got the fields schema, symbols"),
        (b'{"schema": 1, "about": {}, "symbols": []}', "is no fallback list"),
        (b'{"schema": 1, "about": {}, "symbols": {"os": {"path": 1}}}', r"f\.json: os has no list .*, got {'path': 1}"),
        (b'{"schema": 1, "about": {}, "symbols": {"os": [["path", 1], ["a b", 1]]}}', r"os: .* got \['a b', 1\]"),
        (b'{"schema": 1, "about": {}, "symbols": {"os": [["path", 0]]}}', r"got \['path', 0\]"),
        (b'{"schema": 1, "about": {}, "symbols": {"os": [["path", true]]}}', r"got \['path', True\]"),
        (b'{"schema": 1, "about": {}, "symbols": {"os": ["path"]}}', "got 'path'"),
        (b'{"schema": 1, "about": {}, "symbols": {"os": [null]}}', "got None"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path, content, message):
    (tmp_path / "f.json").write_bytes(content)
    with pytest.raises(FallbackError, match=message):
        fallback.read(tmp_path / "f.json")


@pytest.fixture(scope="module")
def folder(export_onnx, small_codec):
    return str(export_onnx(random_models.weights(vocab_size=small_codec.vocab_size, seed=2)))


@pytest.fixture
def engine(folder, path):
    return Engine(folder, threads=1, fallback=path)


@pytest.fixture(scope="module")
def plain(folder):
    return Engine(folder, threads=1)


AT = Request(NP + "x = np.")


def test_an_engine_suggests_what_is_popular_without_its_model(engine):
    [found] = engine.complete(AT)
    assert (found.text, found.tokens, found.logprobs, found.ended) == ("array", (), (), True)
    assert found.score == pytest.approx(math.log(0.6))
    assert engine.counts == {"requests": 1, "fallback": 1}
    [found] = engine.complete(Request(AT.prompt + "ze"))
    assert found.text == "ros"


def test_the_models_own_come_behind(engine, plain):
    how = Decoding(4, beam_size=6, num_answers=6)
    own = [one.text for one in plain.complete(AT, how)]
    found = [one.text for one in engine.complete(AT, how)]
    assert found == ["array", "zeros", "zeros_like", *own[:3]]
    assert [one.text for one in engine.complete(AT, how)] == found
    assert (engine.counts["fallback"], engine.counts["answers_kept"]) == (2, 1)


@pytest.mark.parametrize(
    ("request_", "more"),
    [
        (AT, {"one_line": False}),
        (AT, {"decoding": Decoding(4, temperature=1.0, seed=3)}),
        (AT, {"decoding": Decoding(4, top_logprobs=2)}),
        (AT, {"filters": Filters(python=False)}),
        (AT, {"stop": ["rr"]}),
        (Request(NP + "x = np"), {}),
        (Request("x = np."), {}),
        (Request(NP + "np = 1\nnp."), {}),
        (Request(AT.prompt, suffix="zeros\n"), {}),
    ],
)
def test_elsewhere_nothing_changes(engine, plain, request_, more):
    more = {"decoding": Decoding(4), **more}
    found, expected = (one.complete(request_, **more) for one in (engine, plain))
    if more.get("stop"):
        assert found[0].text == "zeros", "a text that would end it is passed over"
    else:
        assert [(one.text, one.tokens) for one in found] == [(one.text, one.tokens) for one in expected]
        assert engine.counts["fallback"] == 0


def test_what_is_not_shown_is_counted_as_ever(engine):
    assert engine.complete(AT, filters=Filters(min_score=-0.1)) == []
    assert (engine.counts["low_score"], engine.counts["fallback"]) == (1, 1)
    [found] = engine.complete(AT, filters=Filters(min_score=-0.6))
    assert found.text == "array"


def test_a_bad_file_is_an_error_before_the_model_is_loaded(tmp_path):
    (tmp_path / "f.json").write_text("[]")
    with pytest.raises(FallbackError, match="no fallback list"):
        Engine(str(tmp_path / "no-model"), fallback=tmp_path / "f.json")


def test_the_command_takes_a_list(folder, path, tmp_path, capsys):
    (tmp_path / "in.jsonl").write_text(json.dumps({"prompt": AT.prompt}) + "\n")
    command = ["--model", folder, "--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl")]
    assert complete.main([*command, "--fallback", str(path)]) == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["completions"] == ["array"]
    path.write_text("[]")
    assert complete.main([*command, "--fallback", str(path)]) == 1
    assert "is no fallback list" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["server.__main__", "lsp"])
def test_servers_take_a_list_too(command, tmp_path, capsys, folder):
    program = pytest.importorskip(f"completion.{command}")
    (tmp_path / "f.json").write_text("[]")
    more = ["--port", "0"] if command != "lsp" else []
    assert program.main(["--model", folder, "--no_usage", "--fallback", str(tmp_path / "f.json"), *more]) == 1
    assert "is no fallback list" in capsys.readouterr().err
